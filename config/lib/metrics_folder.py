"""What all processes of a host count, in one folder: each writes its own file, any of them tells them all.

So one address is enough for gateways that share a port, and for processes that have none. A file that nobody has
written for a while is a dead process's, and is removed.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

STALE_SECONDS = 30.0
FORGOTTEN_SECONDS = 600.0
SUFFIX = ".prom"


class MetricsFolder:
    """A folder of snapshots, named by what the process is and its id."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, role: str, text: str) -> None:
        """Put this process's snapshot there, whole. Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self._file(role)
        partial = target.with_suffix(".new")
        partial.write_text(text)
        partial.replace(target)

    def leave(self, role: str) -> None:
        """This process ends."""
        with contextlib.suppress(OSError):
            self._file(role).unlink(missing_ok=True)

    def fresh(self, role: str | None = None) -> Iterator[tuple[str, str, str]]:
        """Role, process id and text of each process that is alive."""
        now = time.time()
        for file in sorted(self.path.glob(f"{role or '*'}.*{SUFFIX}")):
            try:
                age = now - file.stat().st_mtime
                if age <= STALE_SECONDS:
                    name, _, process_id = file.name.removesuffix(SUFFIX).rpartition(".")
                    yield name, process_id, file.read_text()
                elif age > FORGOTTEN_SECONDS:
                    file.unlink(missing_ok=True)
            except OSError:
                continue  # it has just left

    def told(self) -> str:
        """Everything, each sample with the role and id of its process."""
        heads: dict[str, list[str]] = {}
        samples: dict[str, list[str]] = {}
        for role, process_id, text in self.fresh():
            _sort(text, f'role="{role}",pid="{process_id}"', heads, samples)
        lines = [line for name, head in heads.items() for line in (*head, *samples[name])]
        return "\n".join([*lines, ""])

    def _file(self, role: str) -> Path:
        return self.path / f"{role}.{os.getpid()}{SUFFIX}"


def _sort(text: str, ours: str, heads: dict[str, list[str]], samples: dict[str, list[str]]) -> None:
    """Put the lines of one snapshot to those of the same metric: a metric's lines must stand together."""
    name, is_new = "", False
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            is_new = name not in heads
            heads.setdefault(name, [])
            samples.setdefault(name, [])
        if line.startswith("#"):
            if is_new:
                heads[name].append(line)
        elif line:
            samples[name].append(_labelled(line, ours))


def _labelled(line: str, ours: str) -> str:
    name, space, value = line.partition(" ")
    before, brace, after = line.partition("{")
    if brace and len(before) < len(name):
        return f"{before}{{{ours},{after}"
    return f"{name}{{{ours}}}{space}{value}"
