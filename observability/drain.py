"""Empties what waits for one destination: claims a batch, builds its traces, sends them, settles (spec: broadcast §5).

At most once per lease anybody is at it, and no transaction is open while a vendor is called.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from config.lib.environment import environment
from config.lib.outbound import OutboundRules
from config.lib.registry import Slot
from observability import delivery_metrics
from observability.batch_growth import most_after
from observability.breaker import Breaker
from observability.contents import contents_of
from observability.delivery_batch import Claimed, Settlement, claim, settle
from observability.delivery_lease import Leased, Unusable, give_back, take
from observability.delivery_places import Places
from observability.delivery_sending import Sender, Verdict
from observability.destinations.destination import Door, Limits
from observability.door import OutboundDoor
from observability.trace import Trace
from observability.trace_rows import rows_of
from observability.traces import trace_of

log = logging.getLogger(__name__)

TURN_SECONDS: Final = 10.0
"""After so long others have their turn; the rest is for the next."""
TRIAL_TRACES: Final = 10
"""What a half-open breaker lets through."""
LONGEST_WAIT, SHORTEST_WAIT = 3600.0, 2.0
MOST_DOUBLINGS: Final = 20
GONE: Final = "The request is no longer there"
UNTELLABLE: Final = "The trace could not be built"

Connection = psycopg.Connection[tuple[Any, ...]]
OpenDoor = Callable[[], AbstractContextManager[Door]]


@dataclass(frozen=True, slots=True)
class Troubled:
    """A destination whose breaker opened, or closed again; `error` is for its administrators."""

    destination_id: int
    organization_id: int
    workspace_id: int
    name: str
    type: str
    error: str = ""
    is_misconfigured: bool = False


destination_failing: Slot[[Troubled], None] = Slot("destination_failing")
"""Called when a destination's breaker opens for the first time since it last worked."""
destination_recovered: Slot[[Troubled], None] = Slot("destination_recovered")
"""Called when a destination works again."""


def open_door() -> OutboundDoor:
    """The way out, as this installation allows it."""
    return OutboundDoor(OutboundRules.parse(environment().outbound_allow))


def drain(
    connection: Connection,
    destination_id: int,
    *,
    door: OpenDoor = open_door,
    turn_seconds: float = TURN_SECONDS,
    may_be_slow: bool = True,
    places: Places | None = None,
) -> bool:
    """Send what is due for a destination. True: more is due, and it may be sent.

    Without `may_be_slow` a destination that took long last time is left for later, which is True as well. Where its
    organization has all of its `places`, it is left to the sweep.
    """
    leased = take(connection, destination_id)
    if leased is None:
        return False
    if leased.is_slow and not may_be_slow:
        give_back(connection, leased)
        return True
    turn = Turn(connection, leased)
    try:
        with (places or Places()).place_for(leased.organization_id) as has_place:
            if not has_place:
                return False
            with door() as opened:
                return turn.run(opened, time.monotonic() + turn_seconds)
    finally:
        give_back(connection, turn.leased)


