"""Sends a batch to a vendor, in halves where the vendor refuses it, until a poisoned trace is alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from config.lib.outbound import CallFailed
from observability.destinations.destination import DestinationKind, Door
from observability.destinations.exchange import Outcome
from observability.destinations.judging import unanswered
from observability.trace import Trace

log = logging.getLogger(__name__)

MOST_SENDINGS: Final = 40
"""Of one batch, in halves and their halves; what is left then waits for the next try."""
MOST_SECONDS: Final = 35.0
"""For all of them: with the one that is under way it must stay within the lease."""
LONGEST_ERROR: Final = 500
REFUSED: Final = "The vendor refused this trace"


@dataclass(slots=True)
class Verdict:
    """What became of a batch, by the places of its traces; whoever is in neither list was delivered."""

    retry: set[int] = field(default_factory=set)
    dead: dict[int, str] = field(default_factory=dict)
    is_misconfigured: bool = False
    is_late: bool = False
    """Whether the vendor took too long for as many as these."""
    retry_after: float | None = None
    http_status: int | None = None
    error: str = ""
    sent_bytes: int = 0
    has_answered: bool = False
    """Whether something got through, or was refused for what it is: then the vendor is well."""


class Sender:
    """Sends with one vendor's class and one configuration through one door."""

    def __init__(self, kind: DestinationKind, config: Mapping[str, Any], door: Door) -> None:
        self._kind, self._config, self._door = kind, config, door

    def send(self, traces: Sequence[Trace]) -> Verdict:
        """Send a batch."""
        verdict = Verdict()
        waiting: list[list[int]] = [list(range(len(traces)))]
        until = time.monotonic() + MOST_SECONDS
        sendings = 0
        while waiting:
            places = waiting.pop()
            if sendings >= MOST_SENDINGS or time.monotonic() > until or verdict.is_misconfigured:
                verdict.retry.update(places)
                continue
            sendings += 1
            outcome = self._attempt([traces[place] for place in places])
            waiting += _note(verdict, places, outcome)
            if outcome.retry and not verdict.has_answered and len(outcome.retry) == len(places):
                until = 0.0  # it is away: halves would fare no better
        return verdict

    def _attempt(self, traces: Sequence[Trace]) -> Outcome:
        everything = frozenset(range(len(traces)))
        try:
            return self._kind.send(self._config, traces, self._door)
        except CallFailed as error:
            return unanswered(everything, error)
        except Exception as error:
            # A fault of a vendor's class: its text may quote what it was working on, and is not shown.
            log.exception("sending to a %s destination failed", self._kind.slug)
            return Outcome(split=everything, error=f"The traces could not be sent ({type(error).__name__})")


def _note(verdict: Verdict, places: list[int], outcome: Outcome) -> list[list[int]]:
    """Take in what became of some; returns what is to be sent again at once, in halves."""
    error = outcome.error.replace("\x00", "")[:LONGEST_ERROR]
    at = dict(enumerate(places))
    verdict.retry.update(at[index] for index in outcome.retry if index in at)
    verdict.dead |= {at[index]: error or REFUSED for index in outcome.poisoned if index in at}
    split = sorted(at[index] for index in outcome.split - outcome.poisoned if index in at)
    halves: list[list[int]] = []
    if len(split) > 1:
        middle = len(split) // 2
        halves = [split[middle:], split[:middle]]
    elif split:
        verdict.dead[split[0]] = error or REFUSED
    verdict.is_misconfigured |= outcome.is_misconfigured
    verdict.is_late |= outcome.is_late
    if outcome.retry_after is not None:
        verdict.retry_after = max(verdict.retry_after or 0.0, outcome.retry_after)
    verdict.http_status = outcome.http_status if error or verdict.http_status is None else verdict.http_status
    verdict.error = error or verdict.error
    verdict.sent_bytes += outcome.sent_bytes
    untouched = len(at) - len(outcome.retry | outcome.split)
    verdict.has_answered |= untouched > 0 or (bool(outcome.split) and outcome.http_status is not None)
    return halves
