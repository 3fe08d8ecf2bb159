"""ConverseStream's events are passed on as Chat Completions chunks, and what matters in them is understood."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from openrouter.components.chatstreamchunk import ChatStreamChunk

from routing.pricing import Usage, usage_from_provider
from routing.providers import WIRE_FORMATS
from routing.providers.event_stream import MAX_FRAME_BYTES
from tests.routing.providers.amazon import EVENTS, event, exception, frame
from tests.routing.providers.streams import cut, events_of, text_of

USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
METADATA = event("metadata", usage=USAGE, metrics={"latencyMs": 1})
TEXTS = some.lists(some.text(min_size=1, max_size=30), max_size=6)
CUTS = some.lists(some.integers(0, 10**6), max_size=8)


def delta(index=0, **fields) -> bytes:
    return event("contentBlockDelta", delta=fields, contentBlockIndex=index)


def start(index, **fields) -> bytes:
    return event("contentBlockStart", start=fields, contentBlockIndex=index)


def stop(index) -> bytes:
    return event("contentBlockStop", contentBlockIndex=index)


def stream_of(*events: bytes, finish="end_turn", tail=METADATA) -> bytes:
    last = event("messageStop", stopReason=finish) if finish else b""
    return event("messageStart", role="assistant") + b"".join(events) + last + tail


def read(stream: bytes, *places: int, model="anthropic/claude-sonnet-4"):
    reader = WIRE_FORMATS["bedrock"].open_stream(generation_id="gen-1", model=model, provider="Bedrock")
    passed = b"".join(reader.feed(piece) for piece in cut(stream, places))
    passed += reader.end()
    for one in events_of(passed):
        ChatStreamChunk.model_validate_json(json.dumps(one))
    return reader, passed


def deltas_of(passed: bytes):
    return [one["choices"][0]["delta"] for one in events_of(passed)]


def message_of(passed: bytes):
    """What OpenAI's own client puts together from the chunks."""
    state = ChatCompletionStreamState()
    for one in events_of(passed):
        state.handle_chunk(ChatCompletionChunk.model_validate(one))
    return state.get_final_completion().choices[0].message


class TestPassingOn:
    @given(TEXTS, CUTS)
    def test_gives_the_callers_every_text_whatever_it_holds_and_wherever_it_was_cut(self, texts, places):
        reader, passed = read(stream_of(*[delta(text=text) for text in texts], stop(0)), *places)

        assert text_of(passed) == "".join(texts)
        assert {(one["id"], one["model"], one["provider"]) for one in events_of(passed)} == {
            ("gen-1", "anthropic/claude-sonnet-4", "Bedrock")
        }
        assert (reader.failure, reader.is_done, reader.finish_reason) == (None, True, "stop")

    def test_gives_the_same_byte_by_byte(self):
        stream = stream_of(delta(text="Hé"), delta(text="\U0001f600llo"))

        (_, whole), (_, pieces) = read(stream), read(stream, *range(len(stream)))

        assert deltas_of(whole) == deltas_of(pieces)

    def test_begins_with_a_role_that_is_no_output_yet(self):
        reader, passed = read(event("messageStart", role="assistant"))

        assert deltas_of(passed) == [{"role": "assistant", "content": ""}]
        assert not reader.has_output

    def test_holds_usage_back_for_the_last_chunk(self):
        reader, passed = read(stream_of(delta(text="a")))

        (last,) = events_of(reader.final_chunk({"prompt_tokens": 3}))
        assert b"usage" not in passed
        assert (last["choices"], last["usage"], last["id"]) == ([], {"prompt_tokens": 3}, "gen-1")
        assert usage_from_provider(reader.usage, Usage()) == (Usage(prompt=3, completion=2), False)

    def test_counts_as_it_goes_never_more_than_the_provider_will_claim(self):
        reader, _ = read(stream_of(delta(text="one"), delta(text="  "), delta(text="two")))

        assert reader.counted_tokens == 2

    def test_says_how_it_ended(self):
        reader, passed = read(stream_of(delta(text="a"), finish="max_tokens"))

        (choice,) = events_of(passed)[-1]["choices"]
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("length", "max_tokens")
        assert (reader.finish_reason, reader.native_finish_reason) == ("length", "max_tokens")

    def test_passes_over_what_it_does_not_know(self):
        unknown = event("somethingNew", a=1) + delta(citation={"title": "x"}) + delta(somethingNew=1)

        reader, passed = read(stream_of(unknown, delta(text="a")))

        assert (text_of(passed), reader.failure) == ("a", None)

    def test_reads_nothing_after_the_end(self):
        reader, passed = read(stream_of(delta(text="a")) + b"garbage" + delta(text="b"))

        assert (text_of(passed), reader.failure, reader.is_done) == ("a", None, True)


class TestToolCalls:
    WEATHER = {"toolUse": {"toolUseId": "tooluse_1", "name": "weather"}}
    CLOCK = {"toolUse": {"toolUseId": "tooluse_2", "name": "clock"}}

    def test_come_in_pieces_that_a_client_puts_together(self):
        reader, passed = read(
            stream_of(
                delta(text="Let me see."),
                stop(0),
                start(1, **self.WEATHER),
                delta(1, toolUse={"input": '{"city":'}),
                delta(1, toolUse={"input": '"Köln"}'}),
                stop(1),
                start(2, **self.CLOCK),
                delta(2, toolUse={"input": ""}),
                stop(2),
                finish="tool_use",
            )
        )

        calls = message_of(passed).tool_calls
        assert [(one.id, one.function.name, one.function.arguments) for one in calls] == [
            ("tooluse_1", "weather", '{"city":"Köln"}'),
            ("tooluse_2", "clock", "{}"),
        ]
        assert (reader.finish_reason, reader.has_output) == ("tool_calls", True)

    def test_are_output_from_the_first_piece_on(self):
        assert read(event("messageStart") + start(0, **self.CLOCK))[0].has_output


