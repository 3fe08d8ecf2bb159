"""What a Chat Completions answer becomes for Anthropic's clients; every message is held against their types."""

from __future__ import annotations

import pytest

from tests.routing.gateway.dialects.messages import conversation, read, said

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}


def thought(**more: object):
    return {"type": "reasoning.text", "text": "Hm.", "format": "anthropic-claude-v1", "index": 0, **more}


class TestAMessage:
    def test_has_our_id_the_model_as_served_and_who_served_it(self):
        message = said()

        assert (message["id"], message["model"], message["provider"]) == ("gen-1", "acme/one", "Acme")

    def test_is_text(self):
        assert said({"content": "hi"})["content"] == [{"type": "text", "text": "hi", "citations": None}]

    def test_joins_a_text_that_comes_in_parts(self):
        parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]

        assert said({"content": parts})["content"][0]["text"] == "one two"

    @pytest.mark.parametrize(
        "message", [{}, {"content": None}, {"content": 7, "tool_calls": "no"}, {"content": ""}]
    )
    def test_may_be_empty(self, message):
        assert said(message)["content"] == []

    def test_is_thoughts_then_text_then_calls(self):
        message = said(
            {"content": "Yes.", "tool_calls": [CALL], "reasoning_details": [thought(signature="s")]}
        )

        assert message["content"] == [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "text", "text": "Yes.", "citations": None},
            {
                "type": "tool_use",
                "id": "call_1",
                "name": "weather",
                "input": {"city": "Rome"},
                "caller": {"type": "direct"},
            },
        ]

    @pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
    def test_shows_thoughts_that_nobody_signed(self, name):
        [block, _] = said({"content": "Yes.", name: "Hm."})["content"]

        assert block == {"type": "thinking", "thinking": "Hm.", "signature": ""}

    def test_hides_thoughts_where_they_are_not_wanted_and_keeps_their_signature(self):
        call = read(thinking={"type": "adaptive", "display": "omitted"})

        [block, _] = said({"content": "Yes.", "reasoning_details": [thought(signature="s")]}, call=call)[
            "content"
        ]

        assert block == {"type": "thinking", "thinking": "", "signature": "s"}

    @pytest.mark.parametrize(
        ("arguments", "shown"),
        [
            ("", {}),
            (None, {}),
            ({"a": 1}, {"a": 1}),
            ("{broken", {"raw_arguments": "{broken"}),
            ("[1]", {"raw_arguments": "[1]"}),
        ],
    )
    def test_has_an_object_as_a_calls_input_whatever_the_model_wrote(self, arguments, shown):
        call = {**CALL, "function": {"name": "weather", "arguments": arguments}}

        assert said({"tool_calls": [call]}, "tool_calls")["content"][0]["input"] == shown

    def test_cites_what_it_found_on_the_web(self):
        cited = {"url": "https://x.test", "title": "X", "content": "words", "start_index": 0, "end_index": 3}

        [block] = said({"content": "hi", "annotations": [{"type": "url_citation", "url_citation": cited}]})[
            "content"
        ]

        assert block["citations"] == [
            {
                "type": "web_search_result_location",
                "cited_text": "words",
                "encrypted_index": "",
                "title": "X",
                "url": "https://x.test",
            }
        ]

    def test_passes_anthropics_own_citations_on(self):
        place = {"document_index": 0, "document_title": None, "file_id": None}
        cited = {
            "type": "char_location",
            "cited_text": "w",
            "start_char_index": 0,
            "end_char_index": 1,
            **place,
        }
        kept = {"type": "file_citation", "file_citation": {**cited, "start_index": 0, "end_index": 2}}

        [block] = said({"content": "hi", "annotations": [kept]})["content"]

        assert block["citations"] == [cited]


class TestWhyItStopped:
    @pytest.mark.parametrize(
        ("finish", "native", "reason"),
        [
            ("stop", "stop", "end_turn"),
            ("length", "length", "max_tokens"),
            ("tool_calls", "tool_calls", "tool_use"),
            ("content_filter", "content_filter", "refusal"),
            ("stop", "stop_sequence", "stop_sequence"),
            ("stop", "pause_turn", "pause_turn"),
            ("stop", "refusal", "refusal"),
            ("length", "model_context_window_exceeded", "model_context_window_exceeded"),
            ("anything", None, "end_turn"),
        ],
    )
    def test_is_in_anthropics_words(self, finish, native, reason):
        assert said(finish=finish, native_finish_reason=native)["stop_reason"] == reason

    def test_is_a_tool_wherever_one_is_called(self):
        assert said({"tool_calls": [CALL]}, "stop")["stop_reason"] == "tool_use"

    @pytest.mark.parametrize("name", ["stop_sequence", "stop_reason", "matched_stop"])
    def test_names_the_stop_sequence_where_the_provider_does(self, name):
        message = said(call=read(stop_sequences=["END"]), **{name: "END"})

        assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")

    def test_is_a_refusal_that_says_why(self):
        message = said({"content": None, "refusal": "I cannot."})

        assert message["stop_reason"] == "refusal"
        assert message["stop_details"] == {"type": "refusal", "category": None, "explanation": "I cannot."}
        assert message["content"][0]["text"] == "I cannot."


class TestItsUsage:
    def test_counts_cached_and_written_tokens_apart_from_the_input(self):
        usage = said()["usage"]

        assert (usage["input_tokens"], usage["output_tokens"]) == (5, 5)
        assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (3, 2)
        assert usage["output_tokens_details"] == {"thinking_tokens": 1}

    def test_says_what_it_cost(self):
        usage = said()["usage"]

        assert (usage["cost"], usage["is_byok"]) == (0.0001, False)
        assert usage["cost_details"]["upstream_inference_prompt_cost"] == 0.00005


class TestThoughts:
    @pytest.mark.parametrize(
        "detail",
        [
            thought(signature="signed"),
            {"type": "reasoning.encrypted", "data": "sealed", "format": "anthropic-claude-v1", "index": 0},
            {
                "type": "reasoning.encrypted",
                "data": "g",
                "format": "google-gemini-v1",
                "id": "call_1",
                "index": 0,
            },
            {
                "type": "reasoning.summary",
                "summary": "Hm.",
                "format": "openai-responses-v1",
                "id": "rs_1",
                "index": 0,
            },
            thought(format="google-gemini-v1", signature="g", id="t"),
        ],
        ids=["signed", "redacted", "another provider's", "a summary", "another's signature"],
    )
    def test_come_back_as_they_were_whoever_had_them(self, detail):
        answered = said({"content": "Yes.", "reasoning_details": [detail]})["content"]

        [_, message] = conversation(
            {"role": "user", "content": "hi"}, {"role": "assistant", "content": answered}
        )

        assert message["reasoning_details"] == [detail]

    def test_that_nobody_signed_come_back_as_text(self):
        answered = said({"content": "Yes.", "reasoning": "Hm."})["content"]

        [message] = conversation({"role": "assistant", "content": answered})

        assert message["reasoning_details"] == [
            {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0}
        ]
