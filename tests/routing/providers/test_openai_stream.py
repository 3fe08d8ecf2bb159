"""A provider's stream is passed on under our own id, model and provider, and what matters in it is understood."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from routing.providers.openai_stream import SMALL_PIECE_BYTES
from tests.routing.providers.streams import (
    DONE,
    USAGE,
    chunk,
    cut,
    event,
    events_of,
    open_stream,
    text_of,
    text_stream,
)

TEXTS = some.lists(some.text(min_size=1, max_size=30), max_size=6)
CUTS = some.lists(some.integers(0, 10**6), max_size=8)


def read(stream: bytes, *places: int):
    reader = open_stream()
    passed = b"".join(reader.feed(piece) for piece in cut(stream, places))
    return reader, passed + reader.end()


class TestAnEventNestedAsDeepAsCanBe:
    @pytest.mark.parametrize("name", ["delta", "error"])
    def test_breaks_the_stream_and_nothing_else(self, name):
        depths = range(900, 1010)
        nested = [b'{"a":' * depth + b"1" + b"}" * depth for depth in depths]
        events = {
            "delta": b'data: {"choices":[{"delta":%b}]}\n\n',
            "error": b'data: {"error":{"code":%b}}\n\n',
        }

        readers = [open_stream() for _ in depths]
        for reader, value in zip(readers, nested, strict=True):
            reader.feed(events[name] % value)

        assert readers[-1].failure is not None


class TestPassingOn:
    @given(
        TEXTS,
        CUTS,
        some.sampled_from([(",", ":"), (", ", ": ")]),
        some.sampled_from([b"\n\n", b"\r\n\r\n"]),
    )
    def test_gives_the_callers_every_text_whatever_it_holds_and_wherever_it_was_cut(
        self, texts, cuts, separators, end
    ):
        reader, passed = read(text_stream(*texts, separators=separators, end=end), *cuts)

        assert text_of(passed) == "".join(texts)
        assert {(one["id"], one["model"], one["provider"]) for one in events_of(passed)} == {
            ("gen-1", "acme/served", "Simulator")
        }
        assert (reader.failure, reader.is_done, reader.usage) == (None, True, USAGE)
        assert (reader.finish_reason, reader.upstream_id) == ("stop", "chatcmpl-1")

    def test_shows_no_usage_and_no_end_before_its_time(self):
        _, passed = read(text_stream("a", "b", "c"))

        assert b"usage" not in passed
        assert b"[DONE]" not in passed
        assert b"upstream-1" not in passed
        assert b"chatcmpl" not in passed

    def test_keeps_what_else_the_provider_says(self):
        stream = event(chunk({"content": "a"}, service_tier="flex")) * 3 + event(chunk({}, "stop")) + DONE

        _, passed = read(stream)

        assert [one.get("service_tier") for one in events_of(passed)] == ["flex", "flex", "flex", None]
        assert {one["system_fingerprint"] for one in events_of(passed)} == {"fp"}

    @pytest.mark.parametrize(
        "order",
        [
            ("choices", "created", "id", "model", "object"),
            ("id", "choices", "created", "object", "model"),
            ("model", "object", "id", "created", "choices"),
        ],
    )
    def test_replaces_the_names_in_whatever_order_they_stand(self, order):
        chunks = [chunk({"content": text}) for text in "abc"]
        stream = b"".join(event({name: one[name] for name in order}) for one in chunks)

        _, passed = read(stream)

        assert text_of(passed) == "abc"
        assert b"upstream-1" not in passed
        assert b"chatcmpl" not in passed

    def test_is_not_misled_by_text_that_looks_like_a_chunk(self):
        looks = '"},"finish_reason":"stop"}],"usage":{"completion_tokens":9},"error":{"message":"x"}'
        reader, passed = read(text_stream("a", looks, '"content":""', "b\\", "c"))

        assert text_of(passed) == "a" + looks + '"content":""' + "b\\c"
        assert (reader.failure, reader.usage) == (None, USAGE)

    def test_gives_each_choice_what_the_contract_requires(self):
        bare = {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{"delta": {"content": "a"}}],
        }

        (shown,) = events_of(read(event(bare))[1])

        assert shown["choices"] == [{"index": 0, "finish_reason": None, "delta": {"content": "a"}}]

    def test_passes_tool_calls_on(self):
        calls = [
            {
                "index": 0,
                "id": "call_1",
                "type": "function",
                "function": {"name": "f", "arguments": '{"a":1}'},
            }
        ]

        reader, passed = read(event(chunk({"role": "assistant", "content": None, "tool_calls": calls})))

        assert events_of(passed)[0]["choices"][0]["delta"]["tool_calls"] == calls
        assert reader.has_output


class TestTheFinishReason:
    @pytest.mark.parametrize(
        ("native", "ours"),
        [
            ("stop", "stop"),
            ("function_call", "tool_calls"),
            ("eos", "stop"),
            ("max_tokens", "length"),
            ("weird", "stop"),
        ],
    )
    def test_is_put_in_the_contracts_words_beside_the_providers_own(self, native, ours):
        reader, passed = read(event(chunk({}, native)) + DONE)

        shown = events_of(passed)[0]["choices"][0]
        assert (shown["finish_reason"], shown["native_finish_reason"]) == (ours, native)
        assert (reader.finish_reason, reader.native_finish_reason) == (ours, native)


class TestUsage:
    def test_is_the_last_one_when_it_comes_more_than_once(self):
        first, second = (
            {"prompt_tokens": 1, "completion_tokens": 1},
            {"prompt_tokens": 3, "completion_tokens": 9},
        )
        stream = (
            event(chunk({"content": "a"}, usage=first)) + event(chunk({"content": "b"}, usage=second)) + DONE
        )

        reader, passed = read(stream)

        assert reader.usage == second
        assert text_of(passed) == "ab"

    @pytest.mark.parametrize("absurd", ["many", 7, [1], None])
    def test_of_another_kind_is_none(self, absurd):
        reader, _ = read(text_stream("a", usage=absurd))

        assert (reader.usage, reader.failure) == (None, None)


class TestCountingTokens:
    def test_counts_a_small_piece_as_one_and_a_large_one_by_its_bytes(self):
        reader, _ = read(text_stream("a ", "b ", "x" * SMALL_PIECE_BYTES, "y" * (SMALL_PIECE_BYTES + 40)))

        assert reader.counted_tokens == 1 + 1 + 1 + 11

    def test_counts_no_blanks_and_no_empty_pieces(self):
        reader, _ = read(text_stream("", " ", "a"))

        assert reader.counted_tokens == 1


class TestOutput:
    def test_begins_with_the_first_text_and_not_with_the_role(self):
        reader = open_stream()

        reader.feed(b": OPENROUTER PROCESSING\n\n" + event(chunk({"role": "assistant", "content": ""})))
        before = reader.has_output
        reader.feed(event(chunk({"content": "a"})))

        assert (before, reader.has_output) == (False, True)

    @pytest.mark.parametrize("delta", [{"reasoning": "hm"}, {"reasoning_content": "hm"}, {"refusal": "no"}])
    def test_may_be_thoughts_or_a_refusal(self, delta):
        assert read(event(chunk(delta)))[0].has_output


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "kind", "status"),
        [
            ({"code": 429, "message": "Slow down"}, "rate_limit_exceeded", 429),
            ({"code": "rate_limit_exceeded", "message": "Slow down"}, "rate_limit_exceeded", 429),
            ({"type": "overloaded_error", "message": "Busy"}, "provider_overloaded", 503),
            ({"message": "What?"}, "provider_unavailable", 502),
            ("plain words", "provider_unavailable", 502),
        ],
    )
    def test_in_the_stream_are_understood(self, error, kind, status):
        reader, passed = read(
            event(chunk({"content": "a"})) + event({"error": error}) + event(chunk({"content": "b"}))
        )

        assert (reader.failure.error_type, reader.failure.status) == (kind, status)
        assert text_of(passed) == "a"

    @pytest.mark.parametrize(
        "garbage",
        [
            b'data: {"id": "\xff\xfe", "choices": [{"delta": <html>\x00\n\n',
            b"data: }{\n\n",
            b"data: [1,2]\n\n",
            b'data: "text"\n\n',
            b"data: " + b"[" * 100_000 + b"\n\n",
        ],
    )
    def test_garbage_is_one(self, garbage):
        reader, passed = read(event(chunk({"content": "a"})) + garbage)

        assert (reader.failure.error_type, reader.failure.is_retryable) == ("provider_unavailable", True)
        assert text_of(passed) == "a"

    def test_an_endless_line_is_one(self):
        reader = open_stream()
        for _ in range(40):
            reader.feed(b"data: " + b"x" * 50_000)

        assert reader.failure is not None
        assert reader.failure.error_type == "provider_unavailable"

    @pytest.mark.parametrize("stream", [b"", b": hello\n\n", event(chunk({"content": "a"})), b'data: {"id"'])
    def test_an_end_without_a_finish_reason_is_one(self, stream):
        assert read(stream)[0].failure is not None

    def test_an_end_without_done_is_none(self):
        reader, _ = read(event(chunk({"content": "a"}, "stop")))

        assert (reader.failure, reader.is_done) == (None, True)

    def test_nothing_after_the_end_is_read(self):
        reader, passed = read(
            text_stream("a") + event({"error": {"message": "late"}}) + event(chunk({"content": "b"}))
        )

        assert (text_of(passed), reader.failure) == ("a", None)


class TestTheLastChunk:
    def test_has_no_choices_and_all_of_the_usage(self):
        reader, _ = read(text_stream("a"))

        last = json.loads(reader.final_chunk({"cost": 0.5})[6:])

        assert last == {
            "id": "gen-1",
            "model": "acme/served",
            "provider": "Simulator",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "choices": [],
            "usage": {"cost": 0.5},
        }
