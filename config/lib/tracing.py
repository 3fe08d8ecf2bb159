"""Traces of Headgate itself, for whoever installs `headgate[otel]` and sets HEADGATE_OTEL; else nothing is wrapped.

Where traces go is said by OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT and its like). Spans carry routes,
statuses and ids, and nothing that callers or providers wrote.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from config.lib.environment import Environment

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

MISSING = (
    "HEADGATE_OTEL needs the packages of headgate[otel]: opentelemetry-sdk and its OTLP exporter over HTTP."
)
IDS = {b"x-request-id": "headgate.request_id", b"x-generation-id": "headgate.generation_id"}


class TracingUnavailable(RuntimeError):
    """The packages are not installed."""


def start(env: Environment, role: str) -> Tracing | None:
    """This process's tracing, or None where nobody wants it. Raises TracingUnavailable."""
    if not env.is_traced:
        return None
    try:
        from opentelemetry import propagate, trace  # an extra, which is not there by default
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON, TraceIdRatioBased
    except ImportError as error:
        raise TracingUnavailable(MISSING) from error
    # A ratio of trace ids, whatever the caller's own flag says: callers do not decide how much we export.
    sampler = TraceIdRatioBased(env.trace_share) if role == "gateway" else ALWAYS_ON
    resource = Resource.create({"service.name": f"headgate-{role}", "service.namespace": "headgate"})
    provider = TracerProvider(resource=resource, sampler=sampler)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(trace, propagate, provider)


class Tracing:
    """Makes spans. The libraries' modules are handed in, because this one must not need them."""

    def __init__(self, trace: Any, propagate: Any, provider: Any) -> None:
        self._trace, self._propagate, self._provider = trace, propagate, provider
        self._tracer = provider.get_tracer("headgate")

    @contextmanager
    def span(
        self, name: str, *, carrier: Mapping[str, str] | None = None, kind: str = "INTERNAL"
    ) -> Iterator[Any]:
        """A span around a block; `carrier` may hold the `traceparent` of whoever asked."""
        context = self._propagate.extract(carrier) if carrier else None
        with self._tracer.start_as_current_span(
            name, context=context, kind=self._trace.SpanKind[kind], record_exception=False
        ) as span:
            yield span

    def headers(self) -> dict[str, str]:
        """`traceparent` and `tracestate` of the span at hand, for whoever is asked next."""
        carrier: dict[str, str] = {}
        self._propagate.inject(carrier)
        return {name: value for name, value in carrier.items() if name in ("traceparent", "tracestate")}

    def around(self, app: App, route_of: Callable[[str], str]) -> App:
        """An ASGI application whose requests have spans."""

        async def traced(scope: Message, receive: Receive, send: Send) -> None:
            carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            route = route_of(scope["path"])
            with self.span(f"{scope['method']} {route}", carrier=carrier, kind="SERVER") as span:
                span.set_attributes({"http.request.method": scope["method"], "http.route": route})
                await app(scope, receive, _noting(span, send))

        return traced

    def stop(self) -> None:
        """Send what is waiting."""
        self._provider.shutdown()


def _noting(span: Any, send: Send) -> Send:
    async def noted(message: Message) -> None:
        if message["type"] == "http.response.start":
            span.set_attribute("http.response.status_code", message["status"])
            for name, value in message["headers"]:
                if name in IDS:
                    span.set_attribute(IDS[name], value.decode("latin-1"))
        await send(message)

    return noted


def batches(tracing: Tracing | None) -> Callable[[], AbstractContextManager[Any]]:
    """What to put around each batch of ingest."""
    return nullcontext if tracing is None else lambda: tracing.span("ingest batch")
