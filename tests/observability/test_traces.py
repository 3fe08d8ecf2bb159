"""A trace says what became of a request, under ids that are the same each time, and no more than is wanted."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from observability.trace_costs import Prices, Tokens, divided
from observability.trace_ids import parent_span_id_of, span_id_of, trace_id_of
from observability.trace_rows import Row
from observability.traces import Telling, trace_of

ID = uuid.UUID("01900000-0000-7000-8000-0000000000aa")
PUBLIC_ID = f"gen-{ID.hex}"
SAID = {"input": {"messages": [{"role": "user", "content": "secret"}]}, "output": {"completion": "hush"}}
ALL_GROUPS = ("cost", "identity", "request_context", "cost_allocation")


def row(**changes: Any) -> Row:
    """A streamed request of acme's, 250 ms to the first token and 750 ms from there."""
    known = dict.fromkeys(Row._fields) | {
        "id": ID,
        "admitted_at": datetime(2026, 5, 1, tzinfo=UTC),
        "model": "openai/gpt-4o:nitro",
        "provider": "azure",
        "provider_name": "Azure",
        "endpoint_id": 7,
        "dialect": "chat",
        "is_streamed": True,
        "status": "completed",
        "finish_reason": "stop",
        "http_status": 200,
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "reasoning_tokens": 10,
        "cached_tokens": 20,
        "cache_write_tokens": 0,
        "is_usage_estimated": False,
        "cost_nano": 180,
        "byok_nano": 0,
        "is_byok": False,
        "latency_ms": 250,
        "generation_ms": 750,
        "user": "user-1",
        "session_id": "session-1",
        "api_key_id": 3,
        "key_name": "production",
        "key_creator_id": 5,
        "organization_id": uuid.UUID(int=1),
        "organization_name": "Acme",
        "workspace_id": uuid.UUID(int=2),
        "workspace_name": "Production",
        "prompt_femto": 1_000_000,
        "completion_femto": 2_000_000,
        "request_femto": 0,
    }
    return Row(**known | changes)


def told(content: Any = None, telling: Telling | None = None, **changes: Any):
    return trace_of(row(**changes), content, telling or Telling())


class TestIds:
    def test_come_from_the_generation(self):
        trace = told()

        assert trace.trace_id == hashlib.sha256(PUBLIC_ID.encode()).hexdigest()[:32]
        assert trace.span_id == hashlib.sha256(PUBLIC_ID.encode()).hexdigest()[:16]
        assert trace.parent_span_id is None
        assert told() == trace

    def test_are_shared_by_the_requests_of_a_trace_of_the_callers(self):
        digest = hashlib.sha256(b"workflow_1").hexdigest()[:32]

        assert told(detail={"trace": {"trace_id": "workflow_1"}}).trace_id == digest

    @pytest.mark.parametrize(
        ("given", "is_kept"),
        [
            ("4bf92f3577b34da6a3ce929d0e0e4736", True),
            ("4BF92F3577B34DA6A3CE929D0E0E4736", True),
            ("0" * 32, False),
        ],
    )
    def test_of_opentelemetry_are_used_as_they_are(self, given: str, is_kept: bool):
        assert (trace_id_of(given, PUBLIC_ID) == given.lower()) is is_kept

    def test_of_a_span_above_are_the_callers_or_follow_from_its_name(self):
        assert parent_span_id_of("00f067aa0ba902b7", "t", None) == "00f067aa0ba902b7"
        assert parent_span_id_of("mine", "t", "Step") == hashlib.sha256(b"mine").hexdigest()[:16]
        assert parent_span_id_of(None, "t", "Step") == hashlib.sha256(b"t:span:Step").hexdigest()[:16]
        assert parent_span_id_of(None, "t", None) is None

    def test_survive_what_is_no_text(self):
        trace = told(detail={"trace": {"trace_id": {"a": 1}, "parent_span_id": ["x"], "trace_name": 7}})

        assert trace.trace_id == trace_id_of(None, PUBLIC_ID)
        assert (trace.parent_span_id, trace.trace_name) == (None, "7")
        assert re.fullmatch("[0-9a-f]{16}", span_id_of("\ud800"))


class TestATrace:
    def test_says_when_in_nanoseconds(self):
        trace = told()

        assert trace.first_token_ns - trace.started_ns == 250_000_000
        assert trace.ended_ns - trace.started_ns == 1_000_000_000
        assert trace.started_ns == int(datetime(2026, 5, 1, tzinfo=UTC).timestamp()) * 10**9

    def test_names_the_model_without_its_variant_and_its_author(self):
        trace = told()

        assert (trace.model, trace.response_model, trace.author) == (
            "openai/gpt-4o",
            "openai/gpt-4o:nitro",
            "openai",
        )

    def test_carries_the_callers_own_metadata_but_for_the_special_names(self):
        given = {
            "trace_name": "Orders",
            "generation_name": "Step",
            "feature": "x",
            "environment": "production",
        }
        trace = told(detail={"trace": {**given, "tags": ["a", 1]}})

        assert (trace.trace_name, trace.generation_name, trace.environment) == (
            "Orders",
            "Step",
            "production",
        )
        assert trace.custom == {"feature": "x", "environment": "production", "tags": ["a", 1]}
        assert trace.tags == ("a",)

    def test_lets_no_metadata_of_the_callers_pass_for_ours(self):
        given = {"openrouter.api_key_name": "x", "openrouter_cost_allocation.total.cost": 9, "team": "blue"}

        assert trace_of(row(detail={"trace": given}), None, Telling()).custom == {
            "custom.openrouter.api_key_name": "x",
            "custom.openrouter_cost_allocation.total.cost": 9,
            "team": "blue",
        }

    def test_has_the_content(self):
        trace = told(SAID)

        assert (trace.input, trace.output) == (SAID["input"], SAID["output"])

    def test_lists_the_calls_of_providers(self):
        attempts = [
            {"model": "openai/gpt-4o", "provider": "OpenAI", "status": 503},
            {"model": "openai/gpt-4o", "provider": "Azure", "status": 200},
        ]
        trace = told(detail={"attempts": attempts})

        assert [(each.index, each.provider, each.status) for each in trace.attempts] == [
            (0, "OpenAI", 503),
            (1, "Azure", 200),
        ]

    def test_of_a_request_that_failed_keeps_the_callers_metadata_and_none_of_the_providers_words(self):
        detail = {"trace": {"feature": "x"}, "previous_errors": [{"message": "you said: secret"}]}
        trace = told(status="error", http_status=502, error_type="provider_error", detail=detail)

        assert trace.error == "Provider returned error"
        assert trace.custom == {"feature": "x"}
        assert "secret" not in repr(trace)

    def test_survives_a_detail_that_is_no_object(self):
        assert told(detail=[1, 2]).custom == {}


