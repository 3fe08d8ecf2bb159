"""Refused requests in the log: a row each up to a point, beyond that one row with a count (DESIGN §6)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, TypeAlias

from config.lib.ids import NewId, uuid7
from observability.journal import Journal
from observability.journal_records import Refusal as RefusalRecord
from routing.call import DEFAULT_REGION, Call
from routing.gateway.books import named_origin, named_preset
from routing.gateway.client import RefusedError
from routing.gateway.router_metadata import dropped_of
from routing.policy import Policy

Who: TypeAlias = tuple[int, int | None, int | None]
"""A workspace, and the key or, in the chat room, the member alone."""
MOST_PER_MINUTE = 60
NAMED = ("app_title", "app_url", "user", "session_id", "user_agent")
"""Who is behind a refused request, as it says."""
MINUTE = 60


@dataclass(slots=True)
class Tally:
    """The refusals of one of these by one rule in one minute; `last` waits, with a count, for the minute's end."""

    minute: int
    written: int = 0
    held_back: int = 0
    last: RefusalRecord | None = None


class RefusalLog:
    """Writes refusals of known keys to the journal. Belongs to the event loop's thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._tallies: dict[tuple[Who, str], Tally] = {}

    def note(self, identifier: NewId, policy: Policy, call: Call | None, error: RefusedError) -> None:
        """Log a refusal; those of principals without a workspace are metrics only."""
        principal, refusal = policy.principal, error.refusal
        if not principal.workspace_id:
            return
        record = RefusalRecord(
            identifier.text,
            time.time_ns() // 1000,
            principal.organization_id,
            principal.workspace_id,
            principal.api_key_id,
            principal.member_id,
            call.models[0] if call and call.models else "",
            refusal.error_type,
            refusal.status,
            1,
            _detail(call, error),
        )
        self._write_or_count(
            (principal.workspace_id, principal.api_key_id, principal.member_id), refusal.rule, record
        )

    def _write_or_count(self, who: Who, rule: str, record: RefusalRecord) -> None:
        minute = record.admitted_at // 1_000_000 // MINUTE
        tally = self._tallies.get((who, rule))
        if tally is None or tally.minute != minute:
            self._write_count(tally)
            tally = self._tallies[(who, rule)] = Tally(minute)
        if tally.written < MOST_PER_MINUTE:
            tally.written += 1
            self._journal.refuse(record)
            return
        tally.held_back += 1
        tally.last = record

    def _write_count(self, tally: Tally | None) -> None:
        if tally is None or tally.last is None:
            return
        tally.last.count = tally.held_back
        tally.last.id = str(uuid7(tally.last.admitted_at // 1000))
        self._journal.refuse(tally.last)
        tally.last = None

    def flush(self, *, is_last: bool = False) -> None:
        """Write the counts of minutes that are over; at the end, all of them."""
        minute = int(time.time()) // MINUTE
        over = [name for name, tally in self._tallies.items() if is_last or tally.minute < minute]
        for name in over:
            self._write_count(self._tallies.pop(name))


def _detail(call: Call | None, error: RefusedError) -> dict[str, Any]:
    refusal, decision = error.refusal, error.decision
    detail: dict[str, Any] = {"rule": refusal.rule, "message": refusal.message}
    if refusal.layer:
        detail["layer"] = refusal.layer
    if decision is not None and decision.dropped:
        detail["excluded"] = dropped_of(decision)
    if call is None:
        return detail
    if call.region != DEFAULT_REGION:
        detail["region"] = call.region
    if call.origin:
        detail |= named_origin(call.origin)
    if call.stages:
        detail["pipeline"] = list(call.stages)
    if call.preset:
        detail["preset"] = named_preset(call.preset)
    given = call.attribution
    named = {name: getattr(given, name) for name in NAMED}
    return detail | {"dialect": call.dialect} | {name: text for name, text in named.items() if text}
