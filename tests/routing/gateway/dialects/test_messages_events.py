"""A provider's stream as Anthropic's events, wherever it was cut; every event is held against the types."""

from __future__ import annotations

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import TypeAdapter

from routing.errors import Refusal
from tests.routing.gateway.dialects.messages import MESSAGES, parsed, read, stream_of, told
from tests.routing.providers.streams import chunk, cut, event

EVENT = TypeAdapter(RawMessageStreamEvent)
FORMAT = "anthropic-claude-v1"


def call_piece(index: int, arguments: str = "", **more: object):
    name = more.pop("name", None)
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {"index": index, "function": function, **more}


RICH = (
    {"role": "assistant", "content": ""},
    {"reasoning": "Hm", "reasoning_details": [{"type": "reasoning.text", "text": "Hm", "format": FORMAT}]},
    {"reasoning_details": [{"type": "reasoning.text", "text": "…", "format": FORMAT}]},
    {"reasoning_details": [{"type": "reasoning.text", "signature": "signed", "format": FORMAT}]},
    {"content": "Gr\u00fc\u00df "},
    {"content": "dich \U0001f600 \u4f60\u597d"},
    {"tool_calls": [call_piece(0, id="call_1", name="weather")]},
    {"tool_calls": [call_piece(0, '{"city": ')]},
    {"tool_calls": [call_piece(0, '"R\u00f6m"}')]},
    {"tool_calls": [call_piece(1, "{}", id="call_2", name="now")]},
)


def message_of(events):
    """What Anthropic's own client makes of the events."""
    snapshot, buffers = None, {}
    for one in events:
        snapshot = accumulate_event(
            event=EVENT.validate_python(one), current_snapshot=snapshot, json_bufs=buffers
        )
    return snapshot


def kinds(events):
    return [(one["type"], (one.get("content_block") or one.get("delta") or {}).get("type")) for one in events]


class TestAStream:
    def test_is_a_message_with_blocks_one_after_the_other(self):
        message = message_of(told([stream_of(*RICH, finish="tool_calls")]))

        thinking, text, first, second = message.content
        assert (thinking.thinking, thinking.signature) == ("Hm…", "signed")
        assert text.text == "Gr\u00fc\u00df dich \U0001f600 \u4f60\u597d"
        assert (first.id, first.name, first.input) == ("call_1", "weather", {"city": "R\u00f6m"})
        assert (second.id, second.name, second.input) == ("call_2", "now", {})
        assert message.stop_reason == "tool_use"

    def test_begins_and_ends_every_block_before_the_next(self):
        events = told([stream_of(*RICH, finish="tool_calls")])

        open_block = None
        for one in events:
            if one["type"] == "content_block_start":
                assert open_block is None
                open_block = one["index"]
            elif one["type"] in ("content_block_delta", "content_block_stop"):
                assert one["index"] == open_block
                open_block = None if one["type"] == "content_block_stop" else open_block
        assert [one["index"] for one in events if one["type"] == "content_block_start"] == [0, 1, 2, 3]

    def test_says_at_its_end_what_was_used(self):
        [*_, delta, stop] = told([stream_of({"content": "hi"})])

        assert (delta["delta"]["stop_reason"], stop["type"]) == ("end_turn", "message_stop")
        assert (delta["usage"]["input_tokens"], delta["usage"]["output_tokens"]) == (5, 5)
        assert delta["usage"]["cost"] == 0.0001

    def test_of_nothing_is_an_empty_message(self):
        assert [kind for kind, _ in kinds(told([stream_of()]))] == [
            "message_start",
            "message_delta",
            "message_stop",
        ]

    @settings(max_examples=40, deadline=None)
    @given(some.lists(some.integers(0, 10_000), max_size=12))
    def test_is_the_same_wherever_it_was_cut(self, places):
        stream = stream_of(*RICH, finish="tool_calls")

        assert message_of(told(cut(stream, places))) == message_of(told([stream]))

    def test_is_the_same_byte_by_byte(self):
        stream = stream_of(*RICH, finish="tool_calls")
        whole = told([stream])

        assert told([stream[place : place + 1] for place in range(len(stream))]) == whole


