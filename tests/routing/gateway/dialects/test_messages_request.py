"""What a Messages request becomes in Chat Completions' words, and which requests make no sense."""

from __future__ import annotations

import json

import pytest

from routing.gateway.client import RefusedError
from routing.gateway.dialects import DIALECTS
from tests.routing.gateway.dialects.messages import asked, conversation, read

PIXEL = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
EPHEMERAL = {"type": "ephemeral"}
TOOL = {"name": "weather", "description": "Of a city.", "input_schema": {"type": "object"}}


def user(*blocks: object):
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: object):
    return {"role": "assistant", "content": list(blocks)}


def text(words: str, **more: object):
    return {"type": "text", "text": words, **more}


class TestTheSystemPrompt:
    @pytest.mark.parametrize("system", ["Be brief.", [text("Be brief.")]], ids=["text", "block"])
    def test_is_the_first_message(self, system):
        assert read(system=system).body["messages"][0] == {"role": "system", "content": "Be brief."}

    def test_keeps_its_blocks_and_their_cache_markers(self):
        system = [text("Be brief."), text("Be kind.", cache_control=EPHEMERAL)]

        assert read(system=system).body["messages"][0]["content"] == system

    def test_may_be_absent(self):
        assert read(system="").body["messages"] == [{"role": "user", "content": "hi"}]


class TestAUsersBlocks:
    def test_of_one_text_are_a_plain_content(self):
        assert conversation(user(text("hi"))) == [{"role": "user", "content": "hi"}]

    @pytest.mark.parametrize(
        ("source", "url"),
        [
            (PIXEL, "data:image/png;base64,AAAA"),
            ({"type": "url", "url": "https://x.test/a.png"}, "https://x.test/a.png"),
        ],
        ids=["data", "address"],
    )
    def test_that_are_pictures_are_image_parts(self, source, url):
        [message] = conversation(user({"type": "image", "source": source}, text("What is it?")))

        assert message["content"] == [
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": "What is it?"},
        ]

    def test_that_are_pdfs_are_file_parts(self):
        source = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}

        [message] = conversation(user({"type": "document", "source": source, "title": "a.pdf"}))

        file = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}
        assert message["content"] == [{"type": "file", "file": file}]

    @pytest.mark.parametrize(
        ("block", "words"),
        [
            ({"type": "document", "title": "T", "source": {"type": "text", "data": "D"}}, "T\n\nD"),
            ({"type": "document", "source": {"type": "content", "content": [text("D")]}}, "D"),
            ({"type": "document", "source": {"type": "content", "content": "D"}}, "D"),
            ({"type": "search_result", "title": "T", "source": "S", "content": [text("C")]}, "T\nS\nC"),
        ],
        ids=["text", "blocks", "content", "a search result"],
    )
    def test_that_are_documents_of_text_are_text(self, block, words):
        assert conversation(user(block)) == [{"role": "user", "content": words}]

    def test_keep_their_cache_markers(self):
        [message] = conversation(user(text("hi", cache_control=EPHEMERAL)))

        assert message["content"] == [{"type": "text", "text": "hi", "cache_control": EPHEMERAL}]


