"""The automatic router: the same request gets the same model, from the band of prices that it is worth."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from config.lib.declared import NotValid
from routing.guardrails.rules import Layer, Rules, merge
from routing.plugins.auto_router import AutoRouter
from routing.plugins.bench import Surroundings
from routing.plugins.operator import NOTHING_SET_UP
from routing.plugins.running import arrange
from routing.selection.auto_router import NothingFits, _matching, choose, task_of
from tests.routing.make import (
    NOW,
    make_call,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
)

AUTO = "openrouter/auto"


def priced(slug, dollars, **more):
    endpoint = {
        "supported_parameters": frozenset({"tools", "response_format"}),
        **more.pop("endpoint", {}),
    }
    return make_model(slug, make_endpoint(price=make_price(dollars, 2 * dollars), **endpoint), **more)


LADDER = [priced(f"a/m{number}", number + 1) for number in range(10)]
"""Ten models, each dearer than the one before; one for each tenth percentile."""


def asking(text="Hi", **more):
    body = {"model": AUTO, "messages": [{"role": "user", "content": text}], **more.pop("body", {})}
    return make_call(AUTO, body=body, **more)


def chosen(call=None, models=LADDER, policy=None, **config):
    return choose(call or asking(), config, models, policy or make_policy(), NOW).models


class TestTheBand:
    @pytest.mark.parametrize(
        ("tier", "best"),
        [("low", "a/m1"), ("medium", "a/m3"), ("high", "a/m5"), ("xhigh", "a/m7"), ("max", "a/m9")],
    )
    def test_is_named_by_the_tier(self, tier, best):
        assert chosen(cost_tier=tier)[0] == best

    @pytest.mark.parametrize(("tradeoff", "best"), [(10, "a/m1"), (9, "a/m1"), (5, "a/m5"), (0, "a/m9")])
    def test_is_bounded_by_the_tradeoff(self, tradeoff, best):
        assert chosen(cost_quality_tradeoff=tradeoff)[0] == best

    def test_of_the_tier_wins_over_the_tradeoff(self):
        assert chosen(cost_tier="max", cost_quality_tradeoff=10)[0] == "a/m9"

    def test_is_wider_for_what_is_harder(self):
        assert chosen()[0] == "a/m1"
        assert chosen(asking("Why does this fail?\n```py\nx = 1\n```"))[0] == "a/m5"

    def test_brings_two_to_fall_back_on(self):
        assert chosen(cost_tier="high") == ("a/m5", "a/m4", "a/m6")


class TestTheClass:
    @pytest.mark.parametrize(
        ("text", "more", "task"),
        [
            ("Hello there", {}, "general"),
            ("Please debug my function", {}, "code"),
            ("SELECT a FROM b;", {}, "code"),
            ("Prove the theorem", {}, "math"),
            ("Hello", {"body": {"reasoning": {"effort": "high"}}}, "math"),
            ("Hello", {"body": {"reasoning": {"enabled": False}}}, "general"),
            ("Hello", {"body": {"tools": [{"type": "function"}]}}, "agent"),
            ("Hello", {"prompt_tokens": 50_000}, "long_context"),
        ],
    )
    def test_is_what_the_request_says(self, text, more, task):
        assert task_of(asking(text, **more)) == task


class TestWhoMayBeChosen:
    def test_is_said_by_patterns(self):
        models = [priced("openai/gpt-5", 1), priced("anthropic/claude-x", 2), priced("google/gemini", 3)]

        assert chosen(models=models, allowed_models=["anthropic/*"]) == ("anthropic/claude-x",)
        assert chosen(models=models, allowed_models=["*/claude-*"]) == ("anthropic/claude-x",)
        assert chosen(models=models, allowed_models=["OpenAI/gpt-5"]) == ("openai/gpt-5",)
        assert set(chosen(models=models, excluded_models=["google/*"])) == {
            "openai/gpt-5",
            "anthropic/claude-x",
        }

    def test_is_nobody_whom_a_pattern_excludes(self):
        with pytest.raises(NothingFits):
            chosen(allowed_models=["a/*"], excluded_models=["a/*"])

    @pytest.mark.parametrize(
        ("pattern", "is_matched"),
        [
            ("a/m4", True),
            ("A/M4", True),
            ("a/m", False),
            ("a/m*", True),
            ("*", True),
            ("*4", True),
            ("A*M4*", True),
            ("b*", False),
            ("*/m5", False),
        ],
    )
    def test_is_who_a_pattern_matches_as_a_whole(self, pattern, is_matched):
        slugs = [model.slug for model in _matching([LADDER[4]], {"allowed_models": [pattern]})]

        assert slugs == ["a/m4"] * is_matched

    @pytest.mark.parametrize("name", ["allowed_models", "excluded_models"])
    def test_is_not_matched_with_patterns_that_take_long(self, name):
        stars = ["*" + "*".join("aeioumdlrt-123" * 2) + str(number) for number in range(64)]

        with pytest.raises(NotValid):
            AutoRouter().read_config({name: stars})
        with pytest.raises(NotValid):
            AutoRouter().read_config({name: [f"*a{number}" for number in range(65)]})
        assert AutoRouter().read_config({name: [f"author{number}/*" for number in range(1_024)]})[name]

    def test_takes_no_time_worth_mentioning_to_find(self):
        stars = ["*" + "*".join("aeioumdlrt-123") + str(number) for number in range(64)]
        models = [
            replace(LADDER[0], slug=f"author{number}/model-{number}-instruct-v3") for number in range(400)
        ]
        began = time.process_time()

        _matching(models, {"allowed_models": stars})

        assert time.process_time() - began < 0.1

    def test_takes_patterns_as_they_are_written(self):
        with pytest.raises(NothingFits):
            chosen(allowed_models=["a/m."])

    def test_is_only_who_the_guardrails_leave(self):
        rules = merge([Rules.of(Layer("account"), {"allowed_models": ["a/m4"]})])

        assert chosen(policy=make_policy(rules=rules)) == ("a/m4",)

    def test_has_what_the_request_needs(self):
        blind = priced("a/blind", 1)
        seeing = priced("a/seeing", 2, input_modalities=("text", "image"))
        plain = priced("a/plain", 1, endpoint={"supported_parameters": frozenset()})
        painter = priced("a/painter", 1, output_modalities=("image",))

        assert chosen(asking(image_count=1), [blind, seeing]) == ("a/seeing",)
        tools = asking(parameters=frozenset({"tools"}))
        assert chosen(tools, [plain, seeing]) == ("a/seeing",)
        assert chosen(models=[painter, seeing]) == ("a/seeing",)

    def test_has_room_for_the_prompt(self):
        short = priced("a/short", 1, endpoint={"context_length": 1_000})

        assert chosen(asking(prompt_tokens=10_000), [short, LADDER[3]]) == ("a/m3",)


class TestAPin:
    MESSAGES = {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello", "model": "a/m8"},
            {"role": "user", "content": "And?"},
        ]
    }

    def test_stays_with_the_model_of_the_last_answer(self):
        assert chosen(asking(body=self.MESSAGES), pin_model=True)[0] == "a/m8"
        assert chosen(asking(body=self.MESSAGES))[0] == "a/m1"

    def test_holds_no_model_that_may_not_be_chosen(self):
        assert chosen(asking(body=self.MESSAGES), pin_model=True, excluded_models=["a/m8"])[0] == "a/m1"


class TestTheCall:
    def around(self, **policy):
        return Surroundings(make_policy(**policy), make_catalog(*LADDER), NOTHING_SET_UP, NOW)

    def test_names_the_chosen_models_in_the_routers_place(self):
        call = make_call("headgate/auto", "a/m0", plugins={"auto-router": {"cost_tier": "max"}})

        arranged = arrange(call, self.around())

        assert arranged.models[0] == "a/m9"
        assert arranged.models[-1] == "a/m0"
        assert arranged.stages[0]["data"]["task_type"] == "general"

    def test_is_arranged_where_the_workspace_names_no_other_model(self):
        assert arrange(make_call(), self.around(default_text_model=AUTO)).models[0] == "a/m1"

    def test_is_left_alone_where_a_model_is_named(self):
        call = make_call("a/m5", plugins={"auto-router": {"cost_tier": "max"}})

        assert arrange(call, self.around()) is call
