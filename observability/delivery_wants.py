"""Whether a destination, as it is set now, may be told of a past request: asked before anything is sent again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from config.lib.ids import generation_id, milliseconds_of
from config.lib.registry import Slot
from observability.contents import contents_of
from observability.destinations import DESTINATIONS
from observability.handling import object_in, text_in
from observability.sampling import is_sampled
from observability.trace_rows import Row, rows_of

Connection = psycopg.Connection[tuple[Any, ...]]
Facts = Callable[[str], str | float | None]
"""What is known of a request, by the field of a filter rule."""

filter_of: Slot[[Mapping[str, Any]], Callable[[Facts], bool]] = Slot("filter_of")
"""Compiles filter rules; filled where they are defined. While nobody fills it, rules let nothing through."""

WANTS_SQL = """
SELECT id, workspace_id, public_id, type, api_key_ids, sampling_rate, filter_rules
  FROM destination WHERE id = %s AND deleted_at IS NULL
"""
CONTENT = ("input", "output")


@dataclass(frozen=True, slots=True)
class Wants:
    """What a destination wants to be told of."""

    id: int
    workspace_id: int
    public_id: UUID
    type: str
    api_key_ids: list[int] | None
    sampling_rate: float
    filter_rules: Mapping[str, Any] | None

    @property
    def oldest_ms(self) -> float:
        """The Unix time in milliseconds before which its vendor takes nothing."""
        kind = DESTINATIONS.get(self.type)
        seconds = None if kind is None else kind.limits.oldest_seconds
        return 0.0 if seconds is None else (time.time() - seconds) * 1000


def wants_of(connection: Connection, destination_id: int) -> Wants | None:
    """What a destination wants now; None: it is deleted."""
    row = connection.execute(WANTS_SQL, [destination_id]).fetchone()
    return Wants(*row) if row else None


def wanted(connection: Connection, wants: Wants, ids: list[UUID], *, with_sampling: bool) -> set[UUID]:
    """Those of the requests that the destination may be told of. Without `with_sampling` they were drawn before."""
    rows = [row for row in rows_of(connection, ids) if _may_be_told(wants, row, with_sampling=with_sampling)]
    tests = _tests(wants)
    if not tests:
        return {row.id for row in rows}
    contents = contents_of(connection, [row.id for row in rows])
    return {row.id for row in rows if all(test(facts_of(row, contents.get(row.id))) for test in tests)}


def _may_be_told(wants: Wants, row: Row, *, with_sampling: bool) -> bool:
    if milliseconds_of(row.id) < wants.oldest_ms or row.status == "refused":
        return False
    if wants.api_key_ids is not None and row.api_key_id not in wants.api_key_ids:
        return False
    if not with_sampling:
        return True
    return is_sampled(str(wants.public_id), session_of(row), wants.sampling_rate)


def session_of(row: Row) -> str:
    """What is sampled as one: a session, or a trace of the caller's, or the request alone."""
    trace = object_in(row.detail, "trace") if isinstance(row.detail, dict) else {}
    return row.session_id or text_in(trace, "trace_id") or generation_id(row.id)


def _tests(wants: Wants) -> list[Callable[[Facts], bool]]:
    rules = wants.filter_rules
    if not rules or not rules.get("enabled", True) or not rules.get("groups"):
        return []
    return filter_of(rules) or [lambda _: False]


def facts_of(row: Row, content: Mapping[str, Any] | None) -> Facts:
    """What filter rules may ask of a request."""
    known: dict[str, str | float | None] = {
        "model": row.model,
        "provider": row.provider or None,
        "session_id": row.session_id,
        "user_id": row.user,
        "api_key_name": row.key_name,
        "finish_reason": row.finish_reason,
        "total_cost": row.cost_nano / 10**9,
        "total_tokens": row.prompt_tokens + row.completion_tokens,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
    }

    def fact(field: str) -> str | float | None:
        if field not in CONTENT:
            return known.get(field)
        value = None if content is None else content.get(field)
        return None if value is None else str(value)

    return fact
