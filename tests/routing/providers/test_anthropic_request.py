"""What a Chat Completions request becomes for Anthropic, and what is said to be lost on the way."""

from __future__ import annotations

import json
from contextlib import suppress

import msgspec
import pytest

from routing.call import Attribution
from routing.providers.anthropic_request import translate
from routing.providers.wire_format import Unsupported
from tests.routing.make import make_call, make_endpoint
from tests.routing.providers.anthropic_events import WIRE, check_request

OLD, NEW = "claude-sonnet-4-5", "claude-opus-5-5"
HELLO = [{"role": "user", "content": "Hello"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks up",
        "parameters": {"type": "object", "properties": {}},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"a":1}'}}
MARK = {"type": "ephemeral"}


def said(body=None, model=OLD, messages=HELLO, most=None, **fields):
    """The request for a body, and what it drops."""
    body = {"model": "a/b", "messages": messages, **fields} if body is None else body
    endpoint = make_endpoint(upstream_model=model, max_completion_tokens=most)
    call = make_call("a/b", body=body, max_tokens=body.get("max_tokens"))
    request = WIRE.build_request(call, endpoint, generation_id="gen-1")
    return check_request(json.loads(request.body)), request.dropped


def turns(*messages, **more):
    return said(messages=list(messages), **more)[0]["messages"]


def refused(**fields) -> str:
    with pytest.raises(Unsupported) as caught:
        said(**fields)
    return caught.value.parameter


def user(*parts, **more):
    return {"role": "user", "content": list(parts), **more}


def words(text, **more):
    return {"type": "text", "text": text, **more}


class TestTheRequest:
    def test_goes_to_the_providers_address_with_its_key_and_the_apis_version(self):
        request = WIRE.build_request(make_call("a/b"), make_endpoint(), generation_id="gen-1")

        assert (request.method, request.url) == ("POST", "http://simulator.test/v1/messages")
        assert request.headers["x-api-key"] == "secret-simulator"
        assert request.headers["anthropic-version"] == "2023-06-01"
        assert "authorization" not in request.headers
        assert "secret" not in repr(request)

    def test_is_streamed_as_the_call_is(self):
        call = make_call("a/b", is_streamed=True)

        request = WIRE.build_request(call, make_endpoint(), generation_id="gen-1")

        assert json.loads(request.body)["stream"] is True
        assert request.headers["accept"] == "text/event-stream"

    def test_reads_fields_that_were_kept_as_text(self):
        body = {"messages": msgspec.Raw(json.dumps(HELLO).encode())}

        assert said(body)[0]["messages"] == [{"role": "user", "content": [words("Hello")]}]

    def test_leaves_the_callers_body_as_it_was(self):
        messages = [
            {"role": "assistant", "content": "Hi ", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": [words("x", cache_control=MARK)]},
            user(words("a", cache_control=MARK)),
        ]
        body = {"messages": messages, "tools": [TOOL]}
        before = json.dumps(body)

        said(body)

        assert json.dumps(body) == before

    def test_may_be_nested_as_deep_as_can_be(self):
        for depth in range(900, 1010):
            nested = json.loads('{"a":' * depth + "1" + "}" * depth) if depth < 950 else None
            call = {**CALL, "function": {"name": "f", "arguments": '{"a":' * depth + "1" + "}" * depth}}
            tool = {"type": "function", "function": {"name": "f", "parameters": nested, "strict": True}}
            body = {"messages": [*HELLO, {"role": "assistant", "tool_calls": [call]}], "tools": [tool]}

            with suppress(Unsupported):
                WIRE.build_request(make_call("a/b", body=body), make_endpoint(), generation_id="gen-1")

    def test_without_a_conversation_is_refused(self):
        assert refused(body={"prompt": "Hello"}) == "messages"


class TestMaxTokens:
    @pytest.mark.parametrize(
        ("asked", "most", "model", "sent"),
        [
            (500, None, OLD, 500),
            (500, 400, OLD, 400),
            (None, 10_000, OLD, 10_000),
            (None, None, OLD, 64_000),
            (None, None, "claude-opus-4-0", 32_000),
            (None, None, "claude-3-haiku", 4_096),
            (None, None, "claude-3-5-haiku-latest", 8_192),
        ],
    )
    def test_are_the_callers_within_the_endpoints_else_the_most_there_is(self, asked, most, model, sent):
        assert said(max_tokens=asked, most=most, model=model)[0]["max_tokens"] == sent


class TestTheConversation:
    def test_has_the_systems_texts_apart(self):
        request, _ = said(
            messages=[
                {"role": "system", "content": "Be kind."},
                *HELLO,
                {"role": "developer", "content": [words("Be brief.", cache_control=MARK)]},
            ]
        )

        assert request["system"] == [words("Be kind."), words("Be brief.", cache_control=MARK)]
        assert [turn["role"] for turn in request["messages"]] == ["user"]

    def test_of_the_system_alone_is_what_the_user_says(self):
        assert turns({"role": "system", "content": "Go"}) == [{"role": "user", "content": [words("Go")]}]

    def test_makes_one_turn_of_what_the_same_one_says(self):
        found = turns(
            *HELLO, *HELLO, {"role": "assistant", "content": "A"}, {"role": "assistant", "content": "B"}
        )

        assert [(turn["role"], len(turn["content"])) for turn in found] == [("user", 2), ("assistant", 2)]

    def test_leaves_out_what_is_empty(self):
        found = turns({"role": "user", "content": ""}, user(words(" \n"), words("x")), {"role": "assistant"})

        assert found == [{"role": "user", "content": [words("x")]}]

    def test_of_nothing_is_refused(self):
        assert refused(messages=[{"role": "user", "content": " "}]) == "messages"

    def test_begins_with_the_user(self):
        assert [turn["role"] for turn in turns({"role": "assistant", "content": "Hi"}, *HELLO)] == [
            "user",
            "assistant",
            "user",
        ]

    def test_ends_without_blanks_where_the_assistant_shall_go_on(self):
        assert turns(*HELLO, {"role": "assistant", "content": "It is \n"})[-1]["content"] == [words("It is")]

    def test_keeps_calls_and_puts_their_results_first_in_the_users_turn(self):
        found = turns(
            *HELLO,
            {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, {**CALL, "id": "b:2"}]},
            {"role": "user", "content": "Hurry"},
            {"role": "tool", "tool_call_id": "call_1", "content": "42"},
            {"role": "tool", "tool_call_id": "b:2", "content": ""},
            tools=[TOOL],
        )

        assert [one["type"] for one in found[1]["content"]] == ["text", "tool_use", "tool_use"]
        assert found[1]["content"][1] == {
            "type": "tool_use",
            "id": "call_1",
            "name": "look_up",
            "input": {"a": 1},
        }
        assert found[2]["content"] == [
            {"type": "tool_result", "tool_use_id": "call_1", "content": [words("42")]},
            {"type": "tool_result", "tool_use_id": "b_2"},
            words("Hurry"),
        ]

    @pytest.mark.parametrize(
        ("arguments", "sent"),
        [("", {}), (None, {}), ("[1]", {"arguments": "[1]"}), ("{", {"arguments": "{"})],
    )
    def test_keeps_arguments_that_are_no_object(self, arguments, sent):
        call = {**CALL, "function": {"name": "f", "arguments": arguments}}

        assert turns(*HELLO, {"role": "assistant", "tool_calls": [call]})[1]["content"][0]["input"] == sent

    def test_moves_a_cache_marker_within_a_result_to_the_result(self):
        found = turns(
            *HELLO,
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": [words("x", cache_control=MARK)]},
        )

        assert found[-1]["content"][0] == {
            "type": "tool_result",
            "tool_use_id": "call_1",
            "content": [words("x")],
            "cache_control": MARK,
        }

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "function", "name": "f", "content": "x"},
            {"role": "tool", "content": "x"},
            {"role": "assistant", "tool_calls": [{"id": "a"}]},
            {"role": "assistant", "tool_calls": ["a"]},
            {
                "role": "assistant",
                "content": [{"type": "image_url", "image_url": {"url": "https://a.test/a"}}],
            },
        ],
    )
    def test_that_makes_no_sense_is_refused(self, message):
        assert refused(messages=[*HELLO, message]) == "messages"


