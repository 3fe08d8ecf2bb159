"""A stream of Gemini's is passed on as Chat Completions chunks, wherever it was cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some
from openai.types.chat import ChatCompletionChunk
from openrouter.components import ChatStreamChunk

from tests.routing.providers.geminis import PIXEL, candidate, event, open_stream, response
from tests.routing.providers.streams import cut, events_of, text_of

TEXTS = some.lists(some.text(min_size=1, max_size=30), max_size=6)
CUTS = some.lists(some.integers(0, 10**6), max_size=8)
CALL = {"functionCall": {"name": "weather", "args": {"city": "Köln"}}, "thoughtSignature": "c2ln"}


def stream_of(*answers, end=b"\r\n\r\n") -> bytes:
    return b"".join(event(answer, end) for answer in answers)


def text_stream(*texts, end=b"\r\n\r\n") -> bytes:
    pieces = [
        response(candidate({"text": text}, finish=None), usage={"promptTokenCount": 10}) for text in texts
    ]
    return stream_of(*pieces, response(candidate({"text": ""})), end=end)


def read(stream: bytes, *places: int):
    reader = open_stream()
    passed = b"".join(reader.feed(piece) for piece in cut(stream, places)) + reader.end()
    for chunk in events_of(passed):
        ChatStreamChunk.model_validate(chunk)
        if all(choice["finish_reason"] != "error" for choice in chunk["choices"]):
            ChatCompletionChunk.model_validate(chunk)
    return reader, passed


def deltas_of(passed: bytes):
    return [choice["delta"] for chunk in events_of(passed) for choice in chunk["choices"]]


class TestPassingOn:
    @given(TEXTS, CUTS, some.sampled_from([b"\n\n", b"\r\n\r\n"]))
    def test_gives_the_callers_every_text_whatever_it_holds_and_wherever_it_was_cut(self, texts, cuts, end):
        reader, passed = read(text_stream(*texts, end=end), *cuts)

        assert text_of(passed) == "".join(texts)
        assert {(one["id"], one["model"], one["provider"]) for one in events_of(passed)} == {
            ("gen-1", "google/served", "Google AI Studio")
        }
        assert (reader.failure, reader.is_done, reader.upstream_id) == (None, True, "resp-1")
        assert (reader.finish_reason, reader.native_finish_reason) == ("stop", "STOP")
        assert (reader.usage["prompt_tokens"], reader.usage["completion_tokens"]) == (10, 25)

    def test_byte_by_byte_gives_the_same(self):
        stream = text_stream("Grüße ", "😀", "\x00", '"\\')

        whole, single = read(stream)[1], read(stream, *range(len(stream)))[1]

        assert deltas_of(whole) == deltas_of(single)

    def test_shows_no_usage_and_nothing_of_the_provider_before_its_time(self):
        _, passed = read(text_stream("a", "b"))

        assert b"usage" not in passed
        assert b"gemini" not in passed
        assert b"resp-1" not in passed

    def test_begins_with_the_role_and_ends_with_the_reason(self):
        _, passed = read(text_stream("a", "b"))

        first, second, last = (one["choices"][0] for one in events_of(passed))
        assert first["delta"] == {"role": "assistant", "content": "a"}
        assert second["delta"] == {"content": "b"}
        assert [one["finish_reason"] for one in (first, second, last)] == [None, None, "stop"]
        assert last["native_finish_reason"] == "STOP"

    def test_keeps_the_choices_apart(self):
        _, passed = read(
            stream_of(
                response(
                    candidate({"text": "a"}, finish=None), candidate({"text": "x"}, finish=None, index=1)
                ),
                response(candidate({"functionCall": {"name": "now"}})),
                response(candidate({"text": "y"}, finish="MAX_TOKENS", index=1)),
            )
        )

        choices = [choice for one in events_of(passed) for choice in one["choices"]]
        texts = {
            index: "".join(one["delta"].get("content", "") for one in choices if one["index"] == index)
            for index in (0, 1)
        }
        assert texts == {0: "a", 1: "xy"}
        assert [one["finish_reason"] for one in choices[-2:]] == ["tool_calls", "length"]

    def test_shows_thoughts_pictures_and_where_it_is_from(self):
        grounding = {
            "groundingChunks": [{"web": {"uri": "https://a.test/", "title": "A"}}],
            "groundingSupports": [
                {"segment": {"startIndex": 4, "endIndex": 9}, "groundingChunkIndices": [0]}
            ],
        }
        _, passed = read(
            stream_of(
                response(candidate({"text": "Hm", "thought": True}, finish=None)),
                response(candidate({"text": "Grü"}, finish=None)),
                response(candidate({"text": "ße"}, finish=None)),
                response(candidate({"inlineData": {"mimeType": "image/png", "data": PIXEL}}, finish=None)),
                response(candidate({"text": ""}, groundingMetadata=grounding)),
            )
        )

        thought, _, _, picture, cited, _ = deltas_of(passed)
        assert (thought["reasoning"], thought["reasoning_details"][0]["text"]) == ("Hm", "Hm")
        assert picture["images"][0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
        place = cited["annotations"][0]["url_citation"]
        assert (place["start_index"], place["end_index"]) == (3, 5)

    def test_passes_on_pictures_of_several_megabytes(self):
        blob = {"inlineData": {"mimeType": "image/png", "data": "A" * (4 << 20)}}
        stream = event({"candidates": [candidate(blob)]})

        reader, passed = read(stream, *range(0, len(stream), 65_536))

        assert reader.failure is None
        assert len(passed) > 4 << 20


class TestThoughts:
    def test_that_belong_together_have_one_number(self):
        _, passed = read(
            stream_of(
                response(candidate({"text": "a", "thought": True}, finish=None)),
                response(candidate({"text": "b", "thought": True}, finish=None)),
                response(candidate({"text": "", "thoughtSignature": "c2ln"})),
            )
        )

        details = [one for delta in deltas_of(passed) for one in delta.get("reasoning_details", ())]
        assert [(one["index"], one["type"]) for one in details] == [
            (0, "reasoning.text"),
            (0, "reasoning.text"),
            (1, "reasoning.encrypted"),
        ]


class TestToolCalls:
    def test_come_whole_and_numbered(self):
        reader, passed = read(
            stream_of(
                response(candidate(CALL, {"functionCall": {"id": "own", "name": "now"}}, finish=None)),
                response(candidate({"functionCall": {"name": "then"}})),
            )
        )

        calls = [call for delta in deltas_of(passed) for call in delta.get("tool_calls", ())]
        assert [(call["index"], call["function"]["name"]) for call in calls] == [
            (0, "weather"),
            (1, "now"),
            (2, "then"),
        ]
        assert len({call["id"] for call in calls}) == 3
        assert json.loads(calls[0]["function"]["arguments"]) == {"city": "Köln"}
        assert deltas_of(passed)[0]["reasoning_details"][0]["id"] == calls[0]["id"]
        assert reader.finish_reason == "tool_calls"


class TestTheFinishReason:
    def test_is_the_last_one_where_a_model_gives_one_with_each_event(self):
        reader, passed = read(
            stream_of(
                response(candidate({"text": "a"})),
                response(candidate({"text": "b"}, finish="MAX_TOKENS")),
            )
        )

        reasons = [one["choices"][0]["finish_reason"] for one in events_of(passed)]
        assert (reasons, text_of(passed)) == ([None, None, "length"], "ab")
        assert reader.finish_reason == "length"

    def test_may_be_all_there_is(self):
        reader, passed = read(stream_of(response({"finishReason": "SAFETY", "index": 0})))

        assert (reader.finish_reason, reader.is_done, reader.has_output) == ("content_filter", True, True)
        assert [one["choices"][0]["finish_reason"] for one in events_of(passed)] == ["content_filter"]

    def test_of_a_prompt_that_is_blocked_says_so(self):
        feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "No."}

        reader, passed = read(stream_of(response(promptFeedback=feedback)))

        assert (reader.finish_reason, reader.native_finish_reason) == ("content_filter", "PROHIBITED_CONTENT")
        assert deltas_of(passed)[0]["refusal"] == "No."
        assert (reader.failure, reader.counted_tokens) == (None, 0)


class TestUsage:
    def test_is_the_last_one_of_the_many_that_come(self):
        reader, _ = read(
            stream_of(
                response(
                    candidate({"text": "a"}, finish=None),
                    usage={"promptTokenCount": 10, "totalTokenCount": 11},
                ),
                response(candidate({"text": "b"})),
                response(usage={"promptTokenCount": 10, "candidatesTokenCount": 2}),
            )
        )

        assert (reader.usage["prompt_tokens"], reader.usage["completion_tokens"]) == (10, 2)

    @pytest.mark.parametrize("absurd", ["many", 7, [1], None, {}])
    def test_of_another_kind_is_none(self, absurd):
        reader, _ = read(event({"candidates": [candidate({"text": "a"})], "usageMetadata": absurd}))

        assert (reader.usage, reader.failure) == (None, None)


class TestCounting:
    def test_counts_text_thoughts_and_calls_by_their_size(self):
        reader, _ = read(
            stream_of(
                response(candidate({"text": "a"}, {"text": " "}, {"text": ""}, finish=None)),
                response(candidate({"text": "x" * 88, "thought": True}, finish=None)),
                response(candidate({"functionCall": {"name": "now"}})),
            )
        )

        assert reader.counted_tokens == 1 + 11 + 1

    def test_output_begins_with_the_first_text(self):
        reader = open_stream()

        reader.feed(event(response(candidate({"text": ""}, finish=None))))
        before = reader.has_output
        reader.feed(event(response(candidate({"text": "a"}, finish=None))))

        assert (before, reader.has_output) == (False, True)


class TestFailures:
    def test_in_the_stream_are_understood(self):
        error = {
            "code": 429,
            "message": "Quota",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"retryDelay": "7s"}],
        }

        reader, passed = read(
            stream_of(
                response(candidate({"text": "a"}, finish=None)),
                {"error": error},
                response(candidate({"text": "b"})),
            )
        )

        assert (reader.failure.error_type, reader.failure.retry_after) == ("rate_limit_exceeded", 7)
        assert (text_of(passed), reader.is_done) == ("a", False)

    @pytest.mark.parametrize(
        "garbage",
        [
            b'data: {"candidates": [{"content": <html>\x00\xff\n\n',
            b"data: }{\n\n",
            b"data: [1,2]\n\n",
            b'data: "text"\n\n',
            b"data: " + b"[" * 100_000 + b"\n\n",
        ],
    )
    def test_garbage_is_one(self, garbage):
        reader, passed = read(event(response(candidate({"text": "a"}, finish=None))) + garbage)

        assert (reader.failure.error_type, reader.failure.is_retryable) == ("provider_unavailable", True)
        assert text_of(passed) == "a"

    def test_nesting_as_deep_as_can_be_breaks_the_stream_and_nothing_else(self):
        for depth in range(900, 1010):
            arguments = '{"a":' * depth + "1" + "}" * depth
            before, after = (
                b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":',
                b"}}]}}]}",
            )
            reader = open_stream()

            reader.feed(b"data: " + before + arguments.encode() + after + b"\n\n")

            assert reader.failure is not None or reader.has_output

    def test_an_endless_line_is_one(self):
        reader = open_stream()
        for _ in range(40):
            reader.feed(b"data: " + b"x" * (1 << 20))

        assert reader.failure is not None

    @pytest.mark.parametrize(
        "stream",
        [
            b"",
            b": hello\n\n",
            event(response(candidate({"text": "a"}, finish=None))),
            b'data: {"candidates"',
            b"data: [DONE]\n\n",
            event(response(candidate({"text": "a"}, finish="FINISH_REASON_UNSPECIFIED"))),
        ],
    )
    def test_an_end_without_a_finish_reason_is_one(self, stream):
        reader, _ = read(stream)

        assert (reader.failure is not None, reader.is_done) == (True, False)

    def test_nothing_after_the_end_is_read(self):
        reader, passed = read(text_stream("a") + b"data: [DONE]\n\n" + event({"error": {"message": "late"}}))

        assert (text_of(passed), reader.failure, reader.is_done) == ("a", None, True)

    @pytest.mark.parametrize("index", ["x", -1, 10**9, None, True])
    def test_a_choice_with_an_odd_number_is_the_first(self, index):
        stream = event({"candidates": [{**candidate({"text": "a"}), "index": index}]})

        reader, passed = read(stream)

        assert text_of(passed) == "a"
        assert reader.failure is None


class TestTheLastChunk:
    def test_has_no_choices_and_all_of_the_usage(self):
        reader, _ = read(text_stream("a"))

        last = json.loads(reader.final_chunk({"cost": 0.5})[6:])

        assert (last["choices"], last["usage"], last["id"]) == ([], {"cost": 0.5}, "gen-1")
