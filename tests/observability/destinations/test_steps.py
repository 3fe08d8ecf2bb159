"""Steps of a request that ran server tools are told below it, in each vendor's own terms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from observability.destinations import DESTINATIONS
from observability.trace import Trace
from tests.observability.destinations.receiver import Got
from tests.observability.destinations.traces import a_trace
from tests.observability.destinations.vendors import VENDORS, attributes_of, otlp, spans_of

OUTER = a_trace(1, span_name=None, parent_span_id=None)
PLACE: dict[str, Any] = {
    "span_name": None,
    "trace_id": OUTER.trace_id,
    "parent_span_id": OUTER.span_id,
    "above_id": OUTER.generation_id,
}
ADVICE = a_trace(2, **PLACE, tool="advisor", generation_name="advisor")
SEARCH = a_trace(
    3, **PLACE, tool="web_search", is_tool_run=True, operation="execute_tool", generation_name="web_search"
)
STEPS = [ADVICE, SEARCH]


def bodies(slug: str, *traces: Trace) -> list[Any]:
    """What a vendor is sent."""
    kind = DESTINATIONS[slug]
    config = kind.read_config(VENDORS[slug].config)
    return [json.loads(request.body) for request in kind.requests(config, traces)]


def otlp_root(slug: str, trace: Trace) -> dict[str, Any]:
    """The generation's span, its attributes among it."""
    kind = DESTINATIONS[slug]
    [request] = kind.requests(kind.read_config(VENDORS[slug].config), [trace])
    span = spans_of(otlp(Got("POST", "", "", {}, request.body)))[0]
    return {**span, "attributes": attributes_of(span)}


class TestOtlp:
    def test_has_them_below_the_requests_span_in_its_trace(self):
        above, below, run = (otlp_root("otel-collector", each) for each in (OUTER, ADVICE, SEARCH))

        assert below["traceId"] == run["traceId"] == above["traceId"]
        assert below["parentSpanId"] == run["parentSpanId"] == above["spanId"]

    def test_names_a_tools_work_a_tool(self):
        run, below = otlp_root("otel-collector", SEARCH), otlp_root("otel-collector", ADVICE)

        assert (run["name"], below["name"]) == ("web_search", "advisor")
        told = [
            (each["attributes"]["span.type"], each["attributes"]["gen_ai.tool.name"]) for each in (run, below)
        ]
        assert told == [("tool", "web_search"), ("generation", "advisor")]

    def test_leaves_the_traces_input_and_output_to_the_request(self):
        above, below = (otlp_root("otel-collector", each)["attributes"] for each in (OUTER, ADVICE))

        assert {"trace.input", "trace.output"} <= above.keys()
        assert not {"trace.input", "trace.output"} & below.keys()
        assert {"span.input", "span.output"} <= below.keys()


class TestLangfuse:
    def test_has_observations_that_do_not_write_over_the_trace(self):
        run = otlp_root("langfuse", SEARCH)["attributes"]

        assert run["langfuse.observation.type"] == "tool"
        written = {name for name in run if name.startswith("langfuse.trace.")}
        assert written == {"langfuse.trace.name", "langfuse.trace.tags"}


class TestOpik:
    def test_has_one_trace_with_all_spans(self):
        [traces, spans] = bodies("opik", OUTER, *STEPS)

        [trace] = traces["traces"]
        above, below, run = spans["spans"]
        assert above["trace_id"] == below["trace_id"] == run["trace_id"] == trace["id"]
        assert below["parent_span_id"] == run["parent_span_id"] == above["id"]
        assert (above["type"], below["type"], run["type"]) == ("llm", "llm", "tool")

    def test_is_told_of_steps_before_their_request(self):
        [spans] = bodies("opik", *STEPS)

        assert len(spans["spans"]) == 2


class TestWeave:
    def test_has_calls_below_the_requests_call(self):
        [sent] = bodies("weave", OUTER, *STEPS)

        starts = [each["req"]["start"] for each in sent["batch"] if each["mode"] == "start"]
        assert [each["parent_id"] for each in starts] == [None, starts[0]["id"], starts[0]["id"]]
        assert len({each["trace_id"] for each in starts}) == 1


def braintrust(sent: Any) -> list[tuple[Any, Any, Any]]:
    return [
        (e["span_id"], (e.get("span_parents") or [None])[0], e["span_attributes"]["type"])
        for e in sent["events"]
    ]


def datadog(sent: Any) -> list[tuple[Any, Any, Any]]:
    spans = sent["data"]["attributes"]["spans"]
    return [(each["span_id"], each["parent_id"], each["meta"]["kind"]) for each in spans]


class TestTheVendorsWithAnInterfaceOfTheirOwn:
    @pytest.mark.parametrize(
        ("slug", "told"),
        [("braintrust", braintrust), ("datadog", datadog)],
        ids=lambda value: str(value)[:10],
    )
    def test_have_them_below_the_request(self, slug: str, told: Callable[[Any], list[tuple[Any, Any, Any]]]):
        rows = [row for sent in bodies(slug, *STEPS) for row in told(sent)]

        assert [row[1] for row in rows] == [OUTER.span_id, OUTER.span_id]
        assert [row[2] for row in rows] == ["llm", "tool"]
