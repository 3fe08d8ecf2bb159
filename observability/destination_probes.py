"""Trying a destination out: whether address and account are right, and what a trace looks like there."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from config.lib.environment import environment
from config.lib.outbound import CallFailed, OutboundRules
from observability.destination_config import known_config, merged_config
from observability.destinations import DESTINATIONS
from observability.destinations.destination import Config, DestinationKind, Probed
from observability.destinations.exchange import Outcome
from observability.door import OutboundDoor
from observability.models import Destination
from observability.trace import Trace, Usage

MODEL = "openai/gpt-4-turbo"
DURATION_NS = 1_500_000_000
TAGS = ("gpt-4-turbo", "observability", "test")
SAID = {"messages": [{"role": "user", "content": "This is a test of the connection."}]}
UNSENDABLE = "The configuration holds what cannot be sent."
ANSWERED = {"completion": "It works."}


def open_door() -> OutboundDoor:
    """The way to destinations, within the operator's rules."""
    return OutboundDoor(OutboundRules.parse(environment().outbound_allow))


def probe_config(*, kind: DestinationKind, config: Any) -> Probed:
    """Try a configuration that is kept nowhere. Raises NotValid."""
    return _probed(kind, merged_config(kind, None, config))


def probe(*, destination: Destination, config: Any = None) -> Probed:
    """Try a destination, as it is or with what is sent of a configuration. Raises NotValid."""
    kind, known = DESTINATIONS[destination.type], known_config(destination)
    return _probed(kind, merged_config(kind, known, {} if config is None else config))


def send_test_trace(*, destination: Destination) -> tuple[Trace, Outcome]:
    """Send a trace that says that it is a test. Raises NotValid, for a configuration that lacks something."""
    kind = DESTINATIONS[destination.type]
    config = merged_config(kind, known_config(destination), {})
    trace = trace_of_test(destination, now_ns=time.time_ns())
    with open_door() as door:
        try:
            return trace, kind.send(config, [trace], door)
        except CallFailed as error:
            return trace, Outcome(retry=frozenset({0}), error=f"No answer: {error}"[:500])
        except ValueError:
            return trace, Outcome(retry=frozenset({0}), error=UNSENDABLE)


def trace_of_test(destination: Destination, *, now_ns: int) -> Trace:
    """The trace of the documented test (spec: broadcast §1.2); without content in privacy mode."""
    moment = now_ns // 1_000_000
    generation = f"test-obs-{moment}"
    return Trace(
        generation_id=generation,
        trace_id=hashlib.sha256(f"test-trace-{moment}".encode()).hexdigest()[:32],
        span_id=hashlib.sha256(generation.encode()).hexdigest()[:16],
        started_ns=now_ns - DURATION_NS,
        ended_ns=now_ns,
        model=MODEL,
        response_model=MODEL,
        author="openai",
        provider="OpenAI",
        provider_slug="openai",
        usage=Usage(input=50, output=100, cached=20, total_cost_nano=20_000_000),
        organization_id=str(destination.organization.public_id),
        workspace_id=str(destination.workspace.public_id),
        api_key_name="",
        trace_name="Test Trace - OpenRouter Observability",
        generation_name="Test Generation",
        finish_reason="stop",
        http_status=200,
        session_id=f"session-{moment}",
        tags=TAGS,
        input=None if destination.is_private else SAID,
        output=None if destination.is_private else ANSWERED,
        custom={
            "environment": "test",
            "source": "observability-test-button",
            "testId": f"test-trace-{moment}",
            "test": True,
        },
    )


def _probed(kind: DestinationKind, config: Config) -> Probed:
    with open_door() as door:
        try:
            return kind.probe(config, door)
        except CallFailed as error:
            return Probed(is_ok=False, message=f"No answer: {error}"[:500])
        except ValueError:  # its text may quote what could not be sent
            return Probed(is_ok=False, message=UNSENDABLE)
