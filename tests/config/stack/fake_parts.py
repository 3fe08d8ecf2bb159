"""Processes that play the parts of a stack, and a supervisor over them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.stack.guardian import Guardian
from config.stack.output import Output
from config.stack.supervisor import Part, Supervisor

PATIENCE_SECONDS = 20.0
WAITING = "import time\nprint('here', flush=True)\ntime.sleep(600)"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + WAITING
FAILING = "import sys\nprint('no room in the inn', file=sys.stderr)\nsys.exit(3)"
# Forks a child into its own process group, as Celery does with its beat, and tells the child's id.
WITH_CHILD = """
import os, time
child = os.fork()
if child:
    print("child", child, flush=True)
time.sleep(600)
"""


def part(name: str, program: str, **options: Any) -> Part:
    """A part that runs a Python program."""
    return Part(name=name, command=[sys.executable, "-I", "-S", "-c", program], **options)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not collected by its parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def until(condition: Callable[[], Any], while_waiting: Callable[[], Any] = lambda: time.sleep(0.02)) -> None:
    """Wait for a condition, doing something meanwhile; fails after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        while_waiting()


class Stage:
    """A supervisor with everything that it needs, on a folder of the test's."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.pids: dict[str, int] = {}
        self.held: set[str] = set()
        self.output = Output(folder)
        self.guardian = Guardian()
        self.supervisor = Supervisor(
            output=self.output,
            guardian=self.guardian,
            is_held=self.held.__contains__,
            on_change=self._remember,
            **options,
        )

    def _remember(self, pids: dict[str, int]) -> None:
        self.pids = pids

    def run_until(self, condition: Callable[[], Any]) -> None:
        """Let the supervisor work until something is true."""
        until(condition, while_waiting=lambda: self.supervisor.tick(0.02))

    def kill(self, name: str, number: int) -> int:
        """Send a part's process a signal; return its id."""
        pid = self.pids[name]
        os.kill(pid, number)
        return pid

    def said(self, name: str) -> list[str]:
        """What a part said in its present run."""
        return self.output.last_lines(name)


@contextmanager
def stage(folder: Path, **options: Any) -> Iterator[Stage]:
    """A stage that is cleared in the end."""
    built = Stage(folder, **options)
    try:
        yield built
    finally:
        built.supervisor.stop()
        built.guardian.close()
        built.output.close()
