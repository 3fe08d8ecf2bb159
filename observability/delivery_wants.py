"""Whether a destination, as it is set now, may be told of a past request: asked before anything is sent again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from config.lib.ids import milliseconds_of
from observability.contents import contents_of
from observability.destinations import DESTINATIONS
from observability.filter_rules import CONTENT, Facts, Filter, Value, compile_rules, text_of
from observability.handling import Handling, object_in
from observability.sampling import destination_subject, is_sampled, session_of
from observability.trace_rows import Row, rows_of

Connection = psycopg.Connection[tuple[Any, ...]]

WANTS_SQL = """
SELECT id, type, api_key_ids, regions, sampling_rate, filter_rules
  FROM destination WHERE id = %s AND deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Wants:
    """What a destination wants to be told of."""

    id: int
    type: str
    api_key_ids: list[int] | None
    regions: list[str]
    sampling_rate: float
    filter_rules: dict[str, Any] | None

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
    rules = compile_rules(wants.filter_rules)
    if rules is None:
        return {row.id for row in rows}
    contents = contents_of([row.id for row in rows]) if rules.wants_content else {}
    return {row.id for row in rows if _passes(rules, row, contents.get(row.id))}


def _may_be_told(wants: Wants, row: Row, *, with_sampling: bool) -> bool:
    if milliseconds_of(row.id) < wants.oldest_ms or row.status == "refused":
        return False
    if wants.api_key_ids is not None and row.api_key_id not in wants.api_key_ids:
        return False
    if Handling.of(row.detail).region not in wants.regions:
        return False
    return not with_sampling or is_sampled(destination_subject(wants.id), _session(row), wants.sampling_rate)


def _session(row: Row) -> str:
    trace = object_in(row.detail, "trace") if isinstance(row.detail, dict) else {}
    return session_of(row.session_id, trace, str(row.request_id or row.id))


def _passes(rules: Filter, row: Row, content: Mapping[str, Any] | None) -> bool:
    return rules.passes(facts_of(row, content))


def facts_of(row: Row, content: Mapping[str, Any] | None) -> Facts:
    """What filter rules may ask of a request, as ingest would answer (observability.matching)."""
    known: dict[str, Value] = {
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

    def fact(field: str) -> Value:
        if field not in CONTENT:
            return known[field]
        return None if content is None else text_of(content.get(field))

    return fact
