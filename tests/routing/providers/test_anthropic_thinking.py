"""Reasoning becomes thinking and effort, as each generation of Claude has it; signed thoughts go back."""

from __future__ import annotations

import pytest

from routing.providers.anthropic_models import claude, supported_parameters
from tests.routing.providers.test_anthropic_request import CALL, HELLO, TOOL, said

SUMMARIZED = {"type": "adaptive", "display": "summarized"}
FORMAT = "anthropic-claude-v1"
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
FORCED = {"tools": [TOOL], "tool_choice": "required"}


def thinking(model, **fields):
    """The request's thinking, effort and max_tokens, and what was dropped."""
    request, dropped = said(model=model, **fields)
    effort = request.get("output_config", {}).get("effort")
    return request.get("thinking"), effort, request["max_tokens"], dropped


class TestTheNameOfAModel:
    @pytest.mark.parametrize(
        ("name", "family", "version"),
        [
            ("claude-2.1", "", (2, 1)),
            ("claude-3-haiku-20240307", "haiku", (3, 0)),
            ("claude-3-5-sonnet-latest", "sonnet", (3, 5)),
            ("claude-opus-4-20250514", "opus", (4, 0)),
            ("claude-opus-4-1@20250805", "opus", (4, 1)),
            ("anthropic.claude-opus-4-20250514-v1:0", "opus", (4, 0)),
            ("claude-sonnet-4.5", "sonnet", (4, 5)),
            ("claude-sonnet-5", "sonnet", (5, 0)),
            ("claude-haiku-5-5", "haiku", (5, 5)),
            ("claude-mythos-preview", "mythos", (99, 0)),
            ("kimi-k2", "", (4, 0)),
        ],
    )
    def test_says_its_family_and_version(self, name, family, version):
        assert claude(name)[:2] == (family, version)

    def test_says_what_the_catalog_may_promise(self):
        assert {"temperature", "reasoning"} <= set(supported_parameters("claude-sonnet-4-5"))
        assert "temperature" not in supported_parameters("claude-opus-5-5")
        assert "reasoning" not in supported_parameters("claude-3-haiku")


class TestABudget:
    @pytest.mark.parametrize(
        ("reasoning", "budget"),
        [
            ({"effort": "high"}, 8_000),
            ({"effort": "minimal"}, 1_024),
            ({"effort": "xhigh"}, 9_500),
            ({"enabled": True}, 5_000),
            ({"max_tokens": 3_000}, 3_000),
            ({"max_tokens": 10}, 1_024),
            ({"max_tokens": 50_000}, 9_999),
        ],
    )
    def test_is_a_share_of_the_answers_tokens_or_what_the_caller_says(self, reasoning, budget):
        found = thinking("claude-sonnet-4-5", reasoning=reasoning, max_tokens=10_000)

        assert found == ({"type": "enabled", "budget_tokens": budget}, None, 10_000, ())

    def test_is_none_where_the_answer_has_no_room_for_it(self):
        assert thinking("claude-sonnet-4-5", reasoning={"effort": "high"}, max_tokens=1_024) == (
            None,
            None,
            1_024,
            ("reasoning",),
        )

    @pytest.mark.parametrize("reasoning", [{"enabled": False}, {"effort": "none"}, {"max_tokens": 0}, {}])
    def test_is_none_where_none_is_wanted(self, reasoning):
        assert thinking("claude-sonnet-4-5", reasoning=reasoning)[0] is None

    def test_may_be_asked_for_by_the_shorthand(self):
        assert thinking("claude-sonnet-4-5", reasoning_effort="low")[0]["type"] == "enabled"

    def test_hides_the_thoughts_from_a_caller_who_does_not_want_them(self):
        assert (
            thinking("claude-sonnet-4-5", reasoning={"effort": "low", "exclude": True})[0]["display"]
            == "omitted"
        )

    def test_is_given_up_for_a_call_that_must_be(self):
        assert thinking("claude-sonnet-4-5", reasoning={"effort": "low"}, **FORCED)[0::3] == (
            None,
            ("reasoning",),
        )

    def test_is_given_up_in_a_turn_that_was_begun_without_thoughts(self):
        messages = [*HELLO, {"role": "assistant", "tool_calls": [CALL]}, RESULT]

        assert thinking("claude-sonnet-4-5", messages=messages, reasoning={"effort": "low"}, tools=[TOOL])[
            0::3
        ] == (
            None,
            ("reasoning",),
        )

    def test_is_not_for_models_that_cannot_think(self):
        assert thinking("claude-3-5-sonnet", reasoning={"effort": "low"})[0::3] == (None, ("reasoning",))