class TestReasoning:
    PIECES = (
        delta(0, reasoningContent={"text": "H"}),
        delta(0, reasoningContent={"text": "m."}),
        delta(0, reasoningContent={"signature": "sig"}),
        stop(0),
        delta(1, reasoningContent={"redactedContent": "c2VhbGVk"}),
        stop(1),
        delta(2, text="Yes"),
    )

    def test_comes_with_its_signature(self):
        reader, passed = read(stream_of(*self.PIECES))

        deltas = deltas_of(passed)
        details = [one for piece in deltas for one in piece.get("reasoning_details", ())]
        assert "".join(piece.get("reasoning") or "" for piece in deltas) == "Hm."
        claude = {"format": "anthropic-claude-v1"}
        assert details == [
            {"type": "reasoning.text", "text": "H", "index": 0, **claude},
            {"type": "reasoning.text", "text": "m.", "index": 0, **claude},
            {"type": "reasoning.text", "signature": "sig", "index": 0, **claude},
            {"type": "reasoning.encrypted", "data": "c2VhbGVk", "index": 1, **claude},
        ]
        assert (text_of(passed), reader.counted_tokens) == ("Yes", 3)

    def test_of_other_models_has_no_known_format(self):
        _, passed = read(stream_of(self.PIECES[0]), model="deepseek/r1")

        assert deltas_of(passed)[1]["reasoning_details"][0]["format"] == "unknown"


class TestImages:
    def test_are_passed_on_with_their_format(self):
        stream = stream_of(start(0, image={"format": "webp"}), delta(0, image={"source": {"bytes": "aGk="}}))

        reader, passed = read(stream)

        assert deltas_of(passed)[1]["images"][0]["image_url"]["url"] == "data:image/webp;base64,aGk="
        assert reader.has_output


class TestABrokenStream:
    EXCEPTIONS = {
        "internalServerException": ("provider_unavailable", True),
        "modelStreamErrorException": ("provider_unavailable", True),
        "validationException": ("invalid_request", False),
        "throttlingException": ("rate_limit_exceeded", True),
        "serviceUnavailableException": ("provider_overloaded", True),
    }

    def test_may_break_on_every_exception_that_amazon_has(self):
        known = {name for name, shape in EVENTS.members.items() if shape.metadata.get("exception")}

        assert self.EXCEPTIONS.keys() == known

    @pytest.mark.parametrize(("kind", "meaning"), EXCEPTIONS.items())
    def test_says_on_what(self, kind, meaning):
        reader, passed = read(delta(text="a") + exception(kind, message="Why") + delta(text="b"))

        assert (reader.failure.error_type, reader.failure.is_retryable) == meaning
        assert (reader.failure.message, reader.failure.provider_code) == ("Why", kind)
        assert (text_of(passed), reader.is_done) == ("a", False)

    def test_may_break_on_an_error_without_a_name(self):
        headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "Why"}

        reader, _ = read(frame(headers))

        assert (reader.failure.error_type, reader.failure.message) == ("provider_unavailable", "Why")

    @pytest.mark.parametrize(
        "tail",
        [
            b"",
            METADATA,
            delta(text="b")[:-1],
            b"HTTP/1.1 400 Bad Request\r\n",
            delta(text="b")[:-1] + b"x",
            frame({":message-type": "event", ":event-type": "messageStop"}, b"{"),
            frame({":message-type": "event", ":event-type": "messageStop"}, b"[]"),
            frame({":message-type": "event", ":event-type": "messageStop"}, b"\xff"),
            frame({":message-type": "event", ":event-type": "messageStop"}, b"[" * 100_000),
            frame({}, b"x" * MAX_FRAME_BYTES),
        ],
    )
    def test_that_is_cut_off_or_garbage_is_a_failure(self, tail):
        reader, passed = read(delta(text="a") + tail)

        assert (reader.failure.error_type, reader.failure.is_retryable) == ("provider_unavailable", True)
        assert (text_of(passed), reader.is_done) == ("a", False)

    def test_may_be_empty(self):
        reader, passed = read(b"")

        assert (passed, reader.failure.error_type, reader.has_output) == (b"", "provider_unavailable", False)

    def test_may_lack_its_usage(self):
        reader, _ = read(stream_of(delta(text="a"), tail=b""))

        assert (reader.failure, reader.is_done, reader.usage) == (None, True, None)

    @pytest.mark.parametrize(
        "usage", [None, 1, {}, {"inputTokens": -1, "outputTokens": 10**12}, {"inputTokens": "many"}]
    )
    def test_may_have_absurd_usage(self, usage):
        reader, _ = read(stream_of(delta(text="a"), tail=event("metadata", usage=usage)))

        assert usage_from_provider(reader.usage, Usage(prompt=1, completion=1)) == (
            Usage(prompt=1, completion=1),
            True,
        )

    @given(
        some.sampled_from(sorted(EVENTS.members)),
        some.dictionaries(
            some.sampled_from(["delta", "start", "contentBlockIndex", "stopReason", "usage"]),
            some.recursive(
                some.none() | some.integers() | some.text(max_size=5),
                lambda inner: (
                    some.dictionaries(
                        some.sampled_from(
                            ["text", "toolUse", "reasoningContent", "image", "source", "input"]
                        ),
                        inner,
                    )
                    | some.lists(inner, max_size=2)
                ),
                max_leaves=6,
            ),
        ),
    )
    def test_may_hold_events_that_make_no_sense(self, kind, fields):
        reader, _ = read(event(kind, **fields) + stream_of(delta(text="a")))

        assert reader.is_done or reader.failure is not None