class TestPrivacyMode:
    def test_keeps_every_word_back_and_all_the_rest(self):
        private, plain = told(SAID, Telling(is_private=True)), told(SAID)

        assert (private.input, private.output) == (None, None)
        assert "secret" not in repr(private)
        assert "hush" not in repr(private)
        assert (private.user, private.session_id, private.usage) == (
            plain.user,
            plain.session_id,
            plain.usage,
        )


class TestGroups:
    def test_are_told_only_if_they_are_wanted(self):
        assert told().groups == {}
        assert (
            told(telling=Telling(groups=["cost"]))
            .groups.keys()
            .isdisjoint(told(telling=Telling(groups=["identity"])).groups.keys())
        )

    def test_of_identity_stay_under_privacy_mode(self):
        groups = told(telling=Telling(is_private=True, groups=["identity"])).groups

        assert groups["span.metadata.openrouter_generation.api_key.name"] == "production"
        assert groups["span.metadata.openrouter_generation.api_key.creator_user_id"] == "user_5"

    def test_tell_the_allocation_where_it_adds_up(self):
        groups = told(telling=Telling(groups=ALL_GROUPS), cost_nano=200).groups

        assert groups["openrouter_cost_allocation.cached.count"] == 20
        assert groups["openrouter_cost_allocation.total.cost"] == 200 / 10**9

    def test_tell_no_allocation_where_it_does_not(self):
        groups = told(telling=Telling(groups=ALL_GROUPS), cost_nano=199).groups

        assert not [name for name in groups if name.startswith("openrouter_cost_allocation")]


class TestTheCost:
    PRICES = Prices(prompt=1_000_000, completion=2_000_000, request=0, cache_read=500_000)

    @pytest.mark.parametrize("nano", [0, 1, 7, 189, 190, 10**12])
    def test_divides_into_input_and_output_without_a_rest(self, nano: int):
        parts = divided(nano, Tokens(100, 50, 10, 20, 0), self.PRICES)

        assert parts.input_nano + parts.output_nano == nano

    def test_is_exact_where_it_was_charged_by_these_prices(self):
        parts = divided(190, Tokens(100, 50, 10, 20, 0), self.PRICES)

        assert (parts.input_nano, parts.output_nano) == (90, 100)
        assert parts.allocation is not None

    def test_is_not_divided_without_prices(self):
        assert divided(190, Tokens(1, 1, 0, 0, 0), None).allocation is None


class TestAStepOfARequest:
    OUTER = uuid.UUID("01900000-0000-7000-8000-000000000001")
    RUN = {"tool": "web_search", "model": "openrouter/web_search", "endpoint_id": None, "provider": "exa"}

    def step(self, **changes: Any):
        return told(**{"request_id": self.OUTER, "prompt_femto": None, **changes})

    def test_is_in_the_trace_of_its_request_and_below_its_span(self):
        outer, inner = told(id=self.OUTER), self.step(tool="advisor")

        assert inner.trace_id == outer.trace_id
        assert inner.parent_span_id == outer.span_id
        assert inner.above_id == outer.generation_id
        assert inner.span_id != outer.span_id

    def test_is_in_the_callers_trace_where_its_request_is(self):
        detail = {"trace": {"trace_id": "workflow", "span_name": "Step", "generation_name": "Ask"}}

        outer, inner, later = (
            told(id=self.OUTER, detail=detail),
            self.step(tool="advisor", detail=detail),
            self.step(detail=detail),
        )

        assert inner.trace_id == later.trace_id == outer.trace_id
        assert (inner.parent_span_id, inner.span_name) == (outer.span_id, None)
        assert (inner.generation_name, later.generation_name) == ("advisor", "Ask")

    def test_that_is_a_tools_own_work_is_told_as_such_with_its_cost(self):
        run = self.step(**self.RUN, cost_nano=5_000)

        assert (run.is_tool_run, run.operation, run.generation_name) == (True, "execute_tool", "web_search")
        assert (run.usage.total_cost_nano, run.attempts) == (5_000, ())

    @pytest.mark.parametrize("changes", [{"tool": "advisor"}, {"tool": None}, {"tool": "web_search"}])
    def test_that_a_model_answered_is_a_generation(self, changes: dict[str, Any]):
        assert not self.step(**changes).is_tool_run

    def test_says_which_request_it_is_of_and_a_request_says_nothing(self):
        assert self.step(tool="advisor").described["tool"] == "advisor"
        assert self.step().described["request_id"] == f"gen-{self.OUTER.hex}"
        assert not {"tool", "request_id"} & told().described.keys()