class TestAToolCall:
    def test_waits_for_its_name(self):
        pieces = [
            {"tool_calls": [call_piece(0, '{"a"', id="call_1")]},
            {"tool_calls": [call_piece(0, ": 1}", name="add")]},
        ]

        [block] = message_of(told([stream_of(*pieces)])).content

        assert (block.name, block.input) == ("add", {"a": 1})

    def test_without_a_name_is_still_told(self):
        [block] = message_of(told([stream_of({"tool_calls": [call_piece(0, "{}", id="call_1")]})])).content

        assert (block.type, block.name) == ("tool_use", "unnamed")

    def test_is_another_where_only_its_id_says_so(self):
        pieces = [
            {"tool_calls": [call_piece(0, '{"a": 1}', id="call_1", name="add")]},
            {"tool_calls": [call_piece(0, '{"b": 2}', id="call_2", name="add")]},
        ]

        blocks = message_of(told([stream_of(*pieces)])).content

        assert [(block.id, block.input) for block in blocks] == [("call_1", {"a": 1}), ("call_2", {"b": 2})]

    def test_gets_its_pieces_also_where_two_come_at_once(self):
        pieces = [
            {"tool_calls": [call_piece(0, '{"a":', id="call_1", name="add")]},
            {"tool_calls": [call_piece(1, '{"b":', id="call_2", name="add")]},
            {"tool_calls": [call_piece(0, " 1}")]},
            {"tool_calls": [call_piece(1, " 2}")]},
        ]

        blocks = message_of(told([stream_of(*pieces)])).content

        assert [(block.id, block.input) for block in blocks] == [("call_1", {"a": 1}), ("call_2", {"b": 2})]

    def test_may_come_in_one_piece_and_without_an_id(self):
        [block] = message_of(told([stream_of({"tool_calls": [call_piece(0, "{}", name="now")]})])).content

        assert block.id.startswith("toolu_")


class TestThoughts:
    def test_end_with_their_signature_and_begin_anew_after_it(self):
        details = [
            {"type": "reasoning.text", "text": "one", "format": FORMAT},
            {"type": "reasoning.text", "signature": "s1", "format": FORMAT},
            {"type": "reasoning.text", "text": "two", "format": FORMAT},
            {"type": "reasoning.text", "signature": "s2", "format": FORMAT},
        ]

        events = told([stream_of(*[{"reasoning_details": [one]} for one in details], {"content": "Yes."})])

        first, second, _ = message_of(events).content
        assert [(one.thinking, one.signature) for one in (first, second)] == [("one", "s1"), ("two", "s2")]

    def test_that_are_encrypted_are_blocks_of_their_own(self):
        detail = {"type": "reasoning.encrypted", "data": "sealed", "format": FORMAT}

        first, second = message_of(
            told([stream_of({"reasoning_details": [detail]}, {"content": "Yes."})])
        ).content

        assert (first.type, first.data, second.text) == ("redacted_thinking", "sealed", "Yes.")

    def test_are_hidden_where_they_are_not_wanted(self):
        call = read(thinking={"type": "adaptive", "display": "omitted"})

        thinking, _ = message_of(told([stream_of({"reasoning": "Hm"}, {"content": "Yes."})], call)).content

        assert (thinking.type, thinking.thinking) == ("thinking", "")


class TestWhatElseComes:
    def test_a_refusal_is_text_and_the_reason(self):
        message = message_of(told([stream_of({"refusal": "I can"}, {"refusal": "not."})]))

        assert (message.content[0].text, message.stop_reason) == ("I cannot.", "refusal")

    def test_citations_belong_to_the_text(self):
        cited = {"url": "https://x.test", "title": "X", "content": "words"}
        annotations = [{"type": "url_citation", "url_citation": cited}]

        [block] = message_of(told([stream_of({"content": "hi"}, {"annotations": annotations})])).content

        assert (block.text, block.citations[0].url) == ("hi", "https://x.test")

    def test_only_the_first_choice_is_told(self):
        other = event(chunk(choices=[{"index": 1, "delta": {"content": "no"}, "finish_reason": None}]))

        [block] = message_of(told([other + stream_of({"content": "yes"})])).content

        assert block.text == "yes"

    def test_a_stop_sequence_is_named(self):
        finished = {"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": "END"}
        stream = event(chunk({"content": "hi"})) + event(chunk(choices=[finished])) + b"data: [DONE]\n\n"

        message = message_of(told([stream], read(stop_sequences=["END"])))

        assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "END")

    def test_an_error_is_the_last_event(self):
        events = MESSAGES.open_events(read(), generation_id="gen-1", model="m", provider="p")
        refusal = Refusal(503, "provider_overloaded", "Too much.", "provider")

        [error] = parsed(events.fail(refusal))

        assert error == {
            "type": "error",
            "error": {
                "type": "overloaded_error",
                "message": "Too much.",
                "error_type": "provider_overloaded",
            },
        }
