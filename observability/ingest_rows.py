"""Lays generations out as lines of PostgreSQL's COPY text format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

import msgspec

from observability.array_literals import moment
from observability.journal_records import Begin, Content, End, Refusal

LONGEST_TEXT = 1024
GENERATION_COLUMNS = (
    *("id", "admitted_at", "organization_id", "workspace_id", "api_key_id", "member_id", "subjects"),
    *(
        "process_id",
        "batch",
        "model",
        "provider",
        "endpoint_id",
        "price_version_id",
        "dialect",
        "is_streamed",
    ),
    *("status", "is_interrupted", "finish_reason", "native_finish_reason", "error_type", "http_status"),
    *("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "cache_write_tokens"),
    *("is_usage_estimated", "cost_nano", "byok_nano", "upstream_cost_nano", "is_byok", "latency_ms"),
    *("generation_ms", "app_title", "app_url", '"user"', "session_id", "upstream_id", "policy_versions"),
    *("detail", "refused_count", "request_id", "tool"),
)
CONTEXT_COLUMNS = frozenset(
    {"dialect", "is_streamed", "app_title", "app_url", "user", "session_id", "policy_versions"}
    | {"provider", "endpoint_id", "price_version_id", "is_byok", "request", "tool"}
)
REFUSED_COLUMNS = frozenset({"dialect", "app_title", "app_url", "user", "session_id", "request", "tool"})
COUNTED_COLUMNS = (
    *("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "cache_write_tokens"),
    *("cost_nano", "byok_nano"),
)

NO_PLACE: tuple[None, None] = (None, None)
"""Of a generation that is a request of its own."""

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_SPECIAL = re.compile(r"[\\\t\n\r]").search
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Source(Protocol):
    """The batch that a row belongs to."""

    @property
    def process_id(self) -> str: ...

    @property
    def number(self) -> int: ...


def generation_line(
    source: Source, begin: Begin, end: End, model: str, provider: str, subjects: tuple[int, ...]
) -> str:
    """The row of a request that is over."""
    context = begin.context
    detail = {name: value for name, value in context.items() if name not in CONTEXT_COLUMNS} | end.detail
    endpoint = context.get("endpoint_id") if end.endpoint_id is None else end.endpoint_id
    price = context.get("price_version_id") if end.price_version_id is None else end.price_version_id
    request, tool = place_in_request(context, begin.id)
    return _line(
        _text(begin.id),
        moment(begin.admitted_at).isoformat(),
        begin.organization_id,
        begin.workspace_id,
        _null(begin.api_key_id),
        _null(begin.member_id),
        f"{{{','.join(map(str, subjects))}}}",
        source.process_id,
        source.number,
        _text(model),
        _text(provider),
        _text(endpoint),
        _text(price),
        _text(context.get("dialect") or ""),
        "t" if context.get("is_streamed") else "f",
        end.status,
        "t" if end.status == "interrupted" else "f",
        _text(end.finish_reason),
        _text(end.native_finish_reason),
        _text(end.error_type),
        _null(end.http_status),
        end.prompt_tokens,
        end.completion_tokens,
        end.reasoning_tokens,
        end.cached_tokens,
        end.cache_write_tokens,
        "t" if end.is_usage_estimated else "f",
        end.cost_nano,
        end.byok_nano,
        _null(end.upstream_cost_nano),
        "t" if end.is_byok or context.get("is_byok") else "f",
        _null(end.latency_ms),
        _null(end.generation_ms),
        _text(context.get("app_title")),
        _text(context.get("app_url")),
        _text(context.get("user")),
        _text(context.get("session_id")),
        _text(end.upstream_id),
        _json(context.get("policy_versions")),
        _json(detail),
        1,
        _text(request),
        _text(tool),
    )


def refusal_line(source: Source, refusal: Refusal, model: str) -> str:
    """The row of a request, or of many alike, that was refused."""
    detail = refusal.detail
    request, tool = place_in_request(detail, refusal.id) if refusal.count == 1 else NO_PLACE
    values = {
        "id": _text(refusal.id),
        "admitted_at": moment(refusal.admitted_at).isoformat(),
        "organization_id": refusal.organization_id,
        "workspace_id": refusal.workspace_id,
        "api_key_id": _null(refusal.api_key_id),
        "member_id": _null(refusal.member_id),
        "subjects": "{}",
        "process_id": source.process_id,
        "batch": source.number,
        "model": _text(model),
        "provider": "",
        "dialect": _text(detail.get("dialect") or ""),
        "app_title": _text(detail.get("app_title")),
        "app_url": _text(detail.get("app_url")),
        '"user"': _text(detail.get("user")),
        "session_id": _text(detail.get("session_id")),
        "status": "refused",
        "error_type": _text(refusal.error_type),
        "http_status": refusal.http_status,
        "detail": _json({name: value for name, value in detail.items() if name not in REFUSED_COLUMNS}),
        "refused_count": refusal.count,
        "request_id": _text(request),
        "tool": _text(tool),
    }
    zeros = dict.fromkeys(COUNTED_COLUMNS, 0)
    falses = dict.fromkeys(("is_streamed", "is_interrupted", "is_usage_estimated", "is_byok"), "f")
    known = zeros | falses | values
    return _line(*(known.get(column, r"\N") for column in GENERATION_COLUMNS))


def place_in_request(context: Mapping[str, Any], own_id: str) -> tuple[str | None, str | None]:
    """The request that a generation was made for, and the tool that asked; anything may stand in a context."""
    if "request" not in context:
        return NO_PLACE
    told, tool = context["request"], context.get("tool")
    try:
        request = str(UUID(told)) if isinstance(told, str) else None
    except ValueError:
        request = None
    if request is None or request == own_id:
        return NO_PLACE
    return request, tool if isinstance(tool, str) and tool else None


def content_line(begin: Begin, content: Content) -> str:
    """The row of what was said."""
    sealed = content.sealed.translate(_ESCAPES)
    is_logged = "t" if content.is_logged else "f"
    return _line(_text(begin.id), begin.organization_id, begin.workspace_id, sealed, is_logged)


def classification_lines(begin: Begin, content: Content | None) -> list[str]:
    """A row for each classifier that will sort the request."""
    classifiers = sorted(set(content.classifiers)) if content else ()
    return [
        _line(number, _text(begin.id), begin.organization_id, begin.workspace_id) for number in classifiers
    ]


def _line(*values: object) -> str:
    return "\t".join(map(str, values)) + "\n"


def _null(number: int | None) -> int | str:
    return r"\N" if number is None else number


def _text(value: object) -> str:
    if value is None:
        return r"\N"
    text = value if isinstance(value, str) else str(value)
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT]
    return text.translate(_ESCAPES) if _SPECIAL(text) else text


def _json(value: Any) -> str:  # free JSON of the gateway
    return _encode(value).decode().replace("\\", "\\\\") if value else r"\N"