class TestParts:
    @pytest.mark.parametrize(
        ("part", "block"),
        [
            (
                words("Hi", cache_control={**MARK, "ttl": "1h"}),
                words("Hi", cache_control={**MARK, "ttl": "1h"}),
            ),
            (words("Hi", prompt_cache_breakpoint={"mode": "explicit"}), words("Hi", cache_control=MARK)),
            (
                {"type": "image_url", "image_url": {"url": "https://a.test/a.png", "detail": "low"}},
                {"type": "image", "source": {"type": "url", "url": "https://a.test/a.png"}},
            ),
            (
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/jpg;base64,AAAA"},
                    "cache_control": MARK,
                },
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
                    "cache_control": MARK,
                },
            ),
            (
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                },
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                    "title": "a.pdf",
                },
            ),
            (
                {"type": "file", "file": {"file_data": "https://a.test/a.pdf"}},
                {"type": "document", "source": {"type": "url", "url": "https://a.test/a.pdf"}},
            ),
            (
                {"type": "file", "file": {"file_data": "data:text/csv;base64,YSxi"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a,b"}},
            ),
            (
                {"type": "file", "file": {"file_data": "data:image/png;base64,AAAA"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            ),
        ],
    )
    def test_become_blocks(self, part, block):
        assert turns(user(part))[0]["content"] == [block]

    @pytest.mark.parametrize(
        "part",
        [
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "video_url", "video_url": {"url": "https://a.test/a.mp4"}},
            {"type": "image_url", "image_url": {"url": "http://a.test/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}},
            {"type": "image_url", "image_url": {}},
            {"type": "image_url"},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}},
            {"type": "file", "file": {"file_data": "data:text/plain;base64,gA=="}},
            {"type": "text", "text": 7},
            {"type": ["text"]},
            {},
        ],
    )
    def test_that_cannot_be_said_are_refused(self, part):
        assert refused(messages=[user(part, words("x"))]) == "messages"


class TestTools:
    def test_keep_their_names_descriptions_and_schemas(self):
        bare = {"type": "function", "function": {"name": "bare"}, "cache_control": MARK}

        request, dropped = said(tools=[TOOL, bare, {"type": "web_search"}])

        assert request["tools"] == [
            {
                "name": "look_up",
                "description": "Looks up",
                "input_schema": {"type": "object", "properties": {}},
            },
            {"name": "bare", "input_schema": {"type": "object", "properties": {}}, "cache_control": MARK},
        ]
        assert dropped == ("tools",)

    def test_are_strict_where_the_model_can_be_held_to_it(self):
        function = {"name": "f", "strict": True, "parameters": {"type": "object", "properties": {}}}

        tool = said(tools=[{"type": "function", "function": function}])[0]["tools"][0]

        assert (tool["strict"], tool["input_schema"]["additionalProperties"]) == (True, False)

    @pytest.mark.parametrize(
        ("choice", "sent"),
        [
            ("auto", {"type": "auto"}),
            ("none", {"type": "none"}),
            ("required", {"type": "any"}),
            ({"type": "function", "function": {"name": "look_up"}}, {"type": "tool", "name": "look_up"}),
            (None, None),
        ],
    )
    def test_are_chosen_as_the_caller_says(self, choice, sent):
        assert said(tools=[TOOL], tool_choice=choice)[0].get("tool_choice") == sent

    @pytest.mark.parametrize(
        ("choice", "sent"),
        [
            (None, {"type": "auto", "disable_parallel_tool_use": True}),
            ("required", {"type": "any", "disable_parallel_tool_use": True}),
            ("none", {"type": "none"}),
        ],
    )
    def test_are_called_one_at_a_time_if_he_says_so(self, choice, sent):
        assert said(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)[0]["tool_choice"] == sent

    def test_cannot_be_forced_on_the_newest_models(self):
        request, dropped = said(tools=[TOOL], tool_choice="required", model=NEW)

        assert (request["tool_choice"], dropped) == ({"type": "auto"}, ("tool_choice",))

    def test_that_were_called_are_declared_even_where_none_shall_be_called_any_more(self):
        request, _ = said(
            messages=[
                *HELLO,
                {"role": "assistant", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "42"},
            ]
        )

        assert [tool["name"] for tool in request["tools"]] == ["look_up"]
        assert request["tool_choice"] == {"type": "none"}

    def test_without_a_name_are_refused(self):
        assert refused(tools=[{"type": "function", "function": {}}]) == "tools"


SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0, "description": "Years"}, "tags": {"oneOf": [{}]}},
}


