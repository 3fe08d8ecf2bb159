"""A finished request as observability destinations are told of it: plain values, no models.

Ids are derived from the generation's, so that a repeated delivery is recognized (spec: broadcast).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Content = Mapping[str, Any]
"""JSON: `{"messages": […]}` of a request, or `{"completion", "reasoning", "tool_calls", "rawRequest"}` of an answer."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, and nano-dollars that were charged; `input` includes cached ones, `output` reasoning. None: unknown."""

    input: int
    output: int
    cached: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None
    audio: int | None = None
    image: int | None = None
    input_cost_nano: int = 0
    output_cost_nano: int = 0
    total_cost_nano: int = 0

    @property
    def total(self) -> int:
        """All tokens."""
        return self.input + self.output


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a provider. Times are Unix nanoseconds."""

    index: int
    provider: str
    provider_slug: str
    endpoint_id: str
    model: str
    status: int
    is_byok: bool
    started_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class Trace:
    """One generation.

    `trace_id` is 32 and `span_id` 16 lower-case hex digits; `parent_span_id` is what the caller gave, or that of a
    span by the caller's `span_name`. Times are Unix nanoseconds. `model` is what was asked for, without a variant;
    `author` the first part of its slug. `above_id` is the generation id of the request that it is a step of, whose
    trace it is in and below whose span it stands; `tool` the server tool that asked for it, and with `is_tool_run`
    it is no model's answer but that tool's own work. `input` and `output` are None under privacy mode or when there
    is no content.
    `custom` is the caller's own metadata; `described` what Headgate tells (names of broadcast.md §1.3 without
    their prefix `openrouter.`); `groups` the opt-in metadata, by attribute name. `error` is a text of ours, never a
    provider's.
    """

    generation_id: str
    trace_id: str
    span_id: str
    started_ns: int
    ended_ns: int
    model: str
    response_model: str
    author: str
    provider: str
    provider_slug: str
    usage: Usage
    organization_id: str
    workspace_id: str
    api_key_name: str
    parent_span_id: str | None = None
    trace_name: str | None = None
    generation_name: str | None = None
    span_name: str | None = None
    first_token_ns: int | None = None
    is_streamed: bool = False
    operation: str = "chat"
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    http_status: int | None = None
    error: str | None = None
    user: str | None = None
    session_id: str | None = None
    environment: str | None = None
    release: str | None = None
    tags: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    input: Content | None = None
    output: Content | None = None
    attempts: tuple[Attempt, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    described: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Any] = field(default_factory=dict)
    above_id: str | None = None
    tool: str | None = None
    is_tool_run: bool = False

    @property
    def is_error(self) -> bool:
        """Whether the caller got no answer."""
        return self.error is not None
