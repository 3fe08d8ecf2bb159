"""What is not plain text in a streamed Responses answer: reasoning, tool calls, refusals, citations, images."""

from __future__ import annotations

import json

import pytest

from tests.routing.gateway.dialects.responses_oracles import (
    OVERLOADED,
    accumulate,
    broken_stream,
    called,
    chunks,
    joined,
    kinds,
    stream,
)
from tests.routing.providers.streams import chunk, event


class TestAStreamOfReasoning:
    def test_as_plain_text_comes_before_the_message(self):
        events = stream(chunks({"reasoning": "Think"}, {"reasoning": "ing"}, {"content": "Done"}))

        assert kinds(events)[2:10] == [
            "output_item.added",
            "content_part.added",
            "reasoning_text.delta",
            "reasoning_text.delta",
            "reasoning_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
        ]
        reasoning, message = events[-1]["response"]["output"]
        assert reasoning["content"] == [{"type": "reasoning_text", "text": "Thinking"}]
        assert reasoning["status"] == message["status"] == "completed"
        assert accumulate(events).output_text == "Done"

    def test_as_summaries_has_a_part_for_each(self):
        def said(index, text):
            detail = {"type": "reasoning.summary", "summary": text, "index": index, "id": "rs_9"}
            return {"reasoning": text, "reasoning_details": [detail]}

        sealed = {"type": "reasoning.encrypted", "data": "xyz", "index": 2, "id": "rs_9"}
        events = stream(
            chunks(
                *(said(0, "Fi"), said(0, "rst"), said(1, "Second")),
                *({"reasoning_details": [sealed]}, {"content": "Done"}),
            )
        )

        assert kinds(events)[2:13] == [
            "output_item.added",
            *("reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.delta"),
            *("reasoning_summary_text.done", "reasoning_summary_part.done"),
            *("reasoning_summary_part.added", "reasoning_summary_text.delta"),
            *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        ]
        reasoning = events[-1]["response"]["output"][0]
        assert reasoning["id"] == "rs_9"
        assert [part["text"] for part in reasoning["summary"]] == ["First", "Second"]
        assert reasoning["encrypted_content"] == "xyz"

    def test_with_signatures_is_an_item_for_each(self):
        def thought(index, **more):
            return {
                "reasoning_details": [
                    {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": index, **more}
                ]
            }

        events = stream(
            chunks(
                *(thought(0, text="One"), thought(0, signature="s1")),
                *(thought(1, text="Two"), thought(1, signature="s2"), {"content": "Done"}),
            )
        )

        first, second, message = events[-1]["response"]["output"]
        assert (first["content"][0]["text"], first["signature"]) == ("One", "s1")
        assert (second["content"][0]["text"], second["signature"]) == ("Two", "s2")
        assert first["format"] == "anthropic-claude-v1"
        assert message["content"][0]["text"] == "Done"

    def test_that_is_sealed_late_does_not_tear_the_message(self):
        sealed = {"reasoning_details": [{"type": "reasoning.encrypted", "data": "xyz"}]}

        events = stream(chunks({"content": "Do"}, sealed, {"content": "ne"}))

        message, reasoning = events[-1]["response"]["output"]
        assert message["content"][0]["text"] == "Done"
        assert reasoning["encrypted_content"] == "xyz"
        assert accumulate(events).output_text == "Done"

    def test_after_text_begins_an_item_and_the_text_after_it_another(self):
        events = stream(chunks({"content": "A"}, {"reasoning": "hm"}, {"content": "B"}))

        assert [item["type"] for item in events[-1]["response"]["output"]] == [
            "message",
            "reasoning",
            "message",
        ]
        assert events[-1]["response"]["output_text"] == "AB"


class TestAStreamOfToolCalls:
    def test_gives_arguments_in_pieces_and_then_whole(self):
        events = stream(
            chunks(
                {"content": "Let me see."},
                called(0, "", id="call_1", name="weather"),
                called(0, '{"city":'),
                called(0, '"Oslo"}'),
                finish="tool_calls",
            )
        )

        assert kinds(events)[8:] == [
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
        call = events[-1]["response"]["output"][1]
        assert (call["call_id"], call["name"]) == ("call_1", "weather")
        assert json.loads(call["arguments"]) == {"city": "Oslo"}
        assert accumulate(events).output[1].arguments == '{"city":"Oslo"}'

    def test_keeps_calls_apart_whose_pieces_are_mixed(self):
        events = stream(
            chunks(
                called(0, "{", id="call_1", name="a"),
                called(1, "[", id="call_2", name="b"),
                called(0, "}"),
                called(1, "]"),
                finish="tool_calls",
            )
        )

        output = events[-1]["response"]["output"]
        assert [(call["name"], call["arguments"]) for call in output] == [("a", "{}"), ("b", "[]")]
        assert [call.arguments for call in accumulate(events).output] == ["{}", "[]"]

    def test_tells_calls_apart_that_were_given_one_index_or_one_id(self):
        events = stream(
            chunks(
                called(0, "{}", id="call_1", name="a"),
                called(0, "{}", id="call_2", name="b"),
                called(1, "{}", id="call_1", name="c"),
                called(2, "{}", name="d"),
                finish="tool_calls",
            )
        )

        output = events[-1]["response"]["output"]
        assert [call["name"] for call in output] == ["a", "b", "c", "d"]
        assert len({call["call_id"] for call in output}) == 4
        accumulate(events)

    def test_waits_for_a_name_that_comes_late(self):
        events = stream(
            chunks(called(0, '{"a"', id="call_1"), called(0, ":1}", name="late"), finish="tool_calls")
        )

        added = next(one for one in events if one["type"] == "response.output_item.added")
        assert added["item"]["name"] == "late"
        assert joined(events, "function_call_arguments") == '{"a":1}'

    def test_of_a_custom_tool_is_its_input(self):
        def piece(text, **more):
            return {"tool_calls": [{"index": 0, "type": "custom", "custom": {"input": text, **more}}]}

        first = {"tool_calls": [{"index": 0, "id": "call_1", "custom": {"name": "patch", "input": "*** "}}]}
        events = stream(chunks(first, piece("Begin"), finish="tool_calls"))

        call = events[-1]["response"]["output"][0]
        assert call["type"] == "custom_tool_call"
        assert call["input"] == joined(events, "custom_tool_call_input") == "*** Begin"

    def test_that_is_cut_by_the_limit_is_incomplete(self):
        events = stream(chunks(called(0, '{"ci', id="call_1", name="a"), finish="length"))

        assert events[-1]["response"]["output"][0]["status"] == "incomplete"

    def test_that_breaks_has_no_whole_arguments(self):
        events = broken_stream(event(chunk(called(0, '{"ci', id="call_1", name="a"))), OVERLOADED)

        assert "function_call_arguments.done" not in kinds(events)


class TestWhatElseIsSaid:
    def test_a_refusal_has_events_of_its_own(self):
        events = stream(chunks({"refusal": "I "}, {"refusal": "won't."}))

        assert kinds(events)[3:8] == [
            "content_part.added",
            "refusal.delta",
            "refusal.delta",
            "refusal.done",
            "content_part.done",
        ]
        part = events[-1]["response"]["output"][0]["content"][0]
        assert part == {"type": "refusal", "refusal": "I won't."}

    def test_a_citation_belongs_to_the_text(self):
        cited = {"url": "https://a.example/", "title": "A", "start_index": 0, "end_index": 2, "content": "c"}
        annotations = [{"type": "url_citation", "url_citation": cited}, {"type": "file", "file": {}}]

        events = stream(chunks({"content": "Hi"}, {"content": "", "annotations": annotations}))

        assert "output_text.annotation.added" in kinds(events)
        part = events[-1]["response"]["output"][0]["content"][0]
        assert part["annotations"] == [{"type": "url_citation", **cited}]

    def test_an_image_is_an_item(self):
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}

        events = stream(chunks({"content": "Here:", "images": [image]}))

        item = events[-1]["response"]["output"][1]
        assert (item["type"], item["result"], item["status"]) == (
            "image_generation_call",
            "QUJD",
            "completed",
        )

    @pytest.mark.parametrize(
        "delta",
        [
            {"content": 7},
            {"content": [{"type": "text"}, 5, {"text": "x"}]},
            {"tool_calls": "no"},
            {"tool_calls": [None, {"index": "x", "function": 5}]},
            {"reasoning_details": [{"type": 5, "text": 5}, {"type": "reasoning.text", "signature": 5}]},
            {"annotations": [{"type": "url_citation"}, {"type": "url_citation", "url_citation": {"url": 5}}]},
            {"images": [{"image_url": 5}]},
            {"refusal": {}},
        ],
    )
    def test_nonsense_breaks_nothing(self, delta):
        assert kinds(stream(chunks(delta)))[-1] == "completed"
