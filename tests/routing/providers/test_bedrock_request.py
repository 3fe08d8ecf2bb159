"""A Chat Completions body in Converse's words; Amazon's own validator finds nothing wrong with any."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from routing.providers.bedrock_request import SAID, converse_request
from routing.providers.openai import encode
from routing.providers.wire_format import CannotAsk, Unsupported
from tests.routing.make import make_endpoint
from tests.routing.providers.converse import (
    CALL,
    CLAUDE_2,
    COMMAND,
    GPT_OSS,
    HELLO,
    LLAMA,
    MISTRAL,
    MYTHOS,
    NOVA,
    OPUS_5,
    OPUS_47,
    SONNET_4,
    SONNET_35,
    SONNET_37,
    SONNET_45,
    SONNET_46,
    TOOL,
    body_of,
    dropped_from,
    translate,
)

SUMMARIZED = {"type": "adaptive", "display": "summarized"}
FORCED = {"tools": [TOOL], "tool_choice": "required"}
CALLED = [
    *HELLO,
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
]


class TestTools:
    def test_are_specified(self):
        found = body_of(tools=[{**TOOL, "function": {**TOOL["function"], "description": "Looks out"}}])

        assert found["toolConfig"] == {
            "tools": [
                {
                    "toolSpec": {
                        "name": "weather",
                        "description": "Looks out",
                        "inputSchema": {"json": {"type": "object", "properties": {"city": {}}}},
                    }
                }
            ]
        }

    @pytest.mark.parametrize(
        ("choice", "said"),
        [
            ("auto", {"auto": {}}),
            ("required", {"any": {}}),
            ({"type": "function", "function": {"name": "weather"}}, {"tool": {"name": "weather"}}),
        ],
    )
    def test_may_be_chosen(self, choice, said):
        found = translate(tools=[TOOL], tool_choice=choice)

        assert (found.body["toolConfig"]["toolChoice"], found.dropped) == (said, ())

    def test_may_not_be_demanded_of_the_newest_models(self):
        found = translate("anthropic.claude-opus-5-5", tools=[TOOL], tool_choice="required")

        assert (found.body["toolConfig"]["toolChoice"], found.dropped) == ({"auto": {}}, ("tool_choice",))

    def test_are_left_out_where_none_shall_be_called(self):
        found = translate(tools=[TOOL], tool_choice="none")

        assert ("toolConfig" in found.body, found.dropped) == (False, ())

    @pytest.mark.parametrize("more", [{}, {"tools": [TOOL], "tool_choice": "none"}])
    def test_are_needed_by_a_history_with_calls_in_it(self, more):
        history = [*HELLO, {"role": "assistant", "tool_calls": [CALL]}]

        found = translate(messages=history, **more)

        assert found.body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "weather"
        assert "toolChoice" not in found.body["toolConfig"]
        assert found.dropped == ("tool_choice",)

    def test_are_strict_where_the_model_can_be(self):
        strict = {**TOOL, "function": {**TOOL["function"], "strict": True}}

        assert body_of(SONNET_45, tools=[strict])["toolConfig"]["tools"][0]["toolSpec"]["strict"] is True
        assert dropped_from(SONNET_4, tools=[strict]) == ("tools.strict",)

    @pytest.mark.parametrize("tool", [{"type": "web_search_20250305"}, {"function": {"name": 1}}, 1])
    def test_of_other_kinds_are_reported(self, tool):
        assert dropped_from(tools=[tool]) == ("tools",)

    def test_may_not_be_chosen_in_ways_the_provider_does_not_know(self):
        assert dropped_from(tools=[TOOL], tool_choice="validated") == ("tool_choice",)
        with pytest.raises(Unsupported):
            translate(tools=[TOOL], tool_choice={"type": "openrouter:web_search"})


class TestParameters:
    def test_are_said_in_the_providers_words(self):
        found = translate(
            max_tokens=100, temperature=0.5, top_p=0.9, stop=["\n", "END"], top_k=40, service_tier="flex"
        )

        assert found.body["inferenceConfig"] == {
            "maxTokens": 100,
            "temperature": 0.5,
            "topP": 0.9,
            "stopSequences": ["\n", "END"],
        }
        assert found.body["additionalModelRequestFields"] == {"top_k": 40}
        assert found.body["serviceTier"] == {"type": "flex"}
        assert found.dropped == ()

    def test_prefer_the_newer_name_of_the_tokens(self):
        assert body_of(max_completion_tokens=7, max_tokens=9)["inferenceConfig"] == {"maxTokens": 7}

    def test_may_stop_at_one_text(self):
        assert body_of(stop="END")["inferenceConfig"] == {"stopSequences": ["END"]}

    def test_bound_a_temperature_that_the_provider_does_not_know(self):
        found = translate(temperature=1.5)

        assert (found.body["inferenceConfig"], found.dropped) == ({"temperature": 1}, ("temperature",))

    @pytest.mark.parametrize(
        ("model", "fields"),
        [
            (SONNET_4, {"top_k": 5}),
            (NOVA, {"inferenceConfig": {"topK": 5}}),
            (COMMAND, {"k": 5}),
            (MISTRAL, {"top_k": 5}),
        ],
    )
    def test_say_top_k_as_the_model_wants_it(self, model, fields):
        assert body_of(model, top_k=5)["additionalModelRequestFields"] == fields

    def test_report_top_k_where_the_model_has_none(self):
        assert dropped_from(LLAMA, top_k=5) == ("top_k",)

    def test_have_one_of_two_samplings_where_the_model_takes_one(self):
        found = translate(SONNET_45, temperature=0.5, top_p=0.9)

        assert (found.body["inferenceConfig"], found.dropped) == ({"temperature": 0.5}, ("top_p",))

    def test_have_no_sampling_where_the_model_takes_none(self):
        found = translate(OPUS_47, temperature=0.5, top_p=0.9, top_k=5)

        assert "inferenceConfig" not in found.body
        assert found.dropped == ("temperature", "top_k", "top_p")

    def test_report_every_other_one(self):
        others = {
            "seed": 1,
            "logit_bias": {"1": 1},
            "frequency_penalty": 0.5,
            "n": 2,
            "parallel_tool_calls": False,
            "metadata": {"a": "b"},
            "something_new": 1,
        }

        assert dropped_from(**others) == tuple(sorted(others))

    def test_are_named_within_bounds(self):
        assert dropped_from(**{"x" * 65_536: 1}) == ("x" * 100,)

    def test_do_not_report_what_says_nothing(self):
        assert (
            dropped_from(n=1, logprobs=False, frequency_penalty=0.0, seed=None, stream=True, user="u") == ()
        )

    def test_do_not_report_what_is_meant_for_us(self):
        assert dropped_from(provider={}, models=[], plugins=[], session_id="s", stream_options={}) == ()


class TestAFormat:
    SCHEMA = {"name": "city", "description": "A city", "strict": True, "schema": {"type": "object"}}

    def test_is_a_json_schema(self):
        found = translate(SONNET_45, response_format={"type": "json_schema", "json_schema": self.SCHEMA})

        assert found.body["outputConfig"]["textFormat"] == {
            "type": "json_schema",
            "structure": {
                "jsonSchema": {"schema": '{"type":"object"}', "name": "city", "description": "A city"}
            },
        }
        assert found.dropped == ()

    @pytest.mark.parametrize(
        ("model", "wanted"),
        [
            (SONNET_45, {"type": "json_object"}),
            (SONNET_45, {"type": "json_schema"}),
            (SONNET_4, {"type": "json_schema", "json_schema": SCHEMA}),
            (NOVA, {"type": "json_schema", "json_schema": SCHEMA}),
        ],
    )
    def test_that_cannot_be_said_is_reported(self, model, wanted):
        assert dropped_from(model, response_format=wanted) == ("response_format",)

    def test_may_hold_lone_surrogates(self):
        wanted = {"type": "json_schema", "json_schema": {"schema": {"title": "\ud83d"}}}

        assert "ud83d" in str(body_of(SONNET_45, response_format=wanted)["outputConfig"])

    def test_of_plain_text_says_nothing(self):
        assert dropped_from(response_format={"type": "text"}) == ()


class TestReasoning:
    @pytest.mark.parametrize(
        ("model", "asked", "fields"),
        [
            (SONNET_37, {"max_tokens": 2_000}, {"type": "enabled", "budget_tokens": 2_000}),
            (SONNET_4, {"max_tokens": 10}, {"type": "enabled", "budget_tokens": 1_024}),
            (SONNET_4, {"effort": "low"}, {"type": "enabled", "budget_tokens": 2_000}),
            (SONNET_4, {"enabled": True}, {"type": "enabled", "budget_tokens": 5_000}),
            (SONNET_45, {"effort": "xhigh"}, {"type": "enabled", "budget_tokens": 9_500}),
            (SONNET_46, {"max_tokens": 2_000}, {"type": "enabled", "budget_tokens": 2_000}),
        ],
    )
    def test_of_claude_has_a_budget(self, model, asked, fields):
        found = translate(model, max_tokens=10_000, reasoning=asked)

        assert found.body["additionalModelRequestFields"] == {"thinking": fields}
        assert found.body["inferenceConfig"] == {"maxTokens": 10_000}
        assert found.dropped == ()

    @pytest.mark.parametrize(
        ("model", "asked", "thinking", "effort", "dropped"),
        [
            (SONNET_46, {"effort": "xhigh"}, {"type": "adaptive"}, "high", ()),
            (OPUS_47, {"effort": "xhigh"}, {"type": "adaptive", "display": "summarized"}, "xhigh", ()),
            (MYTHOS, {"effort": "minimal"}, {"type": "adaptive", "display": "summarized"}, "low", ()),
            (
                OPUS_47,
                {"max_tokens": 6_000},
                {"type": "adaptive", "display": "summarized"},
                "high",
                ("reasoning.max_tokens",),
            ),
        ],
    )
    def test_of_newer_claude_is_its_own_choice(self, model, asked, thinking, effort, dropped):
        found = translate(model, max_tokens=10_000, reasoning=asked)

        assert found.body["additionalModelRequestFields"] == {"thinking": thinking}
        assert (found.body["outputConfig"], found.dropped) == ({"effort": effort}, dropped)

    def test_is_measured_by_the_endpoints_tokens_where_the_caller_names_none(self):
        found = body_of(SONNET_4, limit=20_000, reasoning={"effort": "high"})

        assert found["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 16_000

    @pytest.mark.parametrize(
        ("model", "fields"),
        [
            (NOVA, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
            (GPT_OSS, {"reasoning_effort": "high"}),
        ],
    )
    def test_of_others_has_an_effort(self, model, fields):
        assert body_of(model, reasoning_effort="xhigh")["additionalModelRequestFields"] == fields

    @pytest.mark.parametrize(
        "more", [{"reasoning": {"effort": "none"}}, {"reasoning": {"enabled": False}}, {}]
    )
    def test_may_be_off(self, more):
        assert translate(**more) == (body_of(), ())

    @pytest.mark.parametrize(
        ("model", "more"),
        [
            (LLAMA, {}),
            (SONNET_4, {"max_tokens": 500}),
            (SONNET_4, {"tools": [TOOL], "tool_choice": "required"}),
            (GPT_OSS, {"reasoning": {"effort": "somewhat"}}),
            (SONNET_35, {}),
            (CLAUDE_2, {}),
            (SONNET_4, {"messages": [*HELLO, {"role": "assistant", "content": "Well,"}]}),
            (SONNET_4, {"messages": CALLED, "tools": [TOOL]}),
        ],
    )
    def test_that_cannot_be_asked_for_is_reported(self, model, more):
        assert dropped_from(model, **{"reasoning": {"effort": "high"}, **more}) == ("reasoning",)

    def test_goes_on_where_an_earlier_turn_had_none(self):
        history = [*CALLED, {"role": "assistant", "content": "Rain."}, *HELLO]

        found = translate(SONNET_4, messages=history, tools=[TOOL], reasoning={"effort": "low"})

        assert found.dropped == ()

    @pytest.mark.parametrize(
        ("model", "more", "thinking", "effort", "dropped"),
        [
            (OPUS_5, {}, SUMMARIZED, None, ()),
            (OPUS_5, {"reasoning": {"effort": "none"}}, {"type": "disabled"}, None, ()),
            (OPUS_5, {"reasoning": {"effort": "high"}, **FORCED}, {"type": "disabled"}, None, ("reasoning",)),
            (OPUS_5, FORCED, {"type": "disabled"}, None, ()),
            (MYTHOS, {"reasoning": {"enabled": False}}, None, "low", ("reasoning",)),
        ],
    )
    def test_that_a_model_does_unasked_is_shown_or_kept_short(self, model, more, thinking, effort, dropped):
        found = translate(model, **more)

        assert found.body.get("additionalModelRequestFields", {}).get("thinking") == thinking
        assert (found.body.get("outputConfig", {}).get("effort"), found.dropped) == (effort, dropped)

    def test_of_claude_leaves_no_room_for_sampling(self):
        found = translate(max_tokens=9_000, reasoning={"effort": "low"}, temperature=0.2, top_p=1, top_k=3)

        assert found.body["inferenceConfig"] == {"maxTokens": 9_000}
        assert found.dropped == ("temperature", "top_k")


JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.text(some.characters(exclude_categories=()), max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = some.sampled_from(sorted(SAID | {"cache_control", "reasoning", "verbosity"} - {"messages"}))
FIELDS = some.sampled_from(
    ("content", "tool_calls", "reasoning_details", "refusal", "tool_call_id", "type", "text", "image_url")
)
MESSAGES = some.lists(
    some.dictionaries(FIELDS, JSON | some.lists(some.dictionaries(FIELDS, JSON)), max_size=5).flatmap(
        lambda one: some.sampled_from(["user", "assistant", "tool", "system"]).map(
            lambda role: {**one, "role": role}
        )
    ),
    max_size=3,
)


class TestNonsense:
    @given(some.dictionaries(NAMES, JSON), MESSAGES, some.sampled_from([SONNET_4, OPUS_47, NOVA, LLAMA]))
    def test_is_passed_on_or_refused_but_never_our_own_fault(self, parameters, messages, model):
        endpoint = make_endpoint(upstream_model=model)

        with suppress(CannotAsk):
            encode(converse_request({**parameters, "messages": messages}, endpoint).body)
