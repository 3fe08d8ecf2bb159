"""A streamed Responses answer: which events in which order, and how it ends."""

from __future__ import annotations

import pytest

from routing.errors import internal_error
from tests.routing.gateway.dialects.responses_oracles import (
    DIALECT,
    OVERLOADED,
    SHOWN,
    USAGE,
    accumulate,
    broken_stream,
    chunks,
    finish,
    joined,
    kinds,
    read,
    read_events,
    stream,
)
from tests.routing.providers.streams import DONE, chunk, event, text_stream


class TestAStreamOfText:
    def test_has_every_event_of_the_official_api_in_its_order(self):
        events = stream(text_stream("Hel", "lo"))

        assert kinds(events) == [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]

    def test_ends_with_the_response_that_it_would_have_been_unstreamed(self):
        last = stream(text_stream("Hel", "lo"))[-1]["response"]
        whole = finish({"role": "assistant", "content": "Hello"})

        for changing in ("created_at", "completed_at"):
            assert last.pop(changing)
            assert whole.pop(changing)
        assert last == whole

    def test_is_put_together_by_the_official_client(self):
        response = accumulate(stream(text_stream("Hel", "lo")))

        assert response.output_text == "Hello"
        assert response.usage.input_tokens == 30

    @pytest.mark.parametrize("text", ['q"u\\ot\nes', "größer €", "你好😀", "\u0000\u2028"])
    def test_may_be_cut_anywhere(self, text):
        whole = text_stream("a", text, "b")
        bytewise = [whole[at : at + 1] for at in range(len(whole))]

        events = stream(whole, pieces=bytewise)

        assert joined(events, "output_text") == f"a{text}b"
        assert events[-1]["response"]["output_text"] == f"a{text}b"
        assert kinds(events) == kinds(stream(whole))

    def test_that_is_not_utf_8_still_reaches_its_end(self):
        valid = text_stream("a", "b", "c", "XY", "d")

        events = stream(valid.replace(b"XY", b"\xff\xfe"))

        assert joined(events, "output_text") == "abc\ufffd\ufffdd"

    def test_that_nobody_can_read_fails_and_says_so(self):
        events = stream(text_stream("a", "b", "c", "XY", "d").replace(b"XY", b"\\x"))

        assert kinds(events)[-1] == "failed"
        assert events[-1]["response"]["error_type"] == "provider_unavailable"

    def test_of_nothing_is_an_empty_message(self):
        events = stream(chunks({"role": "assistant", "content": ""}))

        assert events[-1]["response"]["output"][0]["content"][0]["text"] == ""
        assert accumulate(events).output_text == ""

    def test_with_log_probabilities_has_them_with_the_text(self):
        token = {
            "token": "Hi",
            "logprob": -0.5,
            "bytes": None,
            "top_logprobs": [{"token": "Ho", "logprob": -2}],
        }
        data = event(
            chunk(choices=[{"index": 0, "delta": {"content": "Hi"}, "logprobs": {"content": [token, 7]}}])
        )

        events = stream(data + event(chunk({}, "stop")) + DONE)

        delta = next(one for one in events if one["type"] == "response.output_text.delta")
        assert delta["logprobs"][0]["token"] == "Hi"
        assert delta["logprobs"][0]["bytes"] == [72, 105]
        assert events[-1]["response"]["output"][0]["content"][0]["logprobs"] == delta["logprobs"]

    def test_of_several_choices_is_the_first(self):
        other = event(chunk(choices=[{"index": 1, "delta": {"content": "no"}}]))

        events = stream(other + chunks({"content": "yes"}))

        assert joined(events, "output_text") == "yes"


class TestHowAStreamEnds:
    @pytest.mark.parametrize(
        ("reason", "why"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
    )
    def test_early_is_incomplete_with_the_reason(self, reason, why):
        events = stream(chunks({"content": "Hel"}, finish=reason))

        response = events[-1]["response"]
        assert kinds(events)[-2:] == ["output_item.done", "incomplete"]
        assert response["status"] == "incomplete"
        assert response["incomplete_details"] == {"reason": why}
        assert response["output"][0]["status"] == "incomplete"
        assert response["completed_at"] is None

    def test_with_the_providers_error_is_failed(self):
        events = stream(chunks({"content": "Hel"}, finish="error"))

        response = events[-1]["response"]
        assert kinds(events)[-1] == "failed"
        assert response["usage"]["output_tokens"] == 12
        assert response["output"][0]["content"][0]["text"] == "Hel"

    def test_cut_off_is_failed_with_what_there_was_and_no_item_done(self):
        events = broken_stream(event(chunk({"content": "Hel"})), OVERLOADED)

        response = events[-1]["response"]
        assert kinds(events)[-2:] == ["output_text.delta", "failed"]
        assert response["error"] == {
            "code": "server_error",
            "message": "Too much at once.",
            "metadata": {"provider_name": "X"},
        }
        assert response["error_type"] == "provider_overloaded"
        assert response["output"][0]["status"] == "incomplete"

    def test_before_it_began_is_created_and_failed(self):
        assert kinds(broken_stream(b"", OVERLOADED)) == ["created", "in_progress", "failed"]

    def test_with_a_fault_of_ours_shows_nothing_of_it(self):
        error = broken_stream(b"", internal_error())[-1]["response"]["error"]

        assert error == {"code": "server_error", "message": "Internal Server Error"}

    def test_with_no_more_than_an_end_is_a_whole_response(self):
        events = DIALECT.open_events(read(), **SHOWN)

        assert events.feed(b"") == b""
        assert kinds(read_events(events.finish(b"", USAGE)))[-1] == "completed"
