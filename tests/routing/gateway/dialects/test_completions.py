"""Legacy completions as conversations, and their answers, wherever a stream was cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from openai._models import construct_type
from openai.types import Completion

from routing.gateway.client import RefusedError
from routing.gateway.dialects import DIALECTS
from tests.routing.gateway.dialects.messages import USED, stream_of
from tests.routing.providers.streams import chunk, cut, event, open_stream

COMPLETIONS = DIALECTS["completions"]
TOP = {"token": "hi", "logprob": -0.1, "bytes": None}


def read(**more):
    return COMPLETIONS.read_call(json.dumps({"model": "acme/one", "prompt": "Say", **more}).encode(), {})


def answered(choice, call=None):
    encoded = COMPLETIONS.finish_answer(
        call or read(),
        {"choices": [{"index": 0, "finish_reason": "stop", **choice}]},
        generation_id="gen-1",
        model="acme/one",
        provider="Acme",
        usage=USED,
    )
    return Completion.model_validate_json(encoded)


def told(pieces, call):
    stream = open_stream()
    events = COMPLETIONS.open_events(call, generation_id="gen-1", model="acme/one", provider="Acme")
    out = b"".join([events.feed(stream.feed(piece)) for piece in pieces])
    out += events.finish(stream.final_chunk(USED), USED)
    lines = [line.removeprefix("data: ") for line in out.decode().splitlines() if line]
    assert lines.pop() == "[DONE]"
    return [construct_type(type_=Completion, value=json.loads(line)) for line in lines]


class TestARequest:
    def test_is_a_conversation_of_one_message(self):
        call = read(temperature=0.5, max_tokens=7, stop=["END"], user="u")

        assert call.dialect == "completions"
        assert call.body["messages"] == [{"role": "user", "content": "Say"}]
        assert "prompt" not in call.body
        assert (call.max_tokens, call.body["stop"], call.attribution.user) == (7, ["END"], "u")

    @pytest.mark.parametrize(
        ("wanted", "expected"), [(0, {"logprobs": True}), (2, {"logprobs": True, "top_logprobs": 2})]
    )
    def test_for_log_probabilities_asks_the_chat_for_them(self, wanted, expected):
        body = read(logprobs=wanted).body

        assert {name: body[name] for name in body if "logprobs" in name} == expected

    def test_for_tools_is_refused(self):
        with pytest.raises(RefusedError) as caught:
            read(tools=[{"type": "function", "function": {"name": "x"}}])

        assert caught.value.refusal.metadata["parameter"] == "tools"

    def test_for_the_best_of_as_many_as_are_wanted_is_fine(self):
        assert read(best_of=2, n=2).choices == 2


class TestAnAnswer:
    def test_has_its_log_probabilities_side_by_side(self):
        content = [{**TOP, "top_logprobs": [TOP]}, {**TOP, "token": " you", "top_logprobs": []}]

        found = answered(
            {"message": {"content": "hi you"}, "logprobs": {"content": content}}, read(echo=True, logprobs=1)
        )

        [choice] = found.choices
        assert choice.text == "Sayhi you"
        assert (choice.logprobs.tokens, choice.logprobs.text_offset) == (["hi", " you"], [3, 5])
        assert choice.logprobs.top_logprobs == [{"hi": -0.1}, {}]

    @pytest.mark.parametrize("message", [{}, {"content": None}, {"content": 7}, None])
    def test_may_be_empty(self, message):
        assert answered({"message": message}).choices[0].text == ""


class TestAStream:
    @settings(max_examples=30, deadline=None)
    @given(some.lists(some.integers(0, 10_000), max_size=12))
    def test_is_the_same_wherever_it_was_cut(self, places):
        stream = stream_of(
            {"role": "assistant", "content": ""}, {"content": "Gr\u00fc\u00df "}, {"content": "dich"}
        )

        chunks = told(cut(stream, places), read(echo=True))

        assert "".join(choice.text for one in chunks for choice in one.choices) == "SayGr\u00fc\u00df dich"
        assert [choice.finish_reason for one in chunks for choice in one.choices][-1] == "stop"
        assert chunks[-1].usage.cost == USED["cost"]

    def test_counts_the_place_of_a_token_from_the_beginning_of_the_text(self):
        def piece(token):
            choice = {"index": 0, "delta": {"content": token}, "finish_reason": None}
            return event(chunk(choices=[choice | {"logprobs": {"content": [{**TOP, "token": token}]}}]))

        chunks = told([piece("one"), piece(" two"), event(chunk({}, "stop"))], read(echo=True, logprobs=0))

        offsets = [
            one.choices[0].logprobs.text_offset for one in chunks if one.choices and one.choices[0].logprobs
        ]
        assert offsets == [[3], [6]]
