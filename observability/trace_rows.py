"""What a trace is built from, read in bulk: generations and the names of whoever took part."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

Connection = psycopg.Connection[tuple[Any, ...]]

# Names are looked up beside the rows: history keeps ids only (DESIGN §2). Prices are those that were charged by.
ROWS_SQL = """
SELECT g.id, g.admitted_at, g.model, g.provider, g.endpoint_id, g.dialect, g.is_streamed, g.status,
       g.finish_reason, g.native_finish_reason, g.error_type, g.http_status,
       g.prompt_tokens, g.completion_tokens, g.reasoning_tokens, g.cached_tokens, g.cache_write_tokens,
       g.is_usage_estimated, g.cost_nano, g.byok_nano, g.upstream_cost_nano, g.is_byok,
       g.latency_ms, g.generation_ms, g.app_title, g.app_url, g."user", g.session_id, g.upstream_id, g.detail,
       g.api_key_id, key.name, key.label, key.hash, key.created_by_id, seat.user_id,
       organization.public_id, organization.name, workspace.public_id, workspace.name,
       provider.name, price.prompt_femto, price.completion_femto, price.request_femto,
       price.reasoning_femto, price.cache_read_femto, price.cache_write_femto, g.request_id, g.tool
  FROM generation g
  JOIN organization ON organization.id = g.organization_id
  JOIN workspace ON workspace.id = g.workspace_id
  LEFT JOIN api_key key ON key.id = g.api_key_id
  LEFT JOIN membership seat ON seat.id = g.member_id
  LEFT JOIN provider ON provider.slug = g.provider
  LEFT JOIN price_version price ON price.id = g.price_version_id
 WHERE g.id = ANY(%(ids)s) AND g.id BETWEEN %(first)s AND %(last)s
"""


class Row(NamedTuple):
    """A generation with names; the columns of ROWS_SQL in their order."""

    id: UUID
    admitted_at: datetime
    model: str
    provider: str
    endpoint_id: int | None
    dialect: str
    is_streamed: bool
    status: str
    finish_reason: str | None
    native_finish_reason: str | None
    error_type: str | None
    http_status: int | None
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    is_usage_estimated: bool
    cost_nano: int
    byok_nano: int
    upstream_cost_nano: int | None
    is_byok: bool
    latency_ms: int | None
    generation_ms: int | None
    app_title: str | None
    app_url: str | None
    user: str | None
    session_id: str | None
    upstream_id: str | None
    detail: Any
    api_key_id: int | None
    key_name: str | None
    key_label: str | None
    key_hash: str | None
    key_creator_id: int | None
    member_user_id: int | None
    organization_id: UUID
    organization_name: str
    workspace_id: UUID
    workspace_name: str
    provider_name: str | None
    prompt_femto: int | None
    completion_femto: int | None
    request_femto: int | None
    reasoning_femto: int | None
    cache_read_femto: int | None
    cache_write_femto: int | None
    request_id: UUID | None
    tool: str | None


def rows_of(connection: Connection, ids: Collection[UUID]) -> list[Row]:
    """The generations with these ids that are still there."""
    if not ids:
        return []
    # The bounds leave out the partitions of all other days.
    given = {"ids": list(ids), "first": min(ids), "last": max(ids)}
    return [Row(*row) for row in connection.execute(ROWS_SQL, given)]