class Turn:
    """One worker's turn at a destination."""

    def __init__(self, connection: Connection, leased: Leased) -> None:
        self._connection = connection
        self.leased = leased

    def run(self, door: Door, until: float) -> bool:
        """Send batches until there is nothing due, the time is over or the destination fails."""
        while (claimed := self._claim()) is not None:
            if not claimed:
                return False
            is_well = self._deliver(claimed, door)
            if not is_well or time.monotonic() >= until:
                return is_well
        return False

    def _claim(self) -> list[Claimed] | None:
        """The next batch; None: this destination cannot be sent to."""
        limits = self._limits
        most = min(limits.traces, self.leased.most_traces or limits.traces)
        if self.leased.breaker.is_half_open:
            most = min(most, TRIAL_TRACES)
        return claim(self._connection, self.leased.destination_id, most=most, most_bytes=limits.bytes)

    @property
    def _limits(self) -> Limits:
        try:
            return self.leased.kind.limits
        except Unusable:
            return Limits(traces=1)

    def _deliver(self, claimed: Sequence[Claimed], door: Door) -> bool:
        """Build, send and settle. True: go on."""
        began = time.monotonic()
        settlement = Settlement()
        traces, told = self._traces(claimed, settlement)
        verdict = self._send(told, door)
        settlement.seconds = time.monotonic() - began
        now = datetime.now(UTC)
        breaker = self._judged(verdict, now)
        settlement.most_traces = self._most_after(verdict, len(told), settlement.seconds)
        _divide(settlement, traces, verdict, now, is_counted=self._counts(verdict, len(told)))
        self._settle(settlement, breaker, verdict)
        return breaker.failures == 0 and breaker.open_until is None

    def _traces(
        self, claimed: Sequence[Claimed], settlement: Settlement
    ) -> tuple[list[Claimed], list[Trace]]:
        """The traces that can be told, and whose they are; the rest is dead."""
        ids = [each.id for each in claimed]
        telling = self.leased.telling
        rows = {row.id: row for row in rows_of(self._connection, ids)}
        kept = [] if telling.is_private else [each.id for each in claimed if each.content_bytes]
        contents = contents_of(kept) if kept else {}
        known: list[Claimed] = []
        told: list[Trace] = []
        for each in claimed:
            row = rows.get(each.id)
            if row is None:
                settlement.dead[each.id] = GONE
                continue
            try:
                told.append(trace_of(row, contents.get(each.id), telling))
                known.append(each)
            except Exception as error:
                # Without the error's words: they may quote what was said.
                log.error("the trace of %s cannot be built: %s", each.id, type(error).__name__)
                settlement.dead[each.id] = UNTELLABLE
        return known, told

    def _send(self, told: Sequence[Trace], door: Door) -> Verdict:
        if not told:
            return Verdict(has_answered=True)
        try:
            return Sender(self.leased.kind, self.leased.opened_config(), door).send(told)
        except Unusable as error:
            return Verdict(retry=set(range(len(told))), is_misconfigured=True, error=str(error))

    def _judged(self, verdict: Verdict, now: datetime) -> Breaker:
        """The breaker after this batch."""
        breaker = self.leased.breaker
        if verdict.is_misconfigured:
            return breaker.failed(now, opens_at_once=True)
        if verdict.retry_after is not None and verdict.retry:
            return breaker.paused(now + timedelta(seconds=min(verdict.retry_after, LONGEST_WAIT)))
        if verdict.retry and not verdict.has_answered:
            return breaker.failed(now)
        return breaker.succeeded()

    def _most_after(self, verdict: Verdict, told: int, seconds: float) -> int | None:
        """How many traces the next batch may have; where something got through, the next one is no smaller."""
        now = self.leased.most_traces
        is_late = verdict.is_late and not verdict.has_answered
        if verdict.retry and not is_late:
            return now
        return most_after(now, sent=told, most=self._limits.traces, seconds=seconds, is_late=is_late)

    def _counts(self, verdict: Verdict, told: int) -> bool:
        """Whether the try counts.

        Not when nobody could have succeeded, nor when we only looked whether it is back, nor when fewer may succeed.
        """
        is_asked_to_wait = verdict.retry_after is not None
        is_too_much = verdict.is_late and told > 1
        is_trial = self.leased.breaker.is_half_open
        return not (verdict.is_misconfigured or is_asked_to_wait or is_too_much or is_trial)

    def _settle(self, settlement: Settlement, breaker: Breaker, verdict: Verdict) -> None:
        before = self.leased.breaker
        until = settle(self._connection, self.leased, settlement, breaker)
        self.leased = replace(self.leased, until=until, breaker=breaker, most_traces=settlement.most_traces)
        delivery_metrics.note_batch(self.leased.type, settlement)
        if breaker.openings and not before.openings:
            log.warning("destination %s is failing: %s", self.leased.public_id, settlement.error)
            destination_failing(self._troubled(settlement.error, verdict.is_misconfigured))
        elif before.openings and not breaker.openings:
            destination_recovered(self._troubled("", is_misconfigured=False))

    def _troubled(self, error: str, is_misconfigured: bool) -> Troubled:
        leased = self.leased
        return Troubled(
            leased.destination_id,
            leased.organization_id,
            leased.workspace_id,
            leased.name,
            leased.type,
            error,
            is_misconfigured,
        )


def _divide(
    settlement: Settlement, claimed: Sequence[Claimed], verdict: Verdict, now: datetime, *, is_counted: bool
) -> None:
    """Say of each delivery whether it is made, dead, or tried again and when."""
    luck = random.random()  # noqa: S311  # one for the batch, which stays together
    for place, each in enumerate(claimed):
        if place in verdict.dead:
            settlement.dead[each.id] = verdict.dead[place]
        elif place not in verdict.retry:
            settlement.sent.append(each.id)
        elif is_counted and each.is_last(now):
            settlement.dead[each.id] = verdict.error or "No try got through"
        else:
            wait = luck * min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(each.attempts + 1, MOST_DOUBLINGS))
            settlement.retries[each.id] = (max(wait, min(verdict.retry_after or 0, LONGEST_WAIT)), is_counted)
    settlement.error, settlement.http_status = verdict.error, verdict.http_status
    settlement.sent_bytes = verdict.sent_bytes
    settlement.outcome = _outcome(settlement, verdict)


def _outcome(settlement: Settlement, verdict: Verdict) -> str:
    """One word for a receipt."""
    if verdict.is_misconfigured:
        return "misconfigured"
    if not settlement.sent:
        return "retried" if settlement.retries else "refused"
    return "partial" if settlement.retries or settlement.dead else "sent"
