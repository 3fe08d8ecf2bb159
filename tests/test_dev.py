"""dev.py: what it installs and hands over to; run on a copy of it, with a uv that only notes its calls."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Notes how it was called; makes what `uv venv` would make: a Python that says what it was asked to run.
FAKE_UV = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
if [ "$1" = venv ]; then
    for last; do :; done
    mkdir -p "$last/bin"
    printf '#!/bin/sh\\necho python "$@"\\n' > "$last/bin/python"
    chmod +x "$last/bin/python"
fi
"""


class Checkout:
    """A folder with dev.py, the requirements and the fake uv."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "dev.py", folder)
        shutil.copytree(ROOT / "requirements", folder / "requirements")
        self._calls = folder / ".uv" / "bin" / "calls"
        self._calls.parent.mkdir(parents=True)
        (folder / ".uv" / "bin" / "uv").write_text(FAKE_UV)
        (folder / ".uv" / "bin" / "uv").chmod(0o755)
        lock = (folder / "requirements" / "uv.txt").read_bytes()
        (folder / ".uv" / "installed").write_text(hashlib.sha256(lock).hexdigest())

    def dev(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dev.py."""
        command = [sys.executable, "dev.py", *arguments]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )

    def uv_calls(self) -> list[str]:
        """How uv was called since the last time we asked."""
        calls = self._calls.read_text().splitlines() if self._calls.exists() else []
        self._calls.unlink(missing_ok=True)
        return calls


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(tmp_path)


class TestInstalling:
    def test_makes_an_environment_and_brings_it_to_exactly_what_is_locked(self, checkout):
        checkout.dev("up")

        venv, sync = checkout.uv_calls()
        assert venv.startswith("venv ")
        assert sync.startswith("pip sync ")
        assert "--require-hashes" in sync
        assert sync.endswith("requirements/runtime.txt")

    def test_is_done_once(self, checkout):
        checkout.dev("up")
        checkout.uv_calls()

        checkout.dev("up")

        assert checkout.uv_calls() == []

    def test_follows_a_change_of_what_is_locked(self, checkout):
        checkout.dev("up")
        checkout.uv_calls()
        with (checkout.folder / "requirements" / "runtime.txt").open("a") as requirements:
            requirements.write("# changed\n")

        checkout.dev("up")

        assert [call.split()[1] for call in checkout.uv_calls()] == ["sync"]

    def test_for_the_tests_serves_up_as_well(self, checkout):
        checkout.dev("test")
        assert checkout.uv_calls()[1].endswith("requirements/dev.txt")

        checkout.dev("up")

        assert checkout.uv_calls() == []

    def test_for_up_does_not_serve_the_tests(self, checkout):
        checkout.dev("up")
        checkout.uv_calls()

        checkout.dev("test")

        assert checkout.uv_calls()[0].endswith("requirements/dev.txt")

    def test_that_fails_is_told_with_its_reason_and_tried_again(self, checkout):
        uv = checkout.folder / ".uv" / "bin" / "uv"
        uv.write_text("#!/bin/sh\necho no such package >&2\nexit 1\n")

        first, second = checkout.dev("up"), checkout.dev("up")

        assert first.returncode == second.returncode == 1
        assert "no such package" in second.stderr
        assert "Traceback" not in second.stderr


class TestHandingOver:
    @pytest.mark.parametrize(
        ("arguments", "handed_over"),
        [
            (["up", "--demo"], "-m config.stack up --demo"),
            (["manage", "reconcile"], "-m config.stack manage reconcile"),
            (["test"], "-m pytest -n 2 --dist loadfile"),
            (["test", "--full"], "-m pytest -n 2 --dist loadfile --full"),
            (["test", "tests/test_dev.py", "-k", "once"], "-m pytest tests/test_dev.py -k once"),
        ],
    )
    def test_runs_the_installed_python(self, checkout, arguments, handed_over):
        done = checkout.dev(*arguments)

        assert done.stdout.splitlines()[-1] == f"python {handed_over}"

    def test_gives_the_exit_status_of_what_it_ran(self, checkout):
        checkout.dev("up")
        (checkout.folder / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 7\n")

        assert checkout.dev("up").returncode == 7

    def test_of_an_unknown_command_is_refused(self, checkout):
        done = checkout.dev("upp")

        assert done.returncode == 1
        assert "no such command: upp" in done.stderr

    def test_to_an_old_python_is_refused_in_a_sentence(self, checkout):
        pretend = (
            "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('dev.py', run_name='__main__')"
        )

        done = subprocess.run(
            [sys.executable, "-c", pretend],
            cwd=checkout.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert done.returncode == 1
        assert "needs Python 3.11 or newer" in done.stderr


class TestLinting:
    def test_runs_every_check_and_names_those_that_failed(self, checkout):
        checkout.dev("test")
        programs = checkout.folder / ".venv" / "bin"
        for name, status in {"ruff": 1, "mypy": 0, "lint-imports": 2}.items():
            (programs / name).write_text(f"#!/bin/sh\nexit {status}\n")
            (programs / name).chmod(0o755)

        done = checkout.dev("lint")

        assert done.returncode == 1
        assert "failed: formatting, lint, layers" in done.stderr
        assert "deployment: ok" in done.stdout


class TestTheLockedRequirements:
    @pytest.mark.parametrize("name", ["runtime", "dev", "uv"])
    def test_are_pinned_with_hashes_and_name_no_place(self, name):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()

        entries = re.split(r"\n(?=[a-z])", text.strip())
        assert all(re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+", entry) for entry in entries)
        assert all("--hash=sha256:" in entry for entry in entries)
        assert "://" not in text

    def test_of_development_contain_those_of_production(self):
        def pins(name: str) -> set[str]:
            text = (ROOT / "requirements" / f"{name}.txt").read_text()
            return set(re.findall(r"^[a-z0-9-]+==\S+", text, re.MULTILINE))

        assert pins("runtime") <= pins("dev")


class TestContinuousIntegration:
    def test_runs_the_test_command_of_the_readme(self):
        script = (ROOT / ".ci" / "run").read_text()

        assert "python3 dev.py test" in script
        assert os.access(ROOT / ".ci" / "run", os.X_OK)