class TestAToolResult:
    def result(self, content: object, **more: object):
        return {"type": "tool_result", "tool_use_id": "toolu_1", "content": content, **more}

    @pytest.mark.parametrize("content", ["sunny", [text("sunny")]], ids=["text", "blocks"])
    def test_is_a_message_of_its_own_before_everything_else(self, content):
        messages = conversation(user(text("and now?"), self.result(content)))

        assert messages == [
            {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"},
            {"role": "user", "content": "and now?"},
        ]

    def test_that_is_an_error_says_so(self):
        [message] = conversation(user(self.result("no such city", is_error=True)))

        assert message["content"] == "Error: no such city"

    @pytest.mark.parametrize("nothing", [None, "", []])
    def test_may_be_empty(self, nothing):
        [message] = conversation(user(self.result(nothing)))

        assert message["content"] == ""

    def test_leaves_its_pictures_to_the_users_message(self):
        messages = conversation(user(self.result([{"type": "image", "source": PIXEL}]), text("Look.")))

        assert messages[0]["role"] == "tool"
        assert "attached" in messages[0]["content"]
        assert [part["type"] for part in messages[1]["content"]] == ["image_url", "text"]

    def test_keeps_its_cache_marker(self):
        [message] = conversation(user(self.result("sunny", cache_control=EPHEMERAL)))

        assert message["content"] == [{"type": "text", "text": "sunny", "cache_control": EPHEMERAL}]


class TestWhatTheModelSaid:
    def test_is_text_and_calls(self):
        call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}}

        [message] = conversation(assistant(text("Let me "), text("see."), call))

        assert message["content"] == "Let me see."
        [made] = message["tool_calls"]
        assert (made["id"], made["type"], made["function"]["name"]) == ("toolu_1", "function", "weather")
        assert json.loads(made["function"]["arguments"]) == {"city": "Rome"}

    def test_is_no_content_where_it_was_only_a_call(self):
        [message] = conversation(assistant({"type": "tool_use", "id": "1", "name": "now", "input": {}}))

        assert message["content"] is None

    def test_keeps_its_signed_thoughts(self):
        [message] = conversation(
            assistant(
                {"type": "thinking", "thinking": "Hm.", "signature": "signed"},
                {"type": "redacted_thinking", "data": "sealed"},
                text("Yes."),
            )
        )

        assert message["reasoning_details"] == [
            {
                "type": "reasoning.text",
                "text": "Hm.",
                "format": "anthropic-claude-v1",
                "index": 0,
                "signature": "signed",
            },
            {"type": "reasoning.encrypted", "data": "sealed", "format": "anthropic-claude-v1", "index": 1},
        ]


class TestParameters:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"stop_sequences": ["END"]}, {"stop": ["END"]}),
            ({"metadata": {"user_id": "u"}}, {"user": "u"}),
            ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, {"reasoning": {"max_tokens": 2000}}),
            ({"thinking": {"type": "disabled"}}, {"reasoning": {"enabled": False}}),
            ({"thinking": {"type": "adaptive"}}, {"reasoning": {"enabled": True}}),
            ({"tool_choice": {"type": "any"}}, {"tool_choice": "required"}),
            ({"tool_choice": {"type": "none"}}, {"tool_choice": "none"}),
            (
                {"tool_choice": {"type": "tool", "name": "weather"}},
                {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
            ),
            (
                {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
                {"tool_choice": "auto", "parallel_tool_calls": False},
            ),
            ({"output_config": {"effort": "low"}}, {"verbosity": "low"}),
            ({"service_tier": "standard_only"}, {"service_tier": "default"}),
            ({"service_tier": "auto"}, {"service_tier": "auto"}),
            ({"temperature": 0.5, "top_p": 0.9, "top_k": 4}, {"temperature": 0.5, "top_p": 0.9, "top_k": 4}),
            ({"fallbacks": [{"model": "b/two"}]}, {"models": ["b/two"]}),
        ],
        ids=lambda value: str(value)[:50],
    )
    def test_have_chat_completions_names(self, given, expected):
        body = read(**given).body

        assert {name: body[name] for name in expected} == expected

    def test_that_are_tools_are_functions(self):
        [tool] = read(tools=[{**TOOL, "cache_control": EPHEMERAL}]).body["tools"]

        function = {"name": "weather", "description": "Of a city.", "parameters": {"type": "object"}}
        assert tool == {"type": "function", "function": function, "cache_control": EPHEMERAL}

    def test_that_name_a_schema_ask_for_json(self):
        schema = {"type": "object", "properties": {}}

        form = read(output_config={"format": {"type": "json_schema", "schema": schema}}).body[
            "response_format"
        ]

        assert (form["type"], form["json_schema"]["schema"]) == ("json_schema", schema)

    def test_say_which_models_are_tried(self):
        assert read(models=["b/two", "c/three"]).models == ("acme/one", "b/two", "c/three")
        assert read(fallbacks=[{"model": "c/three"}]).models == ("acme/one", "c/three")

    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ({"context_management": {"edits": []}}, "context_management"),
            ({"speed": "fast"}, "speed"),
            ({"output_config": {"task_budget": {"type": "tokens", "total": 20_000}}}, "task_budget"),
            (
                {
                    "messages": [
                        user(
                            {
                                "type": "document",
                                "source": {"type": "text", "data": "D"},
                                "citations": {"enabled": True},
                            }
                        )
                    ]
                },
                "citations",
            ),
        ],
        ids=["context management", "speed", "a task's budget", "citations"],
    )
    def test_that_chat_completions_cannot_say_are_named_as_dropped(self, given, name):
        call = read(**given)

        assert name in call.parameters
        assert call.dropped == (name,)
        assert name not in call.body

    def test_count_the_tokens_of_media_and_not_of_their_data(self):
        large = {"type": "base64", "media_type": "image/png", "data": "A" * 400_000}

        call = read(messages=[user({"type": "image", "source": large})])

        assert call.image_count == 1
        assert call.prompt_tokens < 3_000