class TestAdaptiveThinking:
    @pytest.mark.parametrize(
        ("model", "fields", "found"),
        [
            ("claude-opus-4-6", {}, (None, None)),
            ("claude-opus-4-6", {"reasoning": {"effort": "minimal"}}, (SUMMARIZED, "low")),
            ("claude-opus-4-6", {"reasoning": {"effort": "xhigh"}}, (SUMMARIZED, "high")),
            ("claude-opus-4-6", {"reasoning": {"enabled": True}}, (SUMMARIZED, None)),
            ("claude-opus-4-6", {"reasoning": {"enabled": False, "effort": "high"}}, (None, None)),
            ("claude-opus-4-8", {"reasoning": {"effort": "xhigh"}}, (SUMMARIZED, "xhigh")),
            ("claude-opus-5", {}, (SUMMARIZED, None)),
            ("claude-opus-5", {"reasoning": {"enabled": False}}, ({"type": "disabled"}, None)),
            ("claude-opus-5", FORCED, ({"type": "disabled"}, None)),
            ("claude-sonnet-5-5", {"reasoning": {"effort": "none"}}, ({"type": "between_tools"}, None)),
            (
                "claude-opus-5-5",
                {"include_reasoning": False},
                ({"type": "adaptive", "display": "omitted"}, None),
            ),
        ],
    )
    def test_is_steered_by_effort(self, model, fields, found):
        assert thinking(model, **fields)[:2] == found

    def test_takes_a_budget_on_the_models_that_still_have_one(self):
        assert thinking("claude-opus-4-6", reasoning={"max_tokens": 2_000})[0] == {
            "type": "enabled",
            "budget_tokens": 2_000,
        }

    def test_takes_no_budget_on_later_ones(self):
        assert thinking("claude-opus-4-7", reasoning={"max_tokens": 2_000})[0::3] == (
            SUMMARIZED,
            ("reasoning.max_tokens",),
        )

    def test_is_kept_short_where_it_cannot_be_turned_off(self):
        assert thinking("claude-opus-5-5", reasoning={"enabled": False})[:2] == (None, "low")


class TestVerbosity:
    @pytest.mark.parametrize(
        ("model", "fields", "effort", "dropped"),
        [
            ("claude-opus-4-6", {"verbosity": "max"}, "max", ()),
            ("claude-opus-4-5", {"verbosity": "max"}, "high", ()),
            ("claude-opus-4-8", {"verbosity": "low", "reasoning": {"effort": "high"}}, "low", ()),
            ("claude-opus-5", {"verbosity": "max", "reasoning": {"enabled": False}}, "high", ()),
            ("claude-sonnet-4-5", {"verbosity": "low"}, None, ("verbosity",)),
            ("claude-opus-4-8", {"verbosity": "loud"}, None, ("verbosity",)),
        ],
    )
    def test_is_the_effort_and_wins(self, model, fields, effort, dropped):
        assert thinking(model, **fields)[1::2] == (effort, dropped)


class TestThoughtsGivenBack:
    def given(self, *details):
        assistant = {"role": "assistant", "content": "Hm", "reasoning_details": list(details)}
        request, dropped = said(messages=[*HELLO, assistant, *HELLO])
        return request["messages"][1]["content"][:-1], dropped

    def test_are_blocks_with_their_signatures_in_their_order(self):
        blocks, dropped = self.given(
            {"type": "reasoning.text", "text": "A", "signature": "s1", "format": FORMAT, "index": 0},
            {"type": "reasoning.encrypted", "data": "x", "format": FORMAT, "index": 1},
            {"type": "reasoning.text", "text": "", "signature": "s2", "index": 2},
        )

        assert blocks == [
            {"type": "thinking", "thinking": "A", "signature": "s1"},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "thinking", "thinking": "", "signature": "s2"},
        ]
        assert dropped == ()

    def test_are_put_together_from_a_streams_pieces(self):
        pieces = [{"text": "A"}, {"text": "B"}, {"signature": "s"}]

        blocks, _ = self.given(*({"type": "reasoning.text", "index": 0, **piece} for piece in pieces))

        assert blocks == [{"type": "thinking", "thinking": "AB", "signature": "s"}]

    @pytest.mark.parametrize(
        "detail",
        [
            {"type": "reasoning.text", "text": "unsigned"},
            {"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"},
            {"type": "reasoning.summary", "summary": "x", "format": FORMAT},
            "nonsense",
        ],
    )
    def test_are_named_where_they_mean_nothing_to_anthropic(self, detail):
        assert self.given(detail) == ([], ("messages.reasoning_details",))

    def test_let_thinking_go_on_after_a_call(self):
        thought = {"type": "reasoning.text", "text": "A", "signature": "s", "format": FORMAT}
        assistant = {"role": "assistant", "tool_calls": [CALL], "reasoning_details": [thought]}

        found = thinking(
            "claude-sonnet-4-5",
            messages=[*HELLO, assistant, RESULT],
            tools=[TOOL],
            reasoning={"effort": "low"},
        )

        assert found[0]["type"] == "enabled"
