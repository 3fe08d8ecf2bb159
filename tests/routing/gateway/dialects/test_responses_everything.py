"""An answer with everything in it comes to the same, streamed or not, and wherever its stream was cut."""

from __future__ import annotations

import json

import pytest

from tests.routing.gateway.dialects.responses_oracles import (
    accumulate,
    called,
    chunks,
    finish,
    joined,
    stream,
)

THOUGHT = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
CITATION = {"url": "https://a.example/ü", "title": "Ü", "start_index": 0, "end_index": 1}
CITED = {"type": "url_citation", "url_citation": CITATION}
EVERYTHING = chunks(
    {"role": "assistant", "content": ""},
    {"reasoning": "Größe", "reasoning_details": [{**THOUGHT, "text": "Größe"}]},
    {"reasoning": " 😀", "reasoning_details": [{**THOUGHT, "text": " 😀"}]},
    {"reasoning_details": [{**THOUGHT, "signature": "s"}]},
    *({"content": text} for text in ("Ja, ", "das ", 'ist "你好"', "\n", "\u2028")),
    {"content": "", "annotations": [CITED]},
    called(0, '{"ort": "', id="call_1", name="wetter"),
    called(0, 'Tromsø"}'),
    called(1, "{}", id="call_2", name="uhr"),
    finish="tool_calls",
)
WHOLE = {
    "reasoning": "Größe 😀",
    "reasoning_details": [{**THOUGHT, "text": "Größe 😀", "signature": "s"}],
    "content": 'Ja, das ist "你好"\n\u2028',
    "annotations": [CITED],
    "tool_calls": [
        {"id": "call_1", "function": {"name": "wetter", "arguments": '{"ort": "Tromsø"}'}},
        {"id": "call_2", "function": {"name": "uhr", "arguments": "{}"}},
    ],
}


class TestAnAnswerOfEverything:
    def test_is_the_same_streamed_or_not(self):
        streamed = stream(EVERYTHING)[-1]["response"]["output"]

        assert streamed == finish(WHOLE, "tool_calls")["output"]
        assert [item["type"] for item in streamed] == [
            "reasoning",
            "message",
            "function_call",
            "function_call",
        ]

    def test_is_put_together_by_the_official_client(self):
        response = accumulate(stream(EVERYTHING))

        assert response.output_text == WHOLE["content"]
        assert json.loads(response.output[2].arguments) == {"ort": "Tromsø"}

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
    def test_may_be_cut_anywhere(self, size):
        pieces = [EVERYTHING[at : at + size] for at in range(0, len(EVERYTHING), size)]

        events = stream(EVERYTHING, pieces=pieces)

        whole = stream(EVERYTHING)
        assert events[2:-1] == whole[2:-1]
        assert events[-1]["response"]["output"] == whole[-1]["response"]["output"]

    def test_says_in_each_delta_what_its_end_repeats(self):
        events = stream(EVERYTHING)

        for kind, field in (("output_text", "text"), ("reasoning_text", "text")):
            done = next(one for one in events if one["type"] == f"response.{kind}.done")
            assert joined(events, kind) == done[field]
        done = [one for one in events if one["type"] == "response.function_call_arguments.done"]
        assert joined(events, "function_call_arguments") == "".join([one["arguments"] for one in done])
