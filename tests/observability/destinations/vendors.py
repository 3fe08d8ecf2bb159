"""What each vendor insists on: address, authorization and the form of a body, from its SDK's types and its reference.

A body that has a field too many, too few, or of another type is refused.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NotRequired
from uuid import UUID

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import BaseModel, ConfigDict, TypeAdapter
from typing_extensions import TypedDict

from tests.observability.destinations.receiver import Got


class Strict(BaseModel):
    """Nothing that is not named, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True)


# --- OTLP


def otlp(got: Got) -> dict[str, Any]:
    """The export, by the official message types; ids must be hex, as OTLP's JSON mapping wants them."""
    export: dict[str, Any] = json.loads(got.body)
    for resource in export["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name, digits in (("traceId", 32), ("spanId", 16), ("parentSpanId", 16)):
                    if name in span:
                        assert re.fullmatch(f"[0-9a-f]{{{digits}}}", span[name]), (name, span[name])
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
                for name in ("startTimeUnixNano", "endTimeUnixNano"):
                    assert isinstance(span[name], str), name
                for attribute in span["attributes"]:
                    assert isinstance(attribute["value"].get("intValue", ""), str), attribute
    json_format.ParseDict(export, ExportTraceServiceRequest())
    return export


def spans_of(export: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All spans of an export."""
    return [
        span
        for resource in export["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def attributes_of(span: Mapping[str, Any]) -> dict[str, Any]:
    """Its attributes as plain values."""
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


# --- Datadog (ddtrace's LLMObsSpanEvent, and the HTTP reference for the envelope)


class DatadogMessage(Strict):
    role: str
    content: str


class DatadogSide(Strict):
    messages: list[DatadogMessage]


class DatadogMeta(Strict):
    kind: Literal["llm", "workflow", "tool"]
    model_name: str | None = None
    model_provider: str | None = None
    input: DatadogSide | None = None
    output: DatadogSide | None = None
    metadata: dict[str, Any] | None = None
    error: dict[Literal["message"], str] | None = None


class DatadogSpan(Strict):
    name: str
    span_id: str
    trace_id: str
    parent_id: str
    start_ns: int
    duration: int
    status: Literal["ok", "error"]
    tags: list[str]
    meta: DatadogMeta
    metrics: dict[str, float | int]


class DatadogAttributes(Strict):
    ml_app: str
    tags: list[str]
    session_id: str | None = None
    spans: list[DatadogSpan]


class DatadogData(Strict):
    type: Literal["span"]
    attributes: DatadogAttributes


class DatadogBody(Strict):
    data: DatadogData


# --- PostHog


class PostHogEvent(Strict):
    uuid: str
    event: Literal["$ai_generation"]
    distinct_id: str
    timestamp: str
    properties: dict[str, Any]


class PostHogBody(Strict):
    api_key: str
    batch: list[PostHogEvent]


# --- Braintrust


class BraintrustSpan(Strict):
    name: str
    type: Literal["llm", "task", "tool"]


class BraintrustEvent(Strict):
    id: str
    span_id: str
    root_span_id: str
    span_parents: list[str] | None = None
    created: str
    input: Any = None
    output: Any = None
    error: str | None = None
    metadata: dict[str, Any] | None = None
    metrics: dict[str, float | int]
    tags: list[str] | None = None
    span_attributes: BraintrustSpan


class BraintrustBody(Strict):
    events: list[BraintrustEvent]


# --- Weave


class WeaveStart(Strict):
    project_id: str
    id: str
    op_name: str
    display_name: str | None = None
    trace_id: str
    parent_id: str | None = None
    thread_id: str | None = None
    started_at: str
    attributes: dict[str, Any]
    inputs: dict[str, Any]


class WeaveEnd(Strict):
    project_id: str
    id: str
    ended_at: str
    exception: str | None = None
    output: Any = None
    summary: dict[str, Any]


class WeaveBody(Strict):
    batch: list[dict[str, Any]]


# --- Opik (its SDK's TraceWrite and SpanWrite)


class OpikError(Strict):
    exception_type: str
    message: str | None = None
    traceback: str


class OpikTrace(Strict):
    id: str
    project_name: str
    name: str
    start_time: str
    end_time: str
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    tags: list[str] | None = None
    error_info: OpikError | None = None
    ttft: float | None = None
    thread_id: str | None = None


class OpikSpan(Strict):
    id: str
    project_name: str
    trace_id: str
    parent_span_id: str | None = None
    name: str
    type: Literal["general", "tool", "llm", "guardrail"]
    start_time: str
    end_time: str
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    model: str | None = None
    provider: str | None = None
    tags: list[str] | None = None
    usage: dict[str, int] | None = None
    error_info: OpikError | None = None
    total_estimated_cost: float | None = None
    ttft: float | None = None


class OpikBody(Strict):
    traces: list[OpikTrace] | None = None
    spans: list[OpikSpan] | None = None


# --- Raindrop


class RaindropData(Strict):
    model: str
    input: str | None = None
    output: str | None = None
    convo_id: str | None = None


class RaindropEvent(Strict):
    event_id: str
    user_id: str
    event: str
    timestamp: str
    ai_data: RaindropData | None = None
    properties: dict[str, Any]


# --- Snowflake


class SnowflakeBind(TypedDict):
    type: Literal["TEXT"]
    value: str


class SnowflakeBody(TypedDict):
    statement: str
    timeout: int
    database: str
    schema: str
    warehouse: str
    bindings: NotRequired[dict[str, SnowflakeBind]]


# --- What is checked


def json_body(form: Any) -> Callable[[Got], Any]:
    """A check of the whole body."""
    adapter = TypeAdapter(form)
    return lambda got: adapter.validate_json(got.body, strict=True)


def opik(got: Got) -> Any:
    """Traces or spans; ids are UUIDv7s."""
    body = OpikBody.model_validate_json(got.body)
    for each in [*(body.traces or []), *(body.spans or [])]:
        assert UUID(each.id).version == 7
    return body


def weave(got: Got) -> Any:
    """Starts and ends, as many of each."""
    body = WeaveBody.model_validate_json(got.body)
    for part in body.batch:
        form = {"start": WeaveStart, "end": WeaveEnd}[part["mode"]]
        form.model_validate(part["req"][part["mode"]])
        assert set(part) == {"mode", "req"}
    modes = [part["mode"] for part in body.batch]
    assert modes.count("start") == modes.count("end")
    return body


def raindrop(got: Got) -> Any:
    """A list; an AI event says something."""
    events = TypeAdapter(list[RaindropEvent]).validate_json(got.body)
    assert all(each.ai_data is None or each.ai_data.input or each.ai_data.output for each in events)
    return events


def clickhouse(got: Got) -> Any:
    """Rows of JSON, or a statement that reads nothing."""
    if "query=" not in got.path:
        assert got.body.endswith(b"LIMIT 0")
        return got.body
    rows = [json.loads(line) for line in got.body.splitlines()]
    assert all(datetime.strptime(row["TIMESTAMP"], "%Y-%m-%d %H:%M:%S.%f") for row in rows)  # noqa: DTZ007
    return rows


def snowflake(got: Got) -> Any:
    """A statement with at most one bind, which holds rows."""
    body = TypeAdapter(SnowflakeBody).validate_json(got.body)
    for bind in body.get("bindings", {}).values():
        assert isinstance(json.loads(bind["value"]), list)
    return body


def s3(got: Got) -> Any:
    """One JSON object."""
    return json.loads(got.body)


@dataclass(frozen=True)
class Demands:
    """What a vendor wants. `authorization`: a header and its value."""

    config: dict[str, Any]
    path: str
    authorization: tuple[str, str]
    check: Callable[[Got], Any]
    host: str
    method: str = "POST"
    answer: tuple[int, bytes] = (200, b"{}")
    probe_path: str = ""
    sdk: bool = True
    secrets: tuple[str, ...] = field(default=("the-secret",))


def basic(text: str) -> str:
    """HTTP Basic."""
    return "Basic " + base64.b64encode(text.encode()).decode()


SECRET = "the-secret"  # of nobody
VENDORS: dict[str, Demands] = {
    "arize": Demands(
        {"apiKey": SECRET, "spaceKey": "space", "modelId": "project"},
        "/v1/traces",
        ("authorization", SECRET),
        otlp,
        "otlp.arize.com",
    ),
    "braintrust": Demands(
        {"apiKey": SECRET, "projectId": "p-1"},
        "/v1/project_logs/p-1/insert",
        ("authorization", f"Bearer {SECRET}"),
        json_body(BraintrustBody),
        "api.braintrust.dev",
    ),
    "clickhouse": Demands(
        {"host": "https://ch.example:8443", "database": "db", "username": "u", "password": SECRET},
        "/",
        ("x-clickhouse-key", SECRET),
        clickhouse,
        "ch.example:8443",
    ),
    "datadog": Demands(
        {"apiKey": SECRET, "mlApp": "app"},
        "/api/intake/llm-obs/v1/trace/spans",
        ("dd-api-key", SECRET),
        json_body(DatadogBody),
        "api.datadoghq.com",
        answer=(202, b""),
    ),
    "grafana": Demands(
        {"instanceId": "123", "apiKey": SECRET},
        "/otlp/v1/traces",
        ("authorization", basic(f"123:{SECRET}")),
        otlp,
        "otlp-gateway-prod-us-west-0.grafana.net",
    ),
    "langfuse": Demands(
        {"publicKey": "pk-lf-1", "secretKey": SECRET},
        "/api/public/otel/v1/traces",
        ("authorization", basic(f"pk-lf-1:{SECRET}")),
        otlp,
        "us.cloud.langfuse.com",
    ),
    "langsmith": Demands(
        {"apiKey": SECRET, "workspaceId": "w-1"},
        "/otel/v1/traces",
        ("x-api-key", SECRET),
        otlp,
        "api.smith.langchain.com",
    ),
    "newrelic": Demands(
        {"licenseKey": SECRET, "region": "eu"},
        "/v1/traces",
        ("api-key", SECRET),
        otlp,
        "otlp.eu01.nr-data.net",
    ),
    "opik": Demands(
        {"apiKey": SECRET, "workspace": "team", "projectName": "project"},
        "/opik/api/v1/private/",
        ("authorization", SECRET),
        opik,
        "www.comet.com",
        answer=(204, b""),
    ),
    "otel-collector": Demands(
        {"endpoint": "https://otel.example/v1/traces", "headers": {"Authorization": SECRET}},
        "/v1/traces",
        ("authorization", SECRET),
        otlp,
        "otel.example",
    ),
    "posthog": Demands({"apiKey": SECRET}, "/batch/", ("", ""), json_body(PostHogBody), "us.i.posthog.com"),
    "raindrop": Demands(
        {"writeKey": SECRET},
        "/v1/events/track",
        ("authorization", f"Bearer {SECRET}"),
        raindrop,
        "api.raindrop.ai",
        answer=(204, b""),
        sdk=False,
    ),
    "ramp": Demands(
        {"apiKey": SECRET},
        "/developer/v1/ai-usage/openrouter",
        ("authorization", f"Bearer {SECRET}"),
        otlp,
        "api.ramp.com",
    ),
    "s3": Demands(
        {"bucketName": "bucket", "accessKeyId": "AKIA1", "secretAccessKey": SECRET, "region": "eu-west-1"},
        "/",
        ("", ""),
        s3,
        "bucket.s3.eu-west-1.amazonaws.com",
        method="PUT",
        answer=(200, b""),
    ),
    "sentry": Demands(
        {
            "dsn": f"https://{SECRET}@o1.ingest.sentry.io/2",
            "otlpEndpoint": "https://o1.example/otlp/v1/traces",
        },
        "/otlp/v1/traces",
        ("x-sentry-auth", f"sentry sentry_key={SECRET}"),
        otlp,
        "o1.example",
    ),
    "snowflake": Demands(
        {"account": "eac52885.us-east-1", "token": SECRET},
        "/api/v2/statements",
        ("authorization", f"Bearer {SECRET}"),
        snowflake,
        "eac52885.us-east-1.snowflakecomputing.com",
    ),
    "weave": Demands(
        {"apiKey": SECRET, "entity": "team", "project": "project"},
        "/call/upsert_batch",
        ("authorization", basic(f"api:{SECRET}")),
        weave,
        "trace.wandb.ai",
    ),
    "webhook": Demands(
        {"url": "https://hooks.example/traces", "headers": {"Authorization": SECRET}},
        "/traces",
        ("authorization", SECRET),
        otlp,
        "hooks.example",
    ),
}