class TestTheFormatOfTheAnswer:
    FORMAT = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA, "strict": True}}

    def test_is_a_schema_with_closed_objects_and_its_limits_in_words(self):
        request, dropped = said(response_format=self.FORMAT)

        assert request["output_config"]["format"] == {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {
                    "age": {"type": "integer", "description": "Years\n\n(minimum: 0)"},
                    "tags": {"anyOf": [{}]},
                },
                "additionalProperties": False,
            },
        }
        assert dropped == ()

    def test_is_a_tool_that_has_to_be_called_on_older_models(self):
        request, dropped = said(response_format=self.FORMAT, model="claude-3-5-sonnet-20241022")

        assert request["tools"][0]["input_schema"] == SCHEMA
        assert request["tool_choice"] == {"type": "tool", "name": request["tools"][0]["name"]}
        assert dropped == ()

    def test_is_one_of_the_tools_that_may_be_called_on_older_models(self):
        request, _ = said(response_format=self.FORMAT, tools=[TOOL], model="claude-3-5-sonnet-20241022")

        assert (len(request["tools"]), request["tool_choice"]) == (2, {"type": "any"})

    def test_is_only_asked_for_where_there_is_no_schema(self):
        request, dropped = said(response_format={"type": "json_object"})

        assert "JSON" in request["system"][0]["text"]
        assert dropped == ("response_format",)

    @pytest.mark.parametrize(("given", "dropped"), [("text", ()), ("grammar", ("response_format",))])
    def test_is_text_else(self, given, dropped):
        request, found = said(response_format={"type": given})

        assert (request.keys() & {"system", "output_config", "tools"}, found) == (set(), dropped)

    def test_without_its_schema_is_refused(self):
        assert refused(response_format={"type": "json_schema"}) == "response_format"


