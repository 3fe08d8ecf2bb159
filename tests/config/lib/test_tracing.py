"""Headgate's own traces: nothing where they are off; routes, statuses and ids where they are on."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import nullcontext
from typing import Any

import pytest

from config.lib.environment import Environment
from config.lib.outbound import OutboundRules
from config.lib.tracing import Tracing, TracingUnavailable, batches, start
from routing.gateway.upstream import PropagatingUpstream
from routing.providers import UpstreamRequest
from tests.routing.gateway.mirror import Mirror

try:
    IS_INSTALLED = importlib.util.find_spec("opentelemetry.sdk") is not None
except ModuleNotFoundError:
    IS_INSTALLED = False
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
needs_packages = pytest.mark.skipif(not IS_INSTALLED, reason="headgate[otel] is not installed")


class TestTracingThatIsOff:
    def test_is_nothing(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("HEADGATE_OTEL", raising=False)

        assert start(Environment(), "gateway") is None
        assert batches(None) is nullcontext
        assert IS_INSTALLED or "opentelemetry.sdk" not in sys.modules


class TestTracingWithoutItsPackages:
    @pytest.mark.skipif(IS_INSTALLED, reason="they are installed")
    def test_stops_the_start_and_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("HEADGATE_OTEL", "true")

        with pytest.raises(TracingUnavailable, match=r"headgate\[otel\]"):
            start(Environment(), "gateway")


@needs_packages
class TestASpan:
    @pytest.fixture
    def world(self) -> tuple[Tracing, Any]:
        """Tracing that keeps its spans here."""
        from opentelemetry import propagate, trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        kept, provider = InMemorySpanExporter(), TracerProvider(sampler=ALWAYS_ON)
        provider.add_span_processor(SimpleSpanProcessor(kept))
        return Tracing(trace, propagate, provider), kept

    async def test_continues_the_callers_trace_and_names_the_route(self, world: tuple[Tracing, Any]):
        tracing, kept = world
        passed_on: list[dict[str, str]] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            passed_on.append(tracing.headers())
            headers = [(b"x-generation-id", b"gen-1"), (b"x-other", b"secret")]
            await send({"type": "http.response.start", "status": 402, "headers": headers})

        async def send(message: Any) -> None:
            """Nobody listens."""

        scope = {"method": "POST", "path": "/a/secret", "headers": [(b"traceparent", PARENT.encode())]}
        await tracing.around(app, lambda path: "other")(scope, send, send)

        (span,) = kept.get_finished_spans()
        assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
        assert passed_on[0]["traceparent"].split("-")[1] == PARENT.split("-")[1]
        assert span.name == "POST other"
        assert dict(span.attributes) == {
            "http.request.method": "POST",
            "http.route": "other",
            "http.response.status_code": 402,
            "headgate.generation_id": "gen-1",
        }


class TestPropagating:
    @pytest.mark.parametrize("is_users_address", [False, True])
    async def test_tells_providers_and_no_endpoint_of_anybodys_own(self, is_users_address: bool):
        mirror = Mirror()
        upstream = PropagatingUpstream(OutboundRules.parse("127.0.0.0/8"), lambda: {"traceparent": PARENT})
        request = UpstreamRequest(
            f"{mirror.url}/chat/completions", {"Content-Type": "application/json"}, b"{}"
        )
        try:
            response = await upstream.send(request, is_users_address=is_users_address)
            await response.read()
            response.release()
        finally:
            upstream.close()
            mirror.stop()

        assert mirror.headers[0].get("traceparent") == (None if is_users_address else PARENT)
