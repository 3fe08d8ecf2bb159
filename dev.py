#!/usr/bin/env python3
"""The commands of this repository: `python3 dev.py up`, `python3 dev.py test` and a few more.

Needs Python 3.11 or newer with pip and nothing else: standard library only, no virtual environment, no make,
no database. It brings its own uv, installs exactly what requirements/ locks, and hands over.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ROOT / "requirements"
UV_HOME = ROOT / ".uv"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
USAGE = """\
usage: python3 dev.py COMMAND [options]

  up [--port 8000] [--data DIR] [--demo] [--gateways N]
                       run everything on this machine; Ctrl-C stops it
  manage COMMAND ...   a manage.py command against the stack that is running (--data DIR: where its data is)
  test [--full] [--faults] [pytest options]
                       the tests; whole runs use two processes
  lint                 formatting, types, layers, templates, deployment checks
  check [pytest options]
                       lint and test
  lock                 resolve pyproject.toml again and rewrite requirements/
"""
# A run with nothing but these options is a whole one, and worth a second process.
WHOLE_RUN_OPTIONS = {"--full", "--faults", "--browser", "-q", "-v", "-vv", "-x"}
TEMPLATES = sorted(ROOT.glob("templates/**/*.html"))
CHECKS = {
    "formatting": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy", "."],
    "layers": ["lint-imports"],
    **({"templates": ["djade", "--check", *map(str, TEMPLATES)]} if TEMPLATES else {}),
    "deployment": ["python", "-m", "config.stack.deployment_check"],
}


def fail(reason: str) -> None:
    """End with a sentence instead of a traceback."""
    raise SystemExit(f"dev.py: {reason}")


def digest(*files: Path) -> str:
    """One hash over the files' content, to see whether an installation is still the one they ask for."""
    content = hashlib.sha256()
    for file in files:
        content.update(file.read_bytes())
    return content.hexdigest()


def run_quietly(command: list[str], *, doing: str, env: dict[str, str], stdin: str = "") -> None:
    """Run a command whose output matters only when it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env=env, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        fail(f"{doing} failed:\n{done.stdout}")


def uv_environment() -> dict[str, str]:
    """Let uv use this Python and this machine's certificates, and leave other environments alone."""
    env = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    env.setdefault("UV_SYSTEM_CERTS", "1")
    env["UV_PYTHON_DOWNLOADS"] = "never"
    if (
        "PIP_INDEX_URL" in env
    ):  # uv reads none of pip's settings; a machine with a mirror usually set this one
        env.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    return env


def uv() -> str:
    """Return our own uv, installed beside us at first use; works without venv and under PEP 668."""
    lock, stamp, program = REQUIREMENTS / "uv.txt", UV_HOME / "installed", UV_HOME / "bin" / "uv"
    if not (stamp.exists() and stamp.read_text() == digest(lock)):
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        target = ["--upgrade", "--no-warn-script-location", "--target", str(UV_HOME)]
        command = [*pip, *target, "--require-hashes", "-r", str(lock)]
        run_quietly(command, doing="installing uv with pip", env=dict(os.environ))
        stamp.write_text(digest(lock))
    return str(program)


def install(name: str) -> None:
    """Bring .venv to exactly requirements/<name>.txt, unless it is there already (dev contains runtime)."""
    stamp = VENV / "installed"
    current = digest(REQUIREMENTS / "runtime.txt", REQUIREMENTS / "dev.txt")
    contents = stamp.read_text().split() if stamp.exists() and PYTHON.exists() else []
    if contents in ([name, current], ["dev", current]):
        return
    print(f"dev.py: installing requirements/{name}.txt into {VENV.name}/ ...", flush=True)
    stamp.unlink(missing_ok=True)  # half an installation must not pass for a whole one
    env = uv_environment()
    if not PYTHON.exists():
        venv = [uv(), "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)]
        run_quietly(venv, doing="making .venv", env=env)
    sync = [uv(), "pip", "sync", "--quiet", "--require-hashes", "--python", str(PYTHON)]
    run_quietly([*sync, str(REQUIREMENTS / f"{name}.txt")], doing="installing the requirements", env=env)
    stamp.write_text(f"{name} {current}")


def python_environment() -> dict[str, str]:
    """The environment of what we start: nothing of another virtual environment or PYTHONPATH."""
    env = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return env | {"PYTHONUNBUFFERED": "1"}


def hand_over(*arguments: str) -> None:
    """Become the installed Python, so that signals and the exit code are its own."""
    os.execve(str(PYTHON), [str(PYTHON), *arguments], python_environment())


def up(arguments: list[str]) -> None:
    install("runtime")
    hand_over("-m", "config.stack", "up", *arguments)


def manage(arguments: list[str]) -> None:
    install("runtime")
    hand_over("-m", "config.stack", "manage", *arguments)


def pytest_arguments(arguments: list[str]) -> list[str]:
    """Spread whole runs over two processes; a run of chosen tests stays in one, easier to read and debug."""
    is_whole = all(argument in WHOLE_RUN_OPTIONS for argument in arguments)
    return ["-m", "pytest", *(["-n", "2", "--dist", "loadfile"] if is_whole else []), *arguments]


def test(arguments: list[str]) -> None:
    install("dev")
    hand_over(*pytest_arguments(arguments))


def run_checks(checks: dict[str, list[str]]) -> None:
    """Run all of these programs of .venv and fail if one of them did; none hides behind an earlier one."""
    failed = []
    for name, (program, *arguments) in checks.items():
        print(f"--- {name}", flush=True)
        began = time.monotonic()
        command = [str(PYTHON.parent / program), *arguments]
        if subprocess.run(command, cwd=ROOT, env=python_environment()).returncode:
            failed.append(name)
        result = "FAILED" if name in failed else "ok"
        print(f"--- {name}: {result} in {time.monotonic() - began:.1f} s", flush=True)
    if failed:
        fail(f"failed: {', '.join(failed)}")


def lint(arguments: list[str]) -> None:
    install("dev")
    run_checks(CHECKS)


def check(arguments: list[str]) -> None:
    install("dev")
    run_checks({**CHECKS, "tests": ["python", *pytest_arguments(arguments)]})


def lock(arguments: list[str]) -> None:
    """Resolve again, for every platform and with hashes; `--upgrade` and the like go to uv."""
    options = ["--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate"]
    command = [uv(), "pip", "compile", *options, "--python-version", "3.11", *arguments]
    sources = {"runtime": ["pyproject.toml"], "dev": ["pyproject.toml", "--group", "dev"], "uv": ["-"]}
    for name, source in sources.items():
        target = f"requirements/{name}.txt"
        run_quietly(
            [*command, "-o", target, *source], doing=f"resolving {target}", env=uv_environment(), stdin="uv"
        )


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  a newcomer's Python may be older: say so in a sentence
        fail(f"needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    commands = {"up": up, "manage": manage, "test": test, "lint": lint, "check": check, "lock": lock}
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in {"-h", "--help", "help"}:
        print(USAGE, end="")
    elif name in commands:
        os.chdir(ROOT)
        commands[name](arguments)
    else:
        fail(f"no such command: {name}\n\n{USAGE}")


if __name__ == "__main__":
    main()
