"""Traces that destinations are tried with."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any
from uuid import UUID

from config.lib.ids import first_uuid7, generation_id
from observability.trace import Attempt, Trace, Usage

STARTED_NS = 1_790_000_000_000_000_000
PARENT_SPAN_ID = "00f067aa0ba902b7"
"""A span of the caller's own."""
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What time is it?"}]},
]


def a_trace(number: int = 0, **changes: Any) -> Trace:
    """A finished, streamed request with everything that a trace can tell; the same one for the same number."""
    started = STARTED_NS + number * 1_000_000_000
    identifier = generation_id(UUID(int=first_uuid7(started // 1_000_000).int | number))
    trace = Trace(
        generation_id=identifier,
        trace_id=hashlib.sha256(identifier.encode()).hexdigest()[:32],
        span_id=hashlib.sha256(identifier.encode()).hexdigest()[:16],
        started_ns=started,
        ended_ns=started + 1_500_000_000,
        first_token_ns=started + 400_000_000,
        is_streamed=True,
        model="openai/gpt-4o",
        response_model="openai/gpt-4o-2024-08-06",
        author="openai",
        provider="Azure",
        provider_slug="azure",
        usage=Usage(
            input=100,
            output=50,
            cached=20,
            cache_write=10,
            reasoning=5,
            input_cost_nano=12_000_000,
            output_cost_nano=8_000_000,
            total_cost_nano=20_000_000,
        ),
        organization_id="6f0b3f5e-0000-4000-8000-000000000001",
        workspace_id="6f0b3f5e-0000-4000-8000-000000000002",
        api_key_name="production/eu",
        parent_span_id=PARENT_SPAN_ID,
        trace_name="Document Pipeline",
        span_name="Summarize",
        generation_name="Generate Summary",
        finish_reason="stop",
        native_finish_reason="stop",
        http_status=200,
        user="user-7",
        session_id=f"session-{number % 7}",
        environment="production",
        release="2.1.0",
        tags=("blue", "green"),
        parameters={"temperature": 0.5, "max_tokens": 256},
        input={"messages": MESSAGES},
        output={"completion": "Half past nine, ünicode ✓", "reasoning": None, "rawRequest": {"model": "x"}},
        attempts=(
            Attempt(
                index=0,
                provider="OpenAI",
                provider_slug="openai",
                endpoint_id="e1",
                model="openai/gpt-4o-2024-08-06",
                status=503,
                is_byok=False,
                started_ns=started,
                ended_ns=started + 100_000_000,
            ),
            Attempt(
                index=1,
                provider="Azure",
                provider_slug="azure",
                endpoint_id="e2",
                model="openai/gpt-4o-2024-08-06",
                status=200,
                is_byok=True,
                started_ns=started + 100_000_000,
                ended_ns=started + 1_500_000_000,
            ),
        ),
        custom={"team": "support", "deep": {"a": {"b": {"c": {"d": 1}}}}, "count": 3, "flag": True},
        described={"entity_id": "acme", "api_key_name": "production/eu", "router_latency_ms": 3},
        groups={"span.metadata.openrouter_generation.usage": 0.02},
    )
    return replace(trace, **changes)


def private(trace: Trace) -> Trace:
    """The same without content."""
    return replace(trace, input=None, output=None)
