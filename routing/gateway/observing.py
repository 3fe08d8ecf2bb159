"""What an answer says about who gave it: speed, failures, tool calls, and where its conversation is in a cache."""

from __future__ import annotations

import asyncio
import time

from routing.gateway.attempts import Served
from routing.gateway.books import Opened
from routing.gateway.ending import Ending
from routing.gateway.health import Health
from routing.gateway.runtime import Runtime
from routing.gateway.telling import note_answer, note_asked
from routing.providers import Answer
from routing.tool_calls import StreamedCalls, are_wrong, calls_of

PROVIDERS = "provider"
"""The rule of a refusal that is a provider's failure, and neither ours nor a guardrail's."""


def observe(
    runtime: Runtime, opened: Opened, served: Served, ending: Ending, streamed: StreamedCalls | None
) -> None:
    """Note how an endpoint did; `streamed` collected the tool calls of a stream."""
    outcome, endpoint, call = ending.outcome, served.attempt.endpoint, opened.call
    note_answer(served.attempt, served.first_at - served.asked_at)
    if not served.previous and not call.plugins:  # what others and plugins took is not our own time
        note_asked(opened, served.asked_at, runtime.limits.slow_seconds)
    if served.attempt.uses_credential:  # the caller's own account says nothing about what others share
        if outcome.status == "completed":
            runtime.stickiness.note(opened.known.policy, call, endpoint, outcome.usage)
        return
    if outcome.status == "error":
        if ending.refusal is not None and ending.refusal.rule == PROVIDERS:
            runtime.health.fail(endpoint.id)
        return
    began_at = served.first_at if call.is_streamed else served.asked_at
    runtime.health.succeed(
        endpoint.id,
        latency=served.first_at - served.asked_at,
        tokens=outcome.usage.completion,
        seconds=time.monotonic() - began_at,
    )
    if outcome.status != "completed":
        return
    runtime.stickiness.note(opened.known.policy, call, endpoint, outcome.usage)
    if "tools" in call.parameters:
        asyncio.get_running_loop().call_soon(_judge, runtime.health, opened, served, streamed)


def _judge(health: Health, opened: Opened, served: Served, streamed: StreamedCalls | None) -> None:
    """Judge the answer's tool calls, once the answer is on its way."""
    calls = streamed.calls() if streamed else []
    if isinstance(served.answer, Answer):
        calls = calls_of(served.answer.body)
    is_error = are_wrong(calls, opened.call.body.get("tools")) if calls else None
    if is_error is not None:
        health.note_tool_calls(served.attempt.endpoint.id, is_error=is_error)
