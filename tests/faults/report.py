"""What a drill came to, in a line that docs/money.md can quote."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.faults.load import Trace
from tests.faults.oracle import Verdict


class Judged(Protocol):
    """Anything with a verdict."""

    @property
    def verdict(self) -> Verdict:
        """What the audit found."""


@dataclass(frozen=True)
class Seen:
    """A drill's outcome."""

    verdict: Verdict
    traces: Sequence[Trace]


def report(what: str, rounds: int, seen: Judged) -> None:
    """Note a drill's outcome."""
    note(f"{what} ×{rounds}: {seen.verdict}")


def note(line: str) -> None:
    """Print a line, and append it to the file that HEADGATE_FAULTS_REPORT names."""
    print(line)
    if path := os.environ.get("HEADGATE_FAULTS_REPORT"):
        with Path(path).open("a") as file:
            file.write(f"{line}\n")
