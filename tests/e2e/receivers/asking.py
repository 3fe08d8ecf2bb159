"""What real receivers of traces say when they are asked through their own interfaces."""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from config.lib.aws_signature import AwsCredential, Scope, signed_headers
from observability.destinations.s3 import PROBE_KEY
from tests.observability.destinations.traces import PARENT_SPAN_ID

USER, PASSWORD = "headgate", "not-a-secret"
BUCKET = "traces"
AWS = AwsCredential("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


@dataclass(frozen=True)
class Received:
    """What a receiver has of generations. `parents`: how many of them stand below the caller's own span."""

    count: int
    tokens: int
    cost_usd: float
    sessions: frozenset[str] = field(default_factory=frozenset)
    parents: int = 0


def settled(server: Any, count: int, seconds: float = 60.0) -> Received:
    """What a server has, once it has looked at all of it: some do so after they have answered."""
    deadline = time.monotonic() + seconds
    found: Received = server.received()
    while found.count < count and time.monotonic() < deadline:
        time.sleep(0.5)
        found = server.received()
    return found


def asked(url: str, body: Any = None, **headers: str) -> Any:
    """The JSON of an answer; a body is posted."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class Phoenix:
    """Arize Phoenix: protobuf only."""

    def __init__(self, origin: str) -> None:
        self.endpoint = f"{origin}/v1/traces"
        self._spans = f"{origin}/v1/projects/default/spans?limit=1000"

    def received(self) -> Received:
        spans = list(self._all())
        made = [span for span in spans if "gen_ai.response.model" in span["attributes"]]
        told = [span["attributes"] for span in made]
        own = [span for span in spans if span["parent_id"] == PARENT_SPAN_ID]
        below = {span["context"]["span_id"] for span in own}
        return Received(
            count=len(made),
            tokens=sum(int(each["gen_ai.usage.total_tokens"]) for each in told),
            cost_usd=sum(float(each["gen_ai.usage.total_cost"]) for each in told),
            sessions=frozenset(each["session.id"] for each in told if "session.id" in each),
            parents=sum(span["parent_id"] in below for span in made),
        )

    def text(self) -> str:
        """Everything that it has."""
        return json.dumps(list(self._all()))

    def _all(self) -> Iterator[dict[str, Any]]:
        cursor = ""
        while cursor is not None:
            page = asked(self._spans + (f"&cursor={cursor}" if cursor else ""))
            yield from page["data"]
            cursor = page["next_cursor"]


class MLflow:
    """MLflow's tracking server."""

    def __init__(self, origin: str) -> None:
        self.endpoint = f"{origin}/v1/traces"
        self.headers = {"x-mlflow-experiment-id": "0"}
        self._search = f"{origin}/api/3.0/mlflow/traces/search"
        self._get = f"{origin}/api/3.0/mlflow/traces/batchGet"

    def received(self) -> Received:
        traces = list(self._all())
        told = [trace["trace_metadata"] for trace in traces]
        usages = [json.loads(each.get("mlflow.trace.tokenUsage", "{}")) for each in told]
        costs = [json.loads(each.get("mlflow.trace.cost", "{}")) for each in told]
        return Received(
            count=len(told),
            tokens=sum(each.get("total_tokens", 0) for each in usages),
            cost_usd=sum(each.get("total_cost", 0) for each in costs),
            sessions=frozenset(
                each["mlflow.trace.session"] for each in told if "mlflow.trace.session" in each
            ),
            parents=sum(map(_has_parent, self._whole([trace["trace_id"] for trace in traces]))),
        )

    def text(self) -> str:
        """Everything that it has."""
        return json.dumps(list(self._whole([trace["trace_id"] for trace in self._all()])))

    def _whole(self, ids: list[str]) -> Iterator[dict[str, Any]]:
        """Traces with their spans; it gives ten at once."""
        for first in range(0, len(ids), 10):
            query = urllib.parse.urlencode([("trace_ids", each) for each in ids[first : first + 10]])
            yield from asked(f"{self._get}?{query}")["traces"]

    def _all(self) -> Iterator[dict[str, Any]]:
        asks: dict[str, Any] = {
            "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}],
            "max_results": 500,
        }
        while True:
            page = asked(self._search, asks)
            yield from page.get("traces", [])
            if not page.get("next_page_token"):
                return
            asks["page_token"] = page["next_page_token"]


def _has_parent(trace: dict[str, Any]) -> bool:
    """Whether a trace of MLflow's, whose ids are base64, has a span below the caller's own."""
    parents = {base64.b64decode(span.get("parent_span_id") or "").hex() for span in trace["spans"]}
    return PARENT_SPAN_ID in parents


class Moto:
    """S3 as moto serves it, read with signatures of ours."""

    def __init__(self, origin: str) -> None:
        self.endpoint = origin
        self._call("PUT", f"/{BUCKET}")

    def received(self) -> Received:
        objects = list(self._all())
        observations = [each["observations"][0] for each in objects]
        return Received(
            count=len(objects),
            tokens=sum(each["usage"]["total"] for each in observations),
            cost_usd=sum(each["cost"]["total"] for each in observations),
            sessions=frozenset(each["sessionId"] for each in objects if each["sessionId"]),
            parents=sum(each["parentObservationId"] == PARENT_SPAN_ID for each in observations),
        )

    def text(self) -> str:
        """Everything that it has."""
        return json.dumps(list(self._all()))

    def _all(self) -> Iterator[dict[str, Any]]:
        for key in self._keys():
            if key != PROBE_KEY:
                yield json.loads(self._call("GET", f"/{BUCKET}/{key}"))

    def _keys(self) -> Iterator[str]:
        after = ""
        while True:
            query = f"?list-type=2&start-after={after}" if after else "?list-type=2"
            text = self._call("GET", f"/{BUCKET}{query}").decode()
            keys = [piece.split("</Key>")[0] for piece in text.split("<Key>")[1:]]
            if not keys:
                return
            yield from keys
            after = keys[-1].replace("/", "%2F")

    def _call(self, method: str, path: str) -> bytes:
        url = f"{self.endpoint}{path}"
        scope = Scope("us-east-1", "s3")
        headers = signed_headers(
            url, {}, b"", credential=AWS, scope=scope, now=datetime.now(UTC), method=method
        )
        request = urllib.request.Request(url, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            body: bytes = answer.read()
            return body


class ClickHouse:
    """A ClickHouse engine."""

    def __init__(self, origin: str) -> None:
        self.host = origin

    def run(self, statement: str) -> list[dict[str, Any]]:
        """The rows of an answer."""
        headers = {"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD}
        request = urllib.request.Request(f"{self.host}/", statement.encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [json.loads(line) for line in answer.read().decode().splitlines() if line]

    def text(self) -> str:
        """Everything that it has."""
        return json.dumps(self.run("SELECT * FROM traces.OPENROUTER_TRACES FINAL"))

    def received(self) -> Received:
        [sums] = self.run(
            "SELECT count() AS n, sum(TOTAL_TOKENS) AS tokens, sum(TOTAL_COST) AS cost, "
            f"groupUniqArray(SESSION_ID) AS sessions, countIf(PARENT_SPAN_ID = '{PARENT_SPAN_ID}') AS parents "
            "FROM traces.OPENROUTER_TRACES FINAL"
        )
        return Received(
            count=int(sums["n"]),
            tokens=int(sums["tokens"]),
            cost_usd=float(sums["cost"]),
            sessions=frozenset(filter(None, sums["sessions"])),
            parents=int(sums["parents"]),
        )
