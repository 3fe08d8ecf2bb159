"""Ends a supervisor's processes when the supervisor itself was killed without a chance to do so.

A process in a session of its own reads from a pipe what runs; the pipe closes when the supervisor ends,
however it ends, and whatever has not been taken back by then is ended. Works where PR_SET_PDEATHSIG does not:
for the children of a part (Celery forks its beat), for processes that change their user, and outside Linux.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TextIO

GRACE_SECONDS = 8.0


def signal_group(group: int, number: int) -> bool:
    """Signal a process group; False when nothing of it is left."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


class Guardian:
    """The supervisor's end of the pipe."""

    def __init__(self, *held_files: int) -> None:
        """Start the guarding process; held_files stay open (and locked) in it until its work is done."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=held_files,
            text=True,
        )

    def watch(self, group: int, *, last_signal: int = signal.SIGKILL) -> None:
        """Have this process group ended with last_signal when we are gone."""
        if not self._tell(f"+ {group} {int(last_signal)}"):
            raise RuntimeError("the guarding process is gone; stop rather than leave processes behind")

    def forget(self, group: int) -> None:
        """Take a group back: it has ended, and its number may be given to a stranger."""
        self._tell(f"- {group} 0")

    def close(self) -> None:
        """Say that we are done; ends what is still watched."""
        pipe = self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            if pipe is not None and not pipe.closed:
                pipe.close()
        self._process.wait()

    def _tell(self, line: str) -> bool:
        """Pass a line on; False when nobody is there to read it."""
        if self._process.stdin is None or self._process.poll() is not None:
            return False
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return False
        return True


def read_remaining(lines: TextIO) -> dict[int, int]:
    """Follow the supervisor until it ends; return the groups it left behind with the signal for each."""
    watched: dict[int, int] = {}
    for line in lines:
        action, group, last_signal = line.split()
        if action == "+":
            watched[int(group)] = int(last_signal)
        else:
            watched.pop(int(group), None)
    return watched


def end(groups: dict[int, int]) -> None:
    """Send each group its signal, wait for all of them, and kill what does not go."""
    deadline = time.monotonic() + GRACE_SECONDS
    remaining = {group for group, number in groups.items() if signal_group(group, number)}
    while remaining and time.monotonic() < deadline:
        time.sleep(0.02)
        remaining = {group for group in remaining if signal_group(group, 0)}
    for group in remaining:
        signal_group(group, signal.SIGKILL)


if __name__ == "__main__":
    end(read_remaining(sys.stdin))
