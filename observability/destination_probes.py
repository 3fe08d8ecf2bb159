"""Trying a destination out: whether address and account are right, and what a trace looks like there."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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

MOST_TRIALS = 4
MOST_TRIALS_OF_ONE = 2
TRIAL_SECONDS = 20.0
"""Whoever tries keeps a thread and a connection of the control plane as long as the other side lets him wait."""
MODEL = "openai/gpt-4-turbo"
DURATION_NS = 1_500_000_000
TAGS = ("gpt-4-turbo", "observability", "test")
SAID = {"messages": [{"role": "user", "content": "This is a test of the connection."}]}
UNSENDABLE = "The configuration holds what cannot be sent."
ANSWERED = {"completion": "It works."}


class TooManyTrials(Exception):
    """As many trials as may be are under way; they take seconds."""


_under_way: Counter[int] = Counter()
_lock = threading.Lock()


@contextmanager
def trial_place(organization_id: int) -> Iterator[None]:
    """One of this process's few places for trials. Raises TooManyTrials."""
    with _lock:
        if _under_way.total() >= MOST_TRIALS or _under_way[organization_id] >= MOST_TRIALS_OF_ONE:
            raise TooManyTrials("Other destinations are being tested right now; try again in some seconds.")
        _under_way[organization_id] += 1
    try:
        yield
    finally:
        with _lock:
            _under_way[organization_id] -= 1
            if not _under_way[organization_id]:
                del _under_way[organization_id]


@contextmanager
def open_door(organization_id: int) -> Iterator[OutboundDoor]:
    """The way to destinations for a trial, within the operator's rules. Raises TooManyTrials."""
    rules = OutboundRules.parse(environment().outbound_allow)
    with trial_place(organization_id), OutboundDoor(rules, open_seconds=TRIAL_SECONDS) as door:
        yield door


def probe_config(*, kind: DestinationKind, config: Any, organization_id: int) -> Probed:
    """Try a configuration that is kept nowhere. Raises NotValid, TooManyTrials."""
    return _probed(kind, merged_config(kind, None, config), organization_id)


def probe(*, destination: Destination, config: Any = None) -> Probed:
    """Try a destination, as it is or with what is sent of a configuration. Raises NotValid, TooManyTrials."""
    kind, known = DESTINATIONS[destination.type], known_config(destination)
    wanted = merged_config(kind, known, {} if config is None else config)
    return _probed(kind, wanted, destination.organization_id)


def send_test_trace(*, destination: Destination) -> tuple[Trace, Outcome]:
    """Send a trace that says that it is a test.

    Raises NotValid, for a configuration that lacks something, and TooManyTrials.
    """
    kind = DESTINATIONS[destination.type]
    config = merged_config(kind, known_config(destination), {})
    trace = trace_of_test(destination, now_ns=time.time_ns())
    with open_door(destination.organization_id) as door:
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


def _probed(kind: DestinationKind, config: Config, organization_id: int) -> Probed:
    with open_door(organization_id) as door:
        try:
            return kind.probe(config, door)
        except CallFailed as error:
            return Probed(is_ok=False, message=f"No answer: {error}"[:500])
        except ValueError:  # its text may quote what could not be sent
            return Probed(is_ok=False, message=UNSENDABLE)
