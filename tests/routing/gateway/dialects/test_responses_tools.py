"""The tools of a Responses request in the words of a chat request."""

from __future__ import annotations

import pytest

from routing.gateway.client import RefusedError
from tests.routing.gateway.dialects.responses_oracles import PATCH, SCHEMA, WEATHER, read, refused


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
            *("file_search", "computer_use_preview", "code_interpreter"),
            *("mcp", "image_generation", "local_shell", "shell", "apply_patch", "namespace"),
            "x" * 10_000,
        ],
    )
    def test_that_a_server_would_execute_are_refused_by_name(self, kind):
        with pytest.raises(RefusedError) as caught:
            read(tools=[WEATHER, {"type": kind}])

        refusal = caught.value.refusal
        assert (refusal.status, refusal.rule) == (400, "unsupported_server_tool")
        assert refusal.metadata == {
            "parameter": "tools",
            "code": "unsupported_server_tool",
            "tool": kind[:100],
        }
        assert "tools[1]" in refusal.message
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
            ({"tool_choice": {"type": "file_search"}}, "tool_choice"),
            ({"tool_choice": {"type": "allowed_tools", "mode": "x", "tools": []}}, "tool_choice.mode"),
            ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "tool_choice.tools"),
        ],
    )
    def test_that_make_no_sense_are_refused(self, body, named):
        assert refused(**body)[0] == named
