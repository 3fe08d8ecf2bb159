"""Keeps the parts of a stack running, and stops them in order; knows nothing of what the parts are.

One thread, one loop: a part that ends by itself is started again with growing pauses, and one that keeps
dying stops everything, with its last words. Every part leads a process group, so that what it forked ends
with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from config.stack.guardian import Guardian, signal_group
from config.stack.output import Output

CRASH_WINDOW_SECONDS = 60.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 5.0
HARD_STOP_SECONDS = 1.0
TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Part:
    """A process to keep running."""

    name: str
    command: list[str]
    options: dict[str, Any] = field(default_factory=dict)  # Popen's: env, cwd, user, …
    stop_stage: int = 0  # lower ones are stopped first
    stop_seconds: float = 2.0
    stop_signal: int = signal.SIGTERM
    hard_signal: int = signal.SIGKILL


class PartFailedError(Exception):
    """A part cannot be kept running; the message says how it ended and what it said last."""


@dataclass
class Run:
    """One part and its present process."""

    part: Part
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)
    start_at: float = 0.0

    @property
    def pid(self) -> int | None:
        """The process id, while there is a process."""
        return self.process.pid if self.process else None


def describe_end(status: int) -> str:
    """Say how a process ended."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


class Supervisor:
    """Starts, restarts and stops parts."""

    def __init__(
        self,
        *,
        output: Output,
        guardian: Guardian,
        crash_limit: int = 5,
        is_held: Callable[[str], bool] = lambda name: False,
        on_change: Callable[[dict[str, int]], None] = lambda pids: None,
    ) -> None:
        """Give up on a part that ends crash_limit times in a minute; leave alone what is held.

        on_change is told the process ids by name whenever one of them has changed.
        """
        self._output = output
        self._guardian = guardian
        self._crash_limit = crash_limit
        self._is_held = is_held
        self._on_change = on_change
        self._runs: dict[str, Run] = {}
        self._signals = 0

    # --- For the caller's loop

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked to stop."""
        return self._signals > 0

    def ask_to_stop(self, *_: object) -> None:
        """Ask to stop; asked twice, stop() does not wait. Can be used as a signal handler."""
        self._signals += 1

    def start(self, part: Part) -> None:
        """Start a part and keep it running from now on."""
        run = self._runs[part.name] = Run(part)
        self._launch(run)

    def run_to_end(self, part: Part) -> None:
        """Run a part once, the others going on meanwhile; raises PartFailedError if it fails."""
        run = Run(part)
        process = self._launch(run)
        try:
            while process.poll() is None and not self.is_stopping:
                self.tick()
        finally:
            self._end([run])
        if process.returncode and not self.is_stopping:
            raise self._failure(part.name, process.returncode)

    def tick(self, seconds: float = TICK_SECONDS) -> None:
        """Pass on output for at most so long, and start what has ended; raises PartFailedError to give up."""
        self._output.pump(seconds)
        for run in self._runs.values():
            if run.process is not None and run.process.poll() is not None:
                self._notice_death(run, run.process.returncode)
            elif (
                run.process is None and time.monotonic() >= run.start_at and not self._is_held(run.part.name)
            ):
                self._launch(run)

    def stop(self) -> None:
        """Stop all parts, stage by stage; what does not end in its time is killed. Nothing is left."""
        for stage in sorted({run.part.stop_stage for run in self._runs.values()}):
            self._end(run for run in self._runs.values() if run.part.stop_stage == stage)
        self._output.drain()

    def is_running(self, name: str) -> bool:
        """Whether a part has a process at this moment."""
        return self._runs[name].process is not None

    # --- Steps

    def _launch(self, run: Run) -> subprocess.Popen[bytes]:
        writing = self._output.open(run.part.name)
        try:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": writing, "stderr": writing}
            process = subprocess.Popen(
                run.part.command, start_new_session=True, **streams, **run.part.options
            )
        finally:
            os.close(writing)
        run.process = process
        self._guardian.watch(process.pid, last_signal=self._guardian_signal(run.part))
        self._report_change()
        return process

    @staticmethod
    def _guardian_signal(part: Part) -> int:
        """What ends a part at once: SIGKILL, unless it has a signal of its own for that (PostgreSQL does)."""
        return part.hard_signal if part.hard_signal == signal.SIGKILL else part.stop_signal

    def _notice_death(self, run: Run, status: int) -> None:
        """Bury a part that ended by itself and set the time of its next start."""
        self._output.drain()
        self._bury(run)
        if self._is_held(run.part.name):
            return
        now = time.monotonic()
        run.deaths = [at for at in run.deaths if now - at < CRASH_WINDOW_SECONDS] + [now]
        if len(run.deaths) >= self._crash_limit:
            raise self._failure(run.part.name, status, times=len(run.deaths))
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (len(run.deaths) - 1), LONGEST_PAUSE_SECONDS)
        run.start_at = now + pause
        print(f"{run.part.name} {describe_end(status)}; starting it again in {pause:.1f} s", flush=True)

    def _bury(self, run: Run) -> None:
        """End what an ended process left in its group, and take it off the guardian's list."""
        if run.process is None:
            return
        signal_group(run.process.pid, signal.SIGKILL)
        self._guardian.forget(run.process.pid)
        run.process = None
        self._report_change()

    def _end(self, runs: Iterable[Run]) -> None:
        """Ask runs to end, then insist."""
        alive = [run for run in runs if run.process is not None]
        patience = max((run.part.stop_seconds for run in alive), default=0.0)
        self._signal(alive, lambda part: part.stop_signal)
        self._await_end(alive, patience, while_=lambda: self._signals < 2)
        self._signal(alive, lambda part: part.hard_signal)
        self._await_end(alive, HARD_STOP_SECONDS)
        self._signal(alive, lambda part: signal.SIGKILL)
        self._await_end(alive, HARD_STOP_SECONDS)
        for run in alive:
            self._bury(run)

    @staticmethod
    def _signal(runs: list[Run], signal_of: Callable[[Part], int]) -> None:
        for run in runs:
            if run.process is not None and run.process.poll() is None:
                run.process.send_signal(signal_of(run.part))

    def _await_end(
        self, runs: list[Run], seconds: float, *, while_: Callable[[], bool] = lambda: True
    ) -> None:
        """Wait until all runs have ended, but for at most so many seconds and while the condition holds."""
        deadline = time.monotonic() + seconds
        while any(run.process is not None and run.process.poll() is None for run in runs):
            if time.monotonic() >= deadline or not while_():
                return
            self._output.pump(0.02)

    def _failure(self, name: str, status: int, times: int = 1) -> PartFailedError:
        self._output.drain()
        often = f" ({times} times within a minute)" if times > 1 else ""
        last = "\n".join(f"    {line}" for line in self._output.last_lines(name))
        return PartFailedError(f"{name} {describe_end(status)}{often}. The last it said:\n{last}")

    def _report_change(self) -> None:
        self._on_change({name: run.pid for name, run in self._runs.items() if run.pid is not None})
