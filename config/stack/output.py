"""What the parts print: each line goes to the terminal under its part's name, and to the part's log file."""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
from collections import deque
from pathlib import Path

LONGEST_LINE = 64 * 1024
LONGEST_LOG = 10 * 1024 * 1024
REMEMBERED_LINES = 20


class Stream:
    """The output of one run of a part."""

    def __init__(self, name: str, log: Path, recent: deque[str]) -> None:
        """Append to the log, and keep the last lines in recent, which outlives the run."""
        self._prefix = f"{name:<10} | ".encode()
        self._log = log.open("ab", buffering=0)
        self._recent = recent
        self._unfinished = b""

    def take(self, data: bytes) -> None:
        """Pass on the lines that are complete, and a line that grows without end."""
        *lines, self._unfinished = (self._unfinished + data).split(b"\n")
        if len(self._unfinished) > LONGEST_LINE:
            lines.append(self._unfinished)
            self._unfinished = b""
        self._write(lines)

    def close(self) -> None:
        """Pass on what came without a line's end, and close the log."""
        if self._unfinished:
            self._write([self._unfinished])
        self._log.close()

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        self._log.write(b"".join(line + b"\n" for line in lines))
        self._recent.extend(line.decode(errors="replace") for line in lines)
        with contextlib.suppress(BrokenPipeError):  # whoever read the terminal left; the logs go on
            sys.stdout.buffer.write(b"".join(self._prefix + line + b"\n" for line in lines))
            sys.stdout.buffer.flush()


class Output:
    """The pipes of all parts that run."""

    def __init__(self, folder: Path) -> None:
        """Keep the log files in a folder."""
        self._folder = folder
        self._selector = selectors.DefaultSelector()
        self._recent: dict[str, deque[str]] = {}

    def open(self, name: str) -> int:
        """Return a file descriptor for a new run of a part to print to; the caller closes it."""
        log = self._folder / f"{name}.log"
        if log.exists() and log.stat().st_size > LONGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        recent = self._recent.setdefault(name, deque(maxlen=REMEMBERED_LINES))
        recent.clear()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        self._selector.register(reading, selectors.EVENT_READ, Stream(name, log, recent))
        return writing

    def pump(self, seconds: float) -> None:
        """Pass on what the parts print, waiting for at most so long for something to come."""
        for key, _ in self._selector.select(seconds):
            data = os.read(key.fd, LONGEST_LINE)
            if data:
                key.data.take(data)
            else:
                self._selector.unregister(key.fd)
                key.data.close()
                os.close(key.fd)

    def drain(self) -> None:
        """Pass on everything that waits in the pipes."""
        while self._selector.select(0):
            self.pump(0)

    def last_lines(self, name: str) -> list[str]:
        """The end of what a part printed in its last run."""
        return list(self._recent.get(name, ()))

    def close(self) -> None:
        """Close the pipes; a process that has escaped its part may still hold the other end."""
        for key in list(self._selector.get_map().values()):
            key.data.close()
            os.close(key.fd)
        self._selector.close()
