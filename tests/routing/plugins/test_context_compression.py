"""Prompts that are too long lose their middle, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.plugins.bench import Surroundings
from routing.plugins.middle_out import OMISSION, compress, tokens_of
from routing.plugins.operator import NOTHING_SET_UP
from routing.plugins.running import arrange
from tests.routing.make import NOW, make_call, make_catalog, make_endpoint, make_model, make_policy

LONG = "word " * 800
"""About a thousand tokens."""
ON = {"context-compression": {}}


def user(text):
    return {"role": "user", "content": text}


def conversation(turns, text=LONG):
    return [
        {"role": ("user", "assistant")[number % 2], "content": f"{number} {text}"} for number in range(turns)
    ]


def arranged(call, *models):
    return arrange(call, Surroundings(make_policy(), make_catalog(*models), NOTHING_SET_UP, NOW))


def model(slug, context, **more):
    return make_model(slug, make_endpoint(context_length=context), **more)


def call_of(*models, messages, **more):
    size = tokens_of(messages) * 4
    return make_call(*models, body={"messages": messages}, **{"prompt_tokens": size // 3, **more})


class TestMiddleOut:
    def test_keeps_the_beginning_and_the_end(self):
        messages = [{"role": "system", "content": "Be kind."}, *conversation(21)]

        shorter = compress(messages, 6_000)

        assert shorter[0] == messages[0]
        assert shorter[1] == messages[1]
        assert shorter[-1] == messages[-1]
        kept = [message["content"].split()[0] for message in shorter[1:]]
        assert kept == ["0", "1", "2", "18", "19", "20"]
        assert tokens_of(shorter) <= 6_000

    def test_cuts_the_last_turn_in_its_middle_when_nothing_else_is_left(self):
        shorter = compress([user(f"begin {LONG} end")], 200)

        content = shorter[0]["content"]
        assert content.startswith("begin")
        assert content.endswith("end")
        assert OMISSION in content
        assert tokens_of(shorter) <= 200

    def test_cuts_what_the_operator_says_only_when_it_is_too_long_alone(self):
        shorter = compress([{"role": "system", "content": LONG * 10}, user("Hi")], 1_000)

        assert tokens_of(shorter) <= 1_000
        assert shorter[-1] == user("Hi")

    def test_never_parts_a_tool_from_its_answer(self):
        calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
        asked = {"role": "assistant", "content": None, "tool_calls": calls}
        turn = [user(LONG), asked, {"role": "tool", "tool_call_id": "c", "content": LONG}]

        shorter = compress([*turn, *turn, *turn, user("And?")], 3_500)

        for number, message in enumerate(shorter):
            if message["role"] == "tool":
                assert shorter[number - 1] is asked
            if message.get("tool_calls"):
                assert shorter[number + 1]["role"] == "tool"

    def test_counts_messages_too(self):
        shorter = compress(conversation(11, "x"), 10_000, most_messages=4)

        assert len(shorter) == 4
        assert [message["content"] for message in shorter] == ["0 x", "1 x", "9 x", "10 x"]

    def test_leaves_parts_that_are_no_text(self):
        picture = {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}
        message = {"role": "user", "content": [{"type": "text", "text": LONG}, picture]}

        shorter = compress([message], 200)

        assert shorter[0]["content"][1] == picture
        assert tokens_of(shorter) <= 200

    @given(
        st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=400))),
        st.integers(0, 500),
    )
    def test_keeps_the_order_and_the_last_word_of_anything(self, turns, budget):
        messages = [{"role": role, "content": text} for role, text in turns]

        shorter = compress(messages, budget)

        assert len(shorter) <= len(messages)
        roles = iter(message["role"] for message in messages)
        assert all(message["role"] in roles for message in shorter)
        if messages:
            assert shorter[-1]["role"] == messages[-1]["role"]


class TestThePlugin:
    def test_makes_a_prompt_fit_and_says_so(self):
        messages = conversation(21)

        call = arranged(call_of("a/b", messages=messages, plugins=ON, max_tokens=500), model("a/b", 12_000))

        assert tokens_of(call.body["messages"]) <= 11_500
        stage = call.stages[0]
        assert (stage["type"], stage["name"]) == ("context_compression", "context-compression")
        data = stage["data"]
        assert (data["engine"], data["input_type"], data["original_count"]) == ("middle-out", "messages", 21)
        assert data["compressed_count"] == len(call.body["messages"])

    def test_leaves_what_fits(self):
        call = call_of("a/b", messages=conversation(5), plugins=ON)

        assert arranged(call, model("a/b", 12_000)) is call

    def test_leaves_what_is_too_long_unless_it_is_asked(self):
        call = call_of("a/b", messages=conversation(21))

        assert arranged(call, model("a/b", 12_000)) is call

    def test_runs_by_itself_for_models_of_8k_or_less(self):
        messages = conversation(21)

        assert arranged(call_of("a/b", messages=messages), model("a/b", 8_192)).stages
        call = call_of("a/b", messages=messages, plugins={"context-compression": None})
        assert arranged(call, model("a/b", 8_192)) is call

    def test_prefers_models_with_half_of_the_context_that_is_needed(self):
        call = call_of("a/short", "a/half", messages=conversation(21), plugins=ON)

        arranged_call = arranged(call, model("a/short", 4_000), model("a/half", 12_000))

        assert arranged_call.models == ("a/half",)

    def test_takes_the_longest_where_none_comes_near(self):
        call = call_of("a/short", "a/longer", messages=conversation(41), plugins=ON)

        assert arranged(call, model("a/short", 2_000), model("a/longer", 4_000)).models == ("a/longer",)

    def test_leaves_models_alone_that_only_make_pictures(self):
        call = call_of("a/b", messages=conversation(21), plugins=ON)

        assert arranged(call, model("a/b", 4_000, output_modalities=("image",))) is call

    def test_halves_conversations_that_are_too_many_messages_for_the_author(self):
        call = call_of("anthropic/x", messages=conversation(1_200, "x"), plugins=ON)

        assert len(arranged(call, model("anthropic/x", 200_000)).body["messages"]) == 1_000

    @pytest.mark.parametrize("dialect", ["embeddings"])
    def test_has_no_say_in_embeddings(self, dialect):
        call = make_call("a/b", body={"input": LONG * 20}, dialect=dialect, prompt_tokens=20_000)

        assert arranged(call, model("a/b", 4_000)) is call
