"""`dev.py up`: what a person at a terminal, and whoever kills things, may rely on."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from config.stack.folder import DataFolder
from config.stack.ports import reserved_port
from tests.config.stack.fake_parts import is_alive, until
from tests.live_stack import ROOT, LiveStack, clean_environment, running_stack

CTRL_C_SECONDS = 10.0


def run_up(data: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run an `up` that is expected to refuse."""
    command = [sys.executable, "-m", "config.stack", "up", "--data", str(data), *options]
    return subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=30, check=False
    )


def descendants(stack: LiveStack) -> list[int]:
    """All processes that belong to the stack's parts, forked ones included."""
    groups = {int(pid) for pid in stack.record["parts"].values()}
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parent, group = int(fields[1]), int(fields[2])
        if groups & {parent, group}:
            found.append(int(entry.parent.name))
    return found


class TestWhileItRuns:
    def test_a_gateway_answers(self, live_stack):
        with urlopen(f"{live_stack.base_url}/healthz", timeout=5) as answer:
            assert answer.status == 200

    def test_the_folder_is_refused_to_a_second_one(self, live_stack):
        refused = run_up(live_stack.data, "--port", "0")

        assert refused.returncode == 1
        assert f"is in use by process {live_stack.process.pid}" in refused.stderr
        assert "Traceback" not in refused.stderr

    def test_the_secrets_are_for_our_eyes_only(self, live_stack):
        for name in ("secrets.env", "up.json", "demo.json"):
            assert stat.S_IMODE((live_stack.data / name).stat().st_mode) == 0o600, name

    def test_management_commands_reach_its_database(self, live_stack):
        command = [
            sys.executable,
            "-m",
            "config.stack",
            "manage",
            "showmigrations",
            "--data",
            str(live_stack.data),
        ]

        done = subprocess.run(
            [*command, "--database", "owner", "--plan"],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

        assert "[X]  accounts.0001_initial" in done.stdout
        assert "[ ]" not in done.stdout

    @pytest.mark.parametrize("part", ["gateway-1", "ingest", "worker", "simulator"])
    def test_a_part_that_was_killed_comes_back(self, live_stack, part):
        old = live_stack.kill(part)

        new = live_stack.wait_for_restart(part, old)

        assert is_alive(new)
        assert live_stack.process.poll() is None

    def test_the_database_comes_back_when_it_is_let(self, live_stack):
        live_stack.hold("postgres")

        live_stack.release("postgres")

        live_stack.wait(lambda: "accounts" in live_stack.manage("showmigrations", "accounts"))


class TestWithoutAFolderOrAPort:
    def test_a_port_in_use_is_refused(self, own_stack_folder):
        with reserved_port(0) as port:
            refused = run_up(own_stack_folder / "var", "--port", str(port))

        assert refused.returncode == 1
        assert f"port {port} on 127.0.0.1 is in use" in refused.stderr
        assert "Traceback" not in refused.stderr

    def test_management_commands_say_that_nothing_runs(self, own_stack_folder):
        command = [sys.executable, "-m", "config.stack", "manage", "check", "--data", str(own_stack_folder)]

        refused = subprocess.run(
            command,
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

        assert refused.returncode == 1
        assert "no stack runs on" in refused.stderr

    def test_half_a_database_is_refused(self, own_stack_folder, monkeypatch):
        monkeypatch.setenv("DATABASE_URL", "postgres://headgate_app@db.example/headgate")
        environment = clean_environment() | {"DATABASE_URL": os.environ["DATABASE_URL"]}
        command = [sys.executable, "-m", "config.stack", "up", "--data", str(own_stack_folder / "var")]

        refused = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False
        )

        assert refused.returncode == 1
        assert "set both DATABASE_URL and HEADGATE_OWNER_DATABASE_URL" in refused.stderr


class TestOneLife:
    """A stack from its first start to its last, in one go: starting one takes seconds."""

    def test_from_the_first_start_to_a_kill(self, own_stack_folder):
        data = own_stack_folder / "var"

        with running_stack(data) as stack:
            first = stack.terminal
            port = stack.base_url.rpartition(":")[2]
            pids = descendants(stack)
            began = time.monotonic()
            status = stack.stop(signal.SIGINT)

        assert re.search(r"password +\S{12,}", first)
        assert re.search(r"inference +sk-hg-v1-[0-9a-f]{64}", first)
        assert re.search(r"management +sk-hg-mgmt-v1-[0-9a-f]{64}", first)
        assert f"curl http://127.0.0.1:{port}/api/v1/chat/completions" in first
        assert status == 0
        assert time.monotonic() - began < CTRL_C_SECONDS
        assert len(pids) > 5
        until(lambda: not any(is_alive(pid) for pid in pids))
        assert not (data / "prepared.json").exists()

        with running_stack(data, "--gateways", "2") as stack:
            second = stack.terminal[len(first) :]
            pids = descendants(stack)
            record = json.loads((data / "up.json").read_text())
            stack.process.kill()
            stack.process.wait()

            assert "with the password of the first start" in second
            assert "sk-hg-" not in second
            assert {"gateway-1", "gateway-2", "simulator", "ingest", "worker", "postgres"} == set(
                record["parts"]
            )
            until(lambda: not any(is_alive(pid) for pid in pids))
            assert DataFolder(data).read_record() is None
