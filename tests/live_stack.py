"""A whole stack, as `dev.py up --demo` runs it, for tests from end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from config.stack.folder import DataFolder

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS, STOP_SECONDS = 170.0, 15.0


def clean_environment() -> dict[str, str]:
    """Our environment without what configures Headgate, so that the stack's own is what counts."""
    kept = {"HEADGATE_PG_BIN"}
    ours = ("HEADGATE_", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_")
    return {name: value for name, value in os.environ.items() if name in kept or not name.startswith(ours)}


class LiveStack:
    """One `up` in a process of its own, and what a test may do with it."""

    def __init__(self, data: Path, *options: str, given: Mapping[str, str] = MappingProxyType({})) -> None:
        """Start it on a data folder; options are those of `dev.py up`, `given` is its environment's own part."""
        self.data = data
        self._given = dict(given)
        self._terminal = data.with_name(data.name + ".terminal")
        command = [sys.executable, "-m", "config.stack", "up", "--data", str(data), "--port", "0", *options]
        with self._terminal.open("ab") as terminal:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=clean_environment() | self._given, stdout=terminal, stderr=terminal
            )

    # --- What it says

    @property
    def terminal(self) -> str:
        """Everything that its terminal has shown, earlier runs on the same data included."""
        return self._terminal.read_text(errors="replace")

    @property
    def record(self) -> dict[str, Any]:
        """up.json: what runs at this moment; empty when nothing does."""
        return DataFolder(self.data).read_record() or {}

    @property
    def base_url(self) -> str:
        """The address without a path: http://127.0.0.1:<port>."""
        return str(self.record["base_url"])

    @property
    def demo(self) -> dict[str, Any]:
        """demo.json: users, organizations with their keys, models."""
        facts: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return facts

    @property
    def simulator_record(self) -> Path:
        """The simulator's own record of what it served."""
        return self.data / "simulator.jsonl"

    def pid(self, part: str) -> int | None:
        """A part's process id (gateway-1, ingest, worker, simulator, postgres); None while it is down."""
        pid = self.record.get("parts", {}).get(part)
        return None if pid is None else int(pid)

    # --- What can be done to it

    def wait(self, condition: Any, seconds: float = 30.0, what: str = "the condition") -> None:
        """Wait until a function returns something true; fails with the end of the terminal."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail(f"{what} did not come about; the terminal says:\n{self.terminal[-4000:]}")
            time.sleep(0.05)

    def wait_until_ready(self) -> LiveStack:
        """Wait until every part runs and a gateway has answered."""
        self.wait(lambda: self.record.get("is_ready"), START_SECONDS, "a ready stack")
        # A gateway answers before ingest has come up; what is charged must show up at once for tests.
        self.wait(lambda: "ingest follows" in self.terminal, START_SECONDS, "an ingest that books")
        return self

    def kill(self, part: str, number: int = signal.SIGKILL) -> int:
        """Send a part a signal; it is started again unless it is held. Returns the process id."""
        pid = self.pid(part)
        assert pid is not None, f"{part} is not running"
        os.kill(pid, number)
        return pid

    def wait_for_restart(self, part: str, old_pid: int) -> int:
        """Wait until a part runs under another process id; return it."""
        self.wait(lambda: self.pid(part) not in (None, old_pid), what=f"a restart of {part}")
        return self.pid(part) or 0

    def hold(self, part: str) -> None:
        """Stop a part (PostgreSQL with its fast shutdown) and keep it down until release()."""
        (self.data / "held" / part).touch()
        self.kill(part, signal.SIGINT if part == "postgres" else signal.SIGKILL)
        self.wait(lambda: self.pid(part) is None, what=f"the end of {part}")

    def release(self, part: str) -> None:
        """Let a held part run again, and wait until it does."""
        (self.data / "held" / part).unlink()
        self.wait(lambda: self.pid(part) is not None, what=f"the return of {part}")

    def environment(self) -> dict[str, str]:
        """The environment of its parts, secrets included: for running something beside them."""
        ours = clean_environment() | self._given
        return {**ours, **DataFolder(self.data).secrets(), **self.record["environment"]}

    def manage(self, *arguments: str, seconds: float = 60.0) -> str:
        """Run a manage.py command against it; returns what that printed, fails if it does."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it as Ctrl-C or a service manager would; returns its exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


@contextmanager
def stack_folder() -> Iterator[Path]:
    """A place for data folders that root's PostgreSQL can reach."""
    with tempfile.TemporaryDirectory(prefix="headgate-live-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@contextmanager
def running_stack(
    data: Path, *options: str, given: Mapping[str, str] = MappingProxyType({})
) -> Iterator[LiveStack]:
    """A stack that is ready, and stopped in the end."""
    stack = LiveStack(data, *options, given=given)
    try:
        yield stack.wait_until_ready()
    finally:
        if stack.process.poll() is None:
            stack.stop()


OPENED = MappingProxyType({"HEADGATE_OUTBOUND_ALLOW": "127.0.0.0/8"})
"""Tests play the upstreams of users on this machine."""


@pytest.fixture(scope="session")
def live_stack() -> Iterator[LiveStack]:
    """The demonstration with two gateways, shared by all tests that ask for it; leave it as you found it."""
    with (
        stack_folder() as folder,
        running_stack(
            folder / "var", "--demo", "--gateways", "2", "--crashes", "1000", given=OPENED
        ) as stack,
    ):
        yield stack


@pytest.fixture
def own_stack_folder() -> Iterator[Path]:
    """A folder for a test that starts and stops stacks of its own with running_stack()."""
    with stack_folder() as folder:
        yield folder
