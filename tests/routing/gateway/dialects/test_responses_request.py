"""What a Responses request says, in the words of a Chat Completions request, and what it may not say here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy

import pytest

from routing.gateway.client import RefusedError
from tests.routing.gateway.dialects.responses_oracles import finish, messages, read, stream
from tests.routing.providers.streams import text_stream

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}
PATCH = {
    "type": "custom",
    "name": "patch",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
}
CALLED = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'}
RETURNED = {"type": "function_call_output", "call_id": "call_1", "output": "Rain"}


def said(text: str, role: str = "assistant") -> dict:
    return {"type": "message", "role": role, "content": text}


def refused(**body: object) -> tuple[str, str]:
    """The parameter that a refusal names, and its rule."""
    with pytest.raises(RefusedError) as caught:
        read(**body)
    refusal = caught.value.refusal
    assert refusal.status == 400
    assert refusal.metadata["parameter"] in refusal.message
    return refusal.metadata["parameter"], refusal.rule


class TestTheInput:
    def test_as_a_string_is_what_the_user_says(self):
        assert messages("hi") == [{"role": "user", "content": "hi"}]

    def test_comes_after_the_instructions(self):
        assert messages("hi", instructions="Be brief.")[0] == {"role": "system", "content": "Be brief."}

    def test_may_leave_out_that_a_message_is_one(self):
        given = [{"role": role, "content": role} for role in ("system", "developer", "user", "assistant")]

        assert messages(given) == given

    def test_has_every_kind_of_part(self):
        parts = [
            {"type": "input_text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
            {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
            {"type": "input_file", "file_url": "https://a.example/c.pdf"},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"type": "input_video", "video_url": "https://a.example/d.mp4"},
        ]

        (message,) = messages([{"role": "user", "content": parts}])

        assert message["content"] == [
            {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            {"type": "file", "file": {"file_data": "https://a.example/c.pdf"}},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"type": "video_url", "video_url": {"url": "https://a.example/d.mp4"}},
        ]

    def test_counts_its_images(self):
        image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 90_000}

        call = read(input=[{"role": "user", "content": [image]}])

        assert call.image_count == 1
        assert call.prompt_tokens < 5_000

    def test_gives_what_the_assistant_said_as_a_string(self):
        parts = [{"type": "output_text", "text": text, "annotations": []} for text in ("Hel", "lo")]

        given = [said("hi", "user"), {**said(""), "id": "msg_1", "status": "completed", "content": parts}]

        assert messages(given)[1] == {"role": "assistant", "content": "Hello"}

    def test_keeps_a_refusal_of_the_assistant(self):
        part = {"type": "refusal", "refusal": "I won't."}

        assert messages([{"role": "assistant", "content": [part]}]) == [
            {"role": "assistant", "content": "", "refusal": "I won't."}
        ]

    def test_makes_one_message_of_a_turn_with_reasoning_text_and_calls(self):
        reasoning = {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Sum"}],
            "content": [{"type": "reasoning_text", "text": "Hm"}],
            "signature": "s",
            "encrypted_content": "xyz",
            "format": "openai-responses-v1",
        }
        given = [said("hi", "user"), reasoning, said("Let me see."), CALLED, {**CALLED, "call_id": "call_2"}]
        about = {"id": "rs_1", "format": "openai-responses-v1"}

        assert messages([*given, RETURNED, {**RETURNED, "call_id": "call_2"}])[1:] == [
            {
                "role": "assistant",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "Sum", **about, "index": 0},
                    {"type": "reasoning.text", "text": "Hm", "signature": "s", **about, "index": 1},
                    {"type": "reasoning.encrypted", "data": "xyz", **about, "index": 2},
                ],
                "content": "Let me see.",
                "tool_calls": [
                    {
                        "id": identifier,
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
                    }
                    for identifier in ("call_1", "call_2")
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": "Rain"},
        ]

    def test_puts_no_message_between_a_call_and_its_output(self):
        found = messages([said("hi", "user"), CALLED, said("One moment."), RETURNED])

        assert [message["role"] for message in found] == ["user", "assistant", "tool"]
        assert found[1]["content"] == "One moment."

    def test_keeps_two_turns_of_the_assistant_apart(self):
        assert messages([said("One."), said("Two.")]) == [
            {"role": "assistant", "content": "One."},
            {"role": "assistant", "content": "Two."},
        ]

    def test_may_have_parts_as_the_output_of_a_tool(self):
        output = [
            {"type": "input_text", "text": "Here:"},
            {"type": "input_image", "image_url": "https://a.example/b.png"},
        ]

        found = messages([CALLED, {**RETURNED, "output": output}])[1]

        assert [part["type"] for part in found["content"]] == ["text", "image_url"]
        assert messages([CALLED, {**RETURNED, "output": output[:1]}])[1]["content"] == "Here:"

    def test_has_calls_of_custom_tools(self):
        custom = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "***"}

        assert messages([custom, {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"}]) == [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "patch", "input": "***"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "ok"},
        ]

    def test_takes_back_the_output_of_an_earlier_answer(self):
        details = [
            {"type": "reasoning.encrypted", "data": "xyz", "id": "rs_1", "format": "openai-responses-v1"}
        ]
        calls = [{"id": "call_1", "type": "function", "function": {"name": "a", "arguments": "{}"}}]
        answer = finish({"reasoning_details": details, "content": "Hm.", "tool_calls": calls}, "tool_calls")

        found = messages([said("hi", "user"), *answer["output"], RETURNED])[1]

        assert found["reasoning_details"] == [{**details[0], "index": 0}]
        assert (found["content"], found["tool_calls"]) == ("Hm.", calls)

    @pytest.mark.parametrize(
        ("item", "named"),
        [
            ({"type": "item_reference", "id": "msg_1"}, "input[0]"),
            ({"id": "msg_1"}, "input[0]"),
            ({"type": "web_search_call", "id": "ws_1", "status": "completed"}, "input[0].type"),
            ({"type": ["x"]}, "input[0].type"),
            ({"role": "tool", "content": "x"}, "input[0].role"),
            ({"role": ["user"], "content": "x"}, "input[0].role"),
            ({"role": "user", "content": 7}, "input[0].content"),
            ({"role": "user", "content": ["x"]}, "input[0].content"),
            ({"role": "user", "content": [{"text": "x"}]}, "input[0].content[0].type"),
            ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
            ({"role": "user", "content": [{"type": "computer"}]}, "input[0].content[0].type"),
            ({"role": "user", "content": [{"type": "refusal", "refusal": "x"}]}, "input[0].content[0].type"),
            ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0].image_url"),
            (
                {"role": "user", "content": [{"type": "input_image", "file_id": "f"}]},
                "input[0].content[0].file_id",
            ),
            (
                {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]},
                "input[0].content[0].file_id",
            ),
            (
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
                "input[0].content[0].input_audio.data",
            ),
            ({**CALLED, "arguments": {}}, "input[0].arguments"),
            ({**CALLED, "name": None}, "input[0].name"),
            ({**CALLED, "call_id": None}, "input[0].call_id"),
            ({**RETURNED, "call_id": 7}, "input[0].call_id"),
            ({**RETURNED, "output": None}, "input[0].output"),
            ({**RETURNED, "output": {}}, "input[0].output"),
            ({"type": "reasoning", "summary": "x"}, "input[0].summary"),
            ({"type": "reasoning", "summary": [{"text": 7}]}, "input[0].summary[0].text"),
            ({"type": "reasoning", "summary": [], "encrypted_content": 7}, "input[0].encrypted_content"),
        ],
    )
    def test_is_refused_where_it_cannot_be_passed_on(self, item, named):
        assert refused(input=[item]) == (named, "invalid_request")

    @pytest.mark.parametrize("given", [None, [], {}, 7, ["hi"]])
    def test_has_to_be_something(self, given):
        assert refused(input=given) == ("input", "invalid_request")


class TestTools:
    def test_are_spelled_as_in_a_chat_request(self):
        assert read(tools=[WEATHER, PATCH]).body["tools"] == [
            {
                "type": "function",
                "function": {"name": "weather", "description": "d", "parameters": SCHEMA, "strict": True},
            },
            {
                "type": "custom",
                "custom": {
                    "name": "patch",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}},
                },
            },
        ]

    @pytest.mark.parametrize(
        ("choice", "ours"),
        [
            ("auto", "auto"),
            ("none", "none"),
            ("required", "required"),
            ({"type": "function", "name": "weather"}, {"type": "function", "function": {"name": "weather"}}),
            ({"type": "custom", "name": "patch"}, {"type": "custom", "custom": {"name": "patch"}}),
        ],
    )
    def test_may_be_chosen_among(self, choice, ours):
        assert read(tools=[WEATHER, PATCH], tool_choice=choice).body["tool_choice"] == ours

    def test_that_are_not_allowed_are_not_offered(self):
        allowed = {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "custom", "name": "patch"}],
        }

        body = read(tools=[WEATHER, PATCH], tool_choice=allowed).body

        assert [tool["type"] for tool in body["tools"]] == ["custom"]
        assert body["tool_choice"] == "required"

    def test_make_no_choice_where_there_are_none(self):
        assert "tool_choice" not in read(tools=[], tool_choice="auto").body

    @pytest.mark.parametrize(
        "kind",
        [
            *("web_search", "web_search_preview", "file_search", "computer_use_preview", "code_interpreter"),
            *("mcp", "image_generation", "local_shell", "shell", "apply_patch", "namespace"),
            *("openrouter:web_search", "headgate:datetime", "x" * 10_000),
        ],
    )
    def test_that_a_server_would_execute_are_refused_by_name(self, kind):
        with pytest.raises(RefusedError) as caught:
            read(tools=[WEATHER, {"type": kind}])

        refusal = caught.value.refusal
        assert (refusal.status, refusal.rule) == (400, "unsupported_server_tool")
        assert refusal.metadata == {"parameter": "tools[1].type", "code": "unsupported_server_tool"}
        assert kind[:100] in refusal.message
        assert len(refusal.message) < 300

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"tools": {}}, "tools"),
            ({"tools": [{}]}, "tools[0].type"),
            ({"tools": [{"type": "function"}]}, "tools[0].name"),
            ({"tools": [{**WEATHER, "parameters": "x"}]}, "tools[0].parameters"),
            ({"tools": [{**PATCH, "format": {"type": "x"}}]}, "tools[0].format.type"),
            ({"tools": [{**PATCH, "format": {}}]}, "tools[0].format.type"),
            ({"tools": [{**PATCH, "format": {"type": "grammar"}}]}, "tools[0].format.definition"),
            (
                {"tools": [{**PATCH, "format": {"type": "grammar", "definition": "", "syntax": "x"}}]},
                "tools[0].format.syntax",
            ),
            ({"tool_choice": "any"}, "tool_choice"),
            ({"tool_choice": 7}, "tool_choice"),
            ({"tool_choice": {"type": "function"}}, "tool_choice.name"),
            ({"tool_choice": {"type": "allowed_tools", "mode": "x", "tools": []}}, "tool_choice.mode"),
            ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "tool_choice.tools"),
        ],
    )
    def test_that_make_no_sense_are_refused(self, body, named):
        assert refused(**body)[0] == named


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
            max_tool_calls=3,
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

        assert call.detail["dropped"] == ["truncation", "include"]
        assert call.parameters == {"truncation", "include"}
        assert "dropped" not in read().detail

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


class TestBrokenBodies:
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"[]",
            b"{",
            b"\xff",
            b'{"model":"a/b","input":"\\ud800"}',
            b'{"input":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        ],
    )
    def test_are_refused(self, data):
        with pytest.raises(RefusedError) as caught:
            read(data)

        assert caught.value.refusal.status == 400

    @pytest.mark.parametrize("depth", range(50, 1_000, 50))
    def test_that_are_nested_deeply_are_refused_or_answered(self, depth):
        nested = b'{"a":' * depth + b"1" + b"}" * depth
        tool = b'{"type":"function","name":"f","parameters":%b}' % nested
        form = b'{"format":{"type":"json_schema","name":"x","schema":%b}}' % nested
        data = b'{"model":"a/b","input":"hi","tools":[%b],"text":%b}' % (tool, form)

        with suppress(RefusedError):
            call = read(data)

            assert stream(text_stream("Hi"), call=call)[-1]["response"]["tools"]

    def test_may_hold_nul(self):
        assert messages("a\u0000b")[0]["content"] == "a\u0000b"


EVERYTHING = {
    "model": "a/b",
    "models": ["c/d"],
    "input": [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "hi", "cache_control": {"type": "ephemeral"}},
                {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "t"}],
            "encrypted_content": "x",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "y"}, {"type": "refusal", "refusal": "n"}],
        },
        CALLED,
        RETURNED,
    ],
    "instructions": "Be brief.",
    "tools": [WEATHER, PATCH],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "weather"}],
    },
    "text": {
        "format": {"type": "json_schema", "name": "p", "schema": SCHEMA, "strict": True},
        "verbosity": "low",
    },
    "reasoning": {"effort": "high", "summary": "auto", "max_tokens": 5, "enabled": True},
    "metadata": {"a": "b"},
    "include": ["reasoning.encrypted_content"],
    "max_output_tokens": 9,
    "max_tool_calls": 3,
    "temperature": 0.5,
    "top_p": 0.5,
    "top_logprobs": 2,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "parallel_tool_calls": True,
    "service_tier": "auto",
    "truncation": "disabled",
    "store": False,
    "background": False,
    "user": "u",
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "modalities": ["text"],
    "provider": {"order": ["openai"]},
    "session_id": "s",
}
JUNK = [None, 7, -1.5, True, "", "x", "\u0000" * 70_000, [], [None], [["x"]], {}, {"type": {}}, {"a": [1]}]


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """The path to everything in a JSON value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def with_junk(path: tuple, junk: object) -> dict:
    body = deepcopy(EVERYTHING)
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = junk
    return body


class TestJunkAnywhere:
    @pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
    def test_is_refused_by_name_or_answered_so_that_clients_understand(self, junk):
        for path in places(EVERYTHING):
            try:
                call = read(with_junk(path, junk))
            except RefusedError as error:
                refusal = error.refusal
                if (refusal.status, "parameter" in refusal.metadata) != (400, True):
                    pytest.fail(f"{path}: {refusal}")
                continue
            finish({"content": "Hi"}, call=call)
