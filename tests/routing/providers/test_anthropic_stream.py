"""Anthropic's stream is passed on as Chat Completions chunks, and what matters in it is understood."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some
from openrouter.components import ChatStreamChunk

from routing.pricing import Usage, usage_from_provider
from routing.providers.anthropic_tools import JSON_TOOL
from tests.routing.providers.anthropic_events import (
    block,
    delta,
    encoded,
    end,
    open_stream,
    read,
    start,
    text,
    text_deltas,
    text_stream,
)
from tests.routing.providers.streams import cut, events_of, text_of

TEXTS = some.lists(some.text(min_size=1, max_size=30), max_size=6)
CUTS = some.lists(some.integers(0, 10**6), max_size=8)
FORMAT = "anthropic-claude-v1"


def tool(name="look_up", identifier="toolu_1", **given):
    return {"type": "tool_use", "id": identifier, "name": name, "input": given}


def json_deltas(index, *pieces):
    return [delta(index, type="input_json_delta", partial_json=piece) for piece in pieces]


def deltas_of(passed: bytes):
    return [one["choices"][0]["delta"] for one in events_of(passed)]


def gathered(passed: bytes, name: str):
    return [one for found in deltas_of(passed) for one in found.get(name) or ()]


class TestPassingOn:
    @given(TEXTS, CUTS)
    def test_gives_every_text_whatever_it_holds_and_wherever_it_was_cut(self, texts, cuts):
        stream = text_stream(*texts)

        reader, passed = read(stream, cut(stream, cuts))

        assert text_of(passed) == "".join(texts)
        assert {(one["id"], one["model"], one["provider"]) for one in events_of(passed)} == {
            ("gen-1", "acme/served", "Anthropic")
        }
        assert (reader.failure, reader.is_done, reader.upstream_id) == (None, True, "msg_1")
        assert reader.service_tier == "default"

    def test_is_the_same_byte_by_byte_and_within_characters(self):
        stream = text_stream("größer ", "🐘")

        _, whole = read(stream)
        _, pieces = read(stream, cut(stream, range(len(stream))))

        assert text_of(pieces) == "größer 🐘"
        assert [one["choices"] for one in events_of(pieces)] == [one["choices"] for one in events_of(whole)]

    def test_is_in_the_contracts_shape(self):
        for one in events_of(read(text_stream("a", "b"))[1]):
            ChatStreamChunk.model_validate(one)

    def test_shows_nothing_of_the_providers_names_and_no_usage(self):
        _, passed = read(text_stream("a", "b"))

        for hidden in (b"usage", b"[DONE]", b"claude", b"msg_1"):
            assert hidden not in passed

    def test_carries_lone_surrogates_as_escapes(self):
        event = b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\\ud83d"}}\n\n'

        reader, _ = read(event)

        assert reader.has_output or reader.failure is not None


class TestThoughts:
    def test_come_with_their_signatures(self):
        stream = encoded(
            start(),
            *block(
                0,
                {"type": "thinking", "thinking": "", "signature": ""},
                delta(0, type="thinking_delta", thinking="Hm, "),
                delta(0, type="thinking_delta", thinking="so."),
                delta(0, type="signature_delta", signature="s"),
            ),
            *block(1, {"type": "redacted_thinking", "data": "x"}),
            *block(2, text(""), *text_deltas(2, "42")),
            *end(),
        )

        reader, passed = read(stream)

        assert "".join(one.get("reasoning") or "" for one in deltas_of(passed)) == "Hm, so."
        assert gathered(passed, "reasoning_details") == [
            {"type": "reasoning.text", "text": "Hm, ", "format": FORMAT, "index": 0},
            {"type": "reasoning.text", "text": "so.", "format": FORMAT, "index": 0},
            {"type": "reasoning.text", "signature": "s", "format": FORMAT, "index": 0},
            {"type": "reasoning.encrypted", "data": "x", "format": FORMAT, "index": 1},
        ]
        assert (text_of(passed), reader.counted_tokens) == ("42", 3)


class TestCalls:
    def test_come_in_pieces_each_under_its_own_index(self):
        stream = encoded(
            start(),
            *block(0, text(""), *text_deltas(0, "Let me see.")),
            *block(1, tool(), *json_deltas(1, "", '{"ci', 'ty":"Zürich"}')),
            *block(2, tool("now", "toolu_2")),
            *block(3, tool("add", "toolu_3", a=1)),
            *end("tool_use"),
        )

        reader, passed = read(stream)

        calls = gathered(passed, "tool_calls")
        named = [(one["index"], one["id"], one["function"]["name"]) for one in calls if "id" in one]
        written = [
            "".join(one["function"]["arguments"] for one in calls if one["index"] == index)
            for index in range(3)
        ]
        assert named == [(0, "toolu_1", "look_up"), (1, "toolu_2", "now"), (2, "toolu_3", "add")]
        assert [json.loads(one) for one in written] == [{"city": "Zürich"}, {}, {"a": 1}]
        assert (reader.finish_reason, reader.native_finish_reason) == ("tool_calls", "tool_use")

    def test_of_the_tool_that_stands_for_the_answer_are_its_text(self):
        stream = encoded(
            start(), *block(0, tool(JSON_TOOL), *json_deltas(0, '{"a"', ":1}")), *end("tool_use")
        )

        reader, passed = read(stream)

        assert (text_of(passed), gathered(passed, "tool_calls")) == ('{"a":1}', [])
        assert (reader.finish_reason, reader.native_finish_reason) == ("stop", "tool_use")

    def test_of_tools_that_anthropic_runs_are_its_own_affair(self):
        block_of_theirs = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}

        reader, passed = read(
            encoded(start(), *block(0, block_of_theirs, *json_deltas(0, '{"query":"x"}')), *end())
        )

        assert (gathered(passed, "tool_calls"), reader.failure) == ([], None)


class TestCitations:
    def test_come_when_their_text_is_whole(self):
        citation = {
            "type": "web_search_result_location",
            "cited_text": "It is so.",
            "encrypted_index": "x",
            "title": None,
            "url": "https://a.test/",
        }
        stream = encoded(
            start(),
            *block(0, text(""), *text_deltas(0, "So: ")),
            *block(
                1, text(""), delta(1, type="citations_delta", citation=citation), *text_deltas(1, "it is.")
            ),
            *end(),
        )

        (found,) = gathered(read(stream)[1], "annotations")

        assert found["url_citation"] == {
            "url": "https://a.test/",
            "title": "",
            "content": "It is so.",
            "start_index": 4,
            "end_index": 10,
        }


class TestTheFinishReason:
    @pytest.mark.parametrize(
        ("native", "ours"),
        [("end_turn", "stop"), ("max_tokens", "length"), ("refusal", "content_filter"), ("new", "stop")],
    )
    def test_is_put_in_the_contracts_words_beside_the_providers_own(self, native, ours):
        stream = encoded(start(), *end(native), is_checked=False)

        reader, passed = read(stream)

        shown = events_of(passed)[-1]["choices"][0]
        assert (shown["finish_reason"], shown["native_finish_reason"]) == (ours, native)
        assert (reader.finish_reason, reader.native_finish_reason, reader.is_done) == (ours, native, True)

    def test_says_which_sequence_it_was(self):
        passed = read(
            encoded(start(), *end("stop_sequence"), is_checked=False).replace(
                b'"stop_sequence": null', b'"stop_sequence": "END"'
            )
        )[1]

        assert events_of(passed)[-1]["choices"][0]["stop_sequence"] == "END"

    def test_of_a_refusal_has_its_reason(self):
        details = {"type": "refusal", "category": "bio", "explanation": "Too dangerous."}

        assert deltas_of(read(encoded(start(), *end("refusal", stop_details=details)))[1])[-1]["refusal"] == (
            "Too dangerous."
        )


class TestUsage:
    def test_is_put_together_from_the_beginning_and_the_end(self):
        reader, _ = read(text_stream("a"))

        found, is_estimated = usage_from_provider(reader.usage, Usage())

        assert found == Usage(prompt=60, completion=9, cached=30, cache_write=20)
        assert not is_estimated

    def test_is_known_before_the_end_as_far_as_it_was_said(self):
        reader = open_stream()
        before = reader.usage

        reader.feed(encoded(start()))

        assert (before, reader.usage["prompt_tokens"], reader.usage["completion_tokens"]) == (None, 60, 1)

    def test_keeps_what_a_later_event_has_as_nothing(self):
        last = {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 0, "output_tokens": 0}}

        reader, _ = read(encoded(start(output_tokens=5), last))

        assert (reader.usage["prompt_tokens"], reader.usage["completion_tokens"]) == (60, 5)

    @pytest.mark.parametrize("absurd", ["many", 7, [1], None])
    def test_of_another_kind_is_none(self, absurd):
        event = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": absurd}

        reader, _ = read(encoded(event, {"type": "message_stop"}, is_checked=False))

        assert (reader.usage, reader.failure) == (None, None)


class TestCountingTokens:
    def test_counts_pieces_of_text_thoughts_and_arguments_but_no_blanks(self):
        stream = encoded(
            start(),
            *block(0, text(""), *text_deltas(0, "a", " ", "y" * 88)),
            *block(1, tool(), *json_deltas(1, "{}")),
        )

        assert read(stream)[0].counted_tokens == 1 + 11 + 1


class TestOutput:
    def test_begins_with_the_first_piece_and_not_with_the_message(self):
        reader = open_stream()

        reader.feed(encoded(start(), {"type": "ping"}, *block(0, text(""))))
        before = reader.has_output
        reader.feed(encoded(*text_deltas(0, "a")))

        assert (before, reader.has_output) == (False, True)


class TestFailures:
    @pytest.mark.parametrize(
        ("kind", "found", "status"),
        [
            ("overloaded_error", "provider_overloaded", 503),
            ("rate_limit_error", "rate_limit_exceeded", 429),
            ("api_error", "provider_unavailable", 502),
            ("new_error", "provider_unavailable", 502),
        ],
    )
    def test_in_the_stream_are_understood(self, kind, found, status):
        error = {"type": "error", "error": {"type": kind, "message": "Why"}}

        reader, passed = read(encoded(start(), *text_deltas(0, "a"), error, *text_deltas(0, "b")))

        assert (reader.failure.error_type, reader.failure.status) == (found, status)
        assert text_of(passed) == "a"

    @pytest.mark.parametrize(
        "garbage",
        [
            b'data: {"type": "\xff\xfe", <html>\x00\n\n',
            b"data: }{\n\n",
            b"data: [1,2]\n\n",
            b'data: "text"\n\n',
            b"data: " + b"[" * 100_000 + b"\n\n",
        ],
    )
    def test_garbage_is_one(self, garbage):
        reader, passed = read(encoded(*text_deltas(0, "a")) + garbage)

        assert (reader.failure.error_type, reader.failure.is_retryable) == ("provider_unavailable", True)
        assert text_of(passed) == "a"

    def test_an_endless_line_is_one(self):
        reader = open_stream()
        for _ in range(40):
            reader.feed(b"data: " + b"x" * 50_000)

        assert reader.failure is not None

    @pytest.mark.parametrize(
        "stream",
        [
            b"",
            b": hello\n\n",
            encoded(start()),
            encoded(start(), *text_deltas(0, "a")),
            encoded(start(), *text_deltas(0, "a"), {"type": "message_stop"}),
            b'data: {"type"',
        ],
    )
    def test_an_end_without_a_reason_is_one(self, stream):
        assert read(stream)[0].failure is not None

    def test_an_end_without_its_last_event_is_none(self):
        reader, _ = read(encoded(start(), *text_deltas(0, "a"), end()[0]))

        assert (reader.failure, reader.is_done) == (None, True)

    def test_nothing_after_the_end_is_read(self):
        error = {"type": "error", "error": {"type": "api_error", "message": "late"}}

        reader, passed = read(text_stream("a") + encoded(error, *text_deltas(0, "b")))

        assert (text_of(passed), reader.failure) == ("a", None)

    @pytest.mark.parametrize(
        "event",
        [
            {"type": "message_start", "message": 1},
            {"type": "content_block_start", "index": [1], "content_block": {"type": "text", "citations": 7}},
            {"type": "content_block_start", "content_block": {"type": ["x"]}},
            {"type": "content_block_delta", "index": 9, "delta": {"type": "signature_delta", "signature": 1}},
            {"type": "content_block_delta", "delta": None},
            {"type": "content_block_stop"},
            {"type": "message_delta", "delta": [], "usage": {"input_tokens": {}}},
            {"type": ["message_stop"]},
            {"type": None},
        ],
    )
    def test_events_of_strange_shapes_break_nothing(self, event):
        data = b"data: %b\n\n" % json.dumps(event).encode()

        reader, passed = read(data + text_stream("a"))

        assert (text_of(passed), reader.failure) == ("a", None)

    def test_events_nested_as_deep_as_can_be_break_the_stream_and_nothing_else(self):
        for depth in range(900, 1010):
            nested = b'{"a":' * depth + b"1" + b"}" * depth
            first = b'data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":%b}}\n\n'

            reader, _ = read(first % nested + b'data: {"type":"content_block_stop","index":0}\n\n')

            assert reader.failure is not None


class TestTheLastChunk:
    def test_has_no_choices_and_all_of_the_usage(self):
        reader, _ = read(text_stream("a"))

        last = json.loads(reader.final_chunk({"cost": 0.5})[6:])

        created = last.pop("created")
        assert created > 1_700_000_000
        assert last == {
            "id": "gen-1",
            "model": "acme/served",
            "provider": "Anthropic",
            "object": "chat.completion.chunk",
            "service_tier": "default",
            "choices": [],
            "usage": {"cost": 0.5},
        }