class TestARequestThatMakesNoSense:
    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ({"messages": None}, "messages"),
            ({"messages": ["hi"]}, "messages"),
            ({"messages": [{"role": "user"}]}, "messages.0.content"),
            ({"messages": [{"role": "tool", "content": "hi"}]}, "messages.0.role"),
            ({"messages": [user("hi")]}, "messages.0.content"),
            ({"messages": [user({"type": "video"})]}, "messages.0.content.0"),
            ({"messages": [user({"type": 7})]}, "messages.0.content.0"),
            ({"messages": [user({"type": "text", "text": 7})]}, "messages.0.content.0.text"),
            (
                {"messages": [user({"type": "image", "source": {"type": "file"}})]},
                "messages.0.content.0.source",
            ),
            ({"messages": [user({"type": "tool_result"})]}, "messages.0.content.0.tool_use_id"),
            ({"messages": [assistant({"type": "tool_use", "name": "x"})]}, "messages.0.content.0.id"),
            (
                {"messages": [assistant({"type": "tool_use", "id": "1", "name": "x", "input": [1]})]},
                "messages.0.content.0.input",
            ),
            (
                {"messages": [assistant({"type": "thinking", "signature": "headgate.reasoning:%%"})]},
                "messages.0.content.0",
            ),
            ({"system": 7}, "system"),
            ({"system": [7]}, "system"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"stop_sequences": "END"}, "stop_sequences"),
            ({"tools": [{}]}, "tools"),
            ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
            ({"thinking": {"type": "enabled", "budget_tokens": "many"}}, "thinking.budget_tokens"),
            ({"metadata": {"user_id": 7}}, "metadata.user_id"),
            ({"output_config": {"effort": 7}}, "output_config.effort"),
            ({"fallbacks": [{"model": "b/2"}] * 4}, "fallbacks"),
            ({"fallbacks": [{"model": "b/2", "max_tokens": 9}]}, "fallbacks"),
            ({"fallbacks": [{}]}, "fallbacks"),
            ({"fallbacks": [{"model": "b/2"}], "models": ["c/3"]}, "fallbacks"),
            ({"n": 2}, "n"),
            ({"service_tier": 1}, "service_tier"),
        ],
        ids=lambda value: str(value)[:60],
    )
    def test_is_refused_and_names_the_parameter(self, given, name):
        with pytest.raises(RefusedError) as caught:
            read(**given)

        refusal = caught.value.refusal
        assert (refusal.status, refusal.metadata["parameter"]) == (400, name)

    @pytest.mark.parametrize("depth", [300, 900, 10_000])
    def test_by_its_depth_is_refused_at_worst(self, depth):
        call = {"type": "tool_use", "id": "1", "name": "x", "input": "@"}
        nested = '{"a":' * depth + "1" + "}" * depth
        data = json.dumps(asked(messages=[assistant(call)])).replace('"@"', nested).encode()

        assert status_of(data) in (None, 400)


def status_of(data: bytes) -> int | None:
    try:
        DIALECTS["messages"].read_call(data, {})
    except RefusedError as error:
        return error.refusal.status
    return None
