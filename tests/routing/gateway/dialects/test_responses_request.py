"""The settings of a Responses request in the words of a chat request, and what it may not say here."""

from __future__ import annotations

import pytest

from tests.routing.gateway.dialects.responses_oracles import SCHEMA, read, refused


class TestSettings:
    def test_are_renamed_where_the_dialects_differ(self):
        form = {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True, "description": None}

        body = read(
            max_output_tokens=99,
            text={"format": form, "verbosity": "low"},
            reasoning={"effort": "high", "generate_summary": "auto"},
            top_logprobs=3,
            service_tier="fast",
        ).body

        assert body == {
            "model": "a/b",
            "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 99,
            "verbosity": "low",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "place", "schema": SCHEMA, "strict": True},
            },
            "reasoning": {"effort": "high", "summary": "auto"},
            "logprobs": True,
            "top_logprobs": 3,
            "service_tier": "priority",
        }

    def test_are_passed_on_where_they_do_not(self):
        same = {
            "models": ["c/d"],
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 3,
            "stop": ["x"],
            "seed": 7,
            "provider": {"order": ["openai"]},
            "plugins": [{"id": "web"}],
            "preset": "p",
            "session_id": "s",
            "trace": {"trace_id": "t"},
            "user": "u",
            "parallel_tool_calls": False,
            "prompt_cache_key": "k",
            "stream": True,
            "some_new_parameter": 1,
        }

        call = read(**same)

        assert {name: call.body[name] for name in same} == same
        assert call.models == ("a/b", "c/d")
        assert call.is_streamed
        assert call.preferences.order == ("openai",)
        assert (call.attribution.user, call.attribution.session_id) == ("u", "s")

    def test_bound_the_answer(self):
        call = read(max_output_tokens=99)

        assert call.max_tokens == 99
        assert "max_tokens" in call.parameters

    def test_say_who_asks(self):
        assert read(headers={b"x-title": b"App"}).attribution.app_title == "App"

    def test_leave_out_what_is_said_to_the_api_alone(self):
        body = read(
            metadata={"a": "b"},
            store=False,
            background=False,
            previous_response_id=None,
            prompt=None,
            safety_identifier="s",
            include=["reasoning.encrypted_content"],
            truncation="disabled",
            stream_options={"include_obfuscation": False},
        ).body

        assert body == {"model": "a/b", "messages": [{"role": "user", "content": "hi"}]}

    def test_ask_for_log_probabilities_by_what_to_include(self):
        assert read(include=["message.output_text.logprobs"]).body["logprobs"] is True

    def test_that_a_chat_request_cannot_say_are_named(self):
        call = read(truncation="auto", include=["something.new"])

        assert call.dropped == ("truncation", "include")
        assert call.parameters == {"truncation", "include"}
        assert read().dropped == ()

    @pytest.mark.parametrize("form", [{"type": "text"}, {"type": "json_object"}])
    def test_may_ask_for_a_plain_form(self, form):
        assert read(text={"format": form}).body["response_format"] == form

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"store": True}, "store"),
            ({"background": True}, "background"),
            ({"previous_response_id": "resp_1"}, "previous_response_id"),
            ({"conversation": "conv_1"}, "conversation"),
            ({"prompt": {"id": "pmpt_1"}}, "prompt"),
            ({"messages": []}, "messages"),
            ({"n": 2}, "n"),
            ({"truncation": "middle"}, "truncation"),
            ({"modalities": ["audio"]}, "modalities"),
            ({"metadata": {"a": 1}}, "metadata"),
            ({"metadata": {"a[0]": "b"}}, "metadata"),
            ({"metadata": {"a": "b" * 513}}, "metadata"),
            ({"metadata": {"a" * 65: "b"}}, "metadata"),
            ({"metadata": {str(number): "b" for number in range(17)}}, "metadata"),
            ({"max_output_tokens": 0}, "max_output_tokens"),
            ({"max_output_tokens": "9"}, "max_output_tokens"),
            ({"instructions": ["x"]}, "instructions"),
            ({"text": []}, "text"),
            ({"text": {"format": "json"}}, "text.format"),
            ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
            ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
            ({"text": {"verbosity": 7}}, "text.verbosity"),
            ({"text": {"verbosity": "endless"}}, "text.verbosity"),
            ({"text": {"format": {}}}, "text.format.type"),
            ({"reasoning": {"effort": 7}}, "reasoning.effort"),
            ({"reasoning": {"effort": "heroic"}}, "reasoning.effort"),
            ({"reasoning": {"generate_summary": "long"}}, "reasoning.summary"),
            ({"service_tier": "gold"}, "service_tier"),
            ({"include": "all"}, "include"),
            ({"temperature": "hot"}, "temperature"),
            ({"provider": {"sort": "cheap"}}, "provider.sort"),
            ({"models": [7]}, "models"),
        ],
    )
    def test_are_refused_by_name_where_they_cannot_be_honoured(self, body, named):
        assert refused(**body)[0] == named
