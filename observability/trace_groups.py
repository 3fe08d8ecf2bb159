"""The metadata that a destination gets only if it is asked for: cost, identity, context, allocation of the cost."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from observability.handling import Handling
from observability.trace_costs import Divided
from observability.trace_rows import Row

PREFIX: Final = "span.metadata.openrouter_generation."
ALLOCATION: Final = "openrouter_cost_allocation"
NANO: Final = 10**9

Group = Callable[[Row, Divided], dict[str, Any]]


def cost(row: Row, _: Divided) -> dict[str, Any]:
    """What was charged, and by what count."""
    return {
        "usage": row.cost_nano / NANO,
        "usage_upstream": None if row.upstream_cost_nano is None else row.upstream_cost_nano / NANO,
        "byok_usage_inference": row.byok_nano / NANO,
        "is_byok": row.is_byok,
        "tokens_prompt": row.prompt_tokens,
        "tokens_completion": row.completion_tokens,
        "native_tokens_reasoning": row.reasoning_tokens,
        "native_tokens_cached": row.cached_tokens,
        "native_tokens_cache_write": row.cache_write_tokens,
        "is_usage_estimated": row.is_usage_estimated,
    }


def identity(row: Row, _: Divided) -> dict[str, Any]:
    """Who asked: for whom, with which key, from which application."""
    return {
        "organization.id": str(row.organization_id),
        "organization.name": row.organization_name,
        "workspace.id": str(row.workspace_id),
        "workspace.name": row.workspace_name,
        "api_key.name": row.key_name,
        "api_key.label": row.key_label,
        "api_key.hash": row.key_hash,
        "api_key.creator_user_id": user_id(row.key_creator_id),
        "member.user_id": user_id(row.member_user_id),
        "app.title": row.app_title,
        "app.url": row.app_url,
        "external_user": row.user,
        "session_id": row.session_id,
    }


def request_context(row: Row, _: Divided) -> dict[str, Any]:
    """How it was asked and handled."""
    handling = Handling.of(row.detail)
    return {
        "api_type": row.dialect,
        "streamed": row.is_streamed,
        "cancelled": row.status == "cancelled",
        "finish_reason": row.finish_reason,
        "native_finish_reason": row.native_finish_reason,
        "upstream_id": row.upstream_id,
        "latency": row.latency_ms,
        "generation_time": row.generation_ms,
        "user_agent": handling.user_agent,
        "data_region": handling.region,
        "router": handling.router,
        "service_tier": handling.service_tier,
        "web_search_engine": handling.search_engine,
        "num_search_results": handling.search_results,
        "num_fetches": handling.fetches,
        "preset_id": handling.preset_id,
        "response_cache_source_id": handling.cached_from,
    }


GROUPS: Final[dict[str, Group]] = {
    "cost": cost,
    "identity": identity,
    "request_context": request_context,
}
ALLOCATING: Final = "cost_allocation"


def groups_of(row: Row, wanted: Collection[str], parts: Divided) -> dict[str, Any]:
    """The groups that are wanted, by attribute name; what is unknown is left out."""
    if not wanted:
        return {}
    told = {
        f"{PREFIX}{name}": value
        for group, make in GROUPS.items()
        if group in wanted
        for name, value in make(row, parts).items()
        if value is not None
    }
    if ALLOCATING in wanted and parts.allocation is not None:
        told |= {
            f"{ALLOCATION}.{kind}.{measure}": value
            for kind, measures in parts.allocation.items()
            for measure, value in measures.items()
        }
    return told


def user_id(identifier: int | None) -> str | None:
    """A user as the API names one."""
    return None if identifier is None else f"user_{identifier}"