class TestSampling:
    @pytest.mark.parametrize(
        ("fields", "sent", "dropped"),
        [
            ({"temperature": 0.5}, {"temperature": 0.5}, ()),
            ({"temperature": 1.7}, {"temperature": 1}, ()),
            ({"temperature": -1}, {"temperature": 0}, ()),
            ({"temperature": 1, "top_p": 1, "top_k": 0}, {}, ()),
            ({"top_p": 0.9, "top_k": 40}, {"top_p": 0.9, "top_k": 40}, ()),
            ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, ("top_p",)),
            ({"top_k": 1e300}, {"top_k": 1_000_000}, ()),
        ],
    )
    def test_keeps_within_what_the_api_takes(self, fields, sent, dropped):
        request, found = said(**fields)

        assert (
            {name: request[name] for name in request.keys() & {"temperature", "top_p", "top_k"}},
            found,
        ) == (
            sent,
            dropped,
        )

    def test_is_none_on_models_that_have_none(self):
        request, dropped = said(temperature=0, top_p=0.5, top_k=3, model=NEW)

        assert request.keys() & {"temperature", "top_p", "top_k"} == set()
        assert dropped == ("temperature", "top_k", "top_p")

    def test_may_have_both_where_the_model_is_not_claude(self):
        assert said(temperature=0.5, top_p=0.9, model="kimi-k2")[1] == ()

    def test_yields_to_thinking(self):
        request, dropped = said(temperature=0.5, top_k=3, top_p=0.5, reasoning={"effort": "low"})

        assert request["thinking"]["type"] == "enabled"
        assert dropped == ("temperature", "top_k", "top_p")


class TestWhatCannotBeSaid:
    def test_is_named(self):
        fields = {
            "frequency_penalty": 1,
            "logit_bias": {"1": 1},
            "logprobs": True,
            "n": 2,
            "presence_penalty": 0.5,
            "seed": 7,
            "service_tier": "flex",
            "something_new": 1,
        }

        request, dropped = said(**fields)

        assert dropped == tuple(sorted(fields))
        assert request.keys() == {"model", "max_tokens", "messages"}

    def test_is_not_what_happens_anyway_or_is_meant_for_us(self):
        nothing = {"n": 1, "frequency_penalty": 0, "repetition_penalty": 1.0, "logprobs": False, "seed": None}
        ours = {"provider": {"sort": "price"}, "models": ["c/d"], "session_id": "s", "trace": {}, "debug": {}}

        assert said(**nothing, **ours)[1] == ()


class TestTheRest:
    @pytest.mark.parametrize(
        ("stop", "sent", "dropped"),
        [("a", ["a"], ()), (["a", "b"], ["a", "b"], ()), (["\n", "a"], ["a"], ("stop",)), ([], None, ())],
    )
    def test_stops_where_the_caller_says(self, stop, sent, dropped):
        request, found = said(stop=stop)

        assert (request.get("stop_sequences"), found) == (sent, dropped)

    @pytest.mark.parametrize(
        ("tier", "sent"), [("auto", "auto"), ("priority", "auto"), ("default", "standard_only")]
    )
    def test_says_the_service_tier_in_anthropics_words(self, tier, sent):
        assert said(service_tier=tier)[0]["service_tier"] == sent

    def test_marks_the_whole_prompt_for_the_cache(self):
        assert said(cache_control={"type": "ephemeral", "ttl": "1h", "x": 1})[0]["cache_control"] == {
            "type": "ephemeral",
            "ttl": "1h",
        }

    def test_names_the_user_only_by_a_pseudonym(self):
        def named(user):
            call = make_call("a/b", attribution=Attribution(user=user))
            return translate(call, make_endpoint()).body["metadata"]["user_id"]

        assert named("jane@example.com") == named("jane@example.com") != named("john@example.com")
        assert "jane" not in named("jane@example.com")

    def test_carries_lone_surrogates_as_escapes(self):
        assert turns({"role": "user", "content": "\ud83d"})[0]["content"][0]["text"] == "\ud83d"
