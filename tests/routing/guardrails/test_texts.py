"""Every text of a request is found, and can be replaced without touching anything else."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.guardrails import texts as module
from routing.guardrails.texts import INSIDE, Place, TooManyTexts, replace, texts_of


def kinds(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(text.kind, text.text) for text in texts_of(body)]


def places(body: dict[str, Any]) -> dict[Place, str]:
    return {text.place: text.text for text in texts_of(body)}


def message(role: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, **fields}]}


def call(arguments: Any) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": "mail", "arguments": arguments}}


def data_url(text: str) -> str:
    return "data:text/plain;base64," + base64.b64encode(text.encode()).decode()


class TestATextsKind:
    @pytest.mark.parametrize(
        ("role", "kind"),
        [
            ("system", "operator"),
            ("developer", "operator"),
            ("user", "user"),
            ("assistant", "assistant"),
            ("tool", "tool_result"),
            ("function", "tool_result"),
            ("stranger", "user"),
        ],
    )
    def test_follows_from_the_role(self, role: str, kind: str):
        assert kinds(message(role, content="hi")) == [(kind, "hi")]

    @pytest.mark.parametrize("field", ["prompt", "input", "suffix"])
    def test_of_what_has_no_messages_is_the_users(self, field: str):
        assert kinds({field: "hi"}) == [("user", "hi")]

    def test_of_a_file_is_attachment(self):
        part = {"type": "file", "file": {"filename": "cv.txt", "file_data": data_url("I am Ann")}}

        assert kinds(message("user", content=[part])) == [
            ("attachment", "cv.txt"),
            ("attachment", "I am Ann"),
        ]

    def test_of_a_tools_description_is_the_operators(self):
        schema = {"type": "object", "properties": {"to": {"type": "string", "description": "whom"}}}
        tool = {"type": "function", "function": {"name": "mail", "description": "send", "parameters": schema}}

        assert kinds({"tools": [tool]}) == [("operator", "send"), ("operator", "whom")]


class TestTexts:
    def test_are_found_in_every_part(self):
        parts = [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            "b",
        ]

        assert kinds(message("user", content=parts)) == [("user", "a"), ("user", "b")]

    def test_are_found_in_whatever_a_new_kind_of_part_keeps_them(self):
        part = {"type": "quote", "quote": {"words": ["a", {"deeper": "b"}]}}

        assert kinds(message("user", content=[part])) == [("user", "a"), ("user", "b")]

    def test_are_found_beside_the_content(self):
        body = message("assistant", content=None, refusal="no", reasoning="because", name="ann")

        assert kinds(body) == [("assistant", "no"), ("assistant", "because"), ("assistant", "ann")]

    @pytest.mark.parametrize(
        "value", [["a", "b"], [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]]
    )
    def test_are_found_in_lists_of_inputs(self, value: Any):
        assert kinds({"input": value}) == [("user", "a"), ("user", "b")]

    def test_are_found_in_what_was_read_out_of_files_before(self):
        page = {"type": "file", "file": {"name": "cv.pdf", "content": [{"type": "text", "text": "I am Ann"}]}}

        assert kinds(message("assistant", annotations=[page])) == [
            ("attachment", "cv.pdf"),
            ("attachment", "I am Ann"),
        ]

    def test_are_not_tokens(self):
        assert kinds({"prompt": [1, 2, 3], "input": [[1, 2], [3]]}) == []

    def test_are_found_inside_a_tool_calls_arguments(self):
        body = message("assistant", tool_calls=[call('{"to": "a@b.co", "n": [4265525608398752, 7]}')])
        place = ("messages", 0, "tool_calls", 0, "function", "arguments")

        found = places(body)

        assert found[(*place, INSIDE, "to")] == "a@b.co"
        assert found[(*place, INSIDE, "n", 0)] == "4265525608398752"
        assert found[place].startswith("{")

    def test_are_found_inside_a_tool_result_that_is_json(self):
        assert ("tool_result", "café") in kinds(message("tool", content='{"where": "caf\\u00e9"}'))

    def test_are_found_behind_half_a_surrogate(self):
        body = message("tool", content='{"a": "\\ud800", "b": "x\\u0040y"}')

        assert ("tool_result", "x@y") in kinds(body)

    def test_are_found_in_fields_that_came_back_from_the_other_process(self):
        body = {"messages": msgspec.Raw(b'[{"role": "user", "content": "hi"}]')}

        assert kinds(body) == [("user", "hi")]
        assert replace(body, {("messages", 0, "content"): "ho"}) == message("user", content="ho")

    @pytest.mark.parametrize(
        "body",
        [
            {"messages": "no"},
            {"messages": [None, 3, "x", {"role": 1, "content": {"a": "b"}, "tool_calls": {"a": 1}}]},
            {"messages": [{"role": "user", "content": [None, 3, {"type": 4, "text": 5}, {"type": "file"}]}]},
            {"tools": [None, {"function": 3}], "prediction": "x", "input": {"a": "b"}},
            message("assistant", tool_calls=[call(None), call(3), {"function": None}, None]),
            message("tool", content="[" * 100_000),
        ],
    )
    def test_are_looked_for_without_falling_over_strange_shapes(self, body: dict[str, Any]):
        texts_of(body)

    def test_are_as_many_as_can_be_looked_at(self):
        with pytest.raises(TooManyTexts):
            texts_of({"input": ["a"] * (module.MOST_TEXTS + 1)})


class TestReplacing:
    def test_leaves_the_callers_body_as_it_was(self):
        body = message("user", content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])
        before = copy.deepcopy(body)

        replaced = replace(body, {("messages", 0, "content", 1, "text"): "B"})

        assert body == before
        assert replaced["messages"][0]["content"][1]["text"] == "B"
        assert replaced["messages"][0]["content"][0] is body["messages"][0]["content"][0]

    def test_keeps_arguments_json(self):
        body = message("assistant", tool_calls=[call('{"to": "a@b.co", "card": 4265525608398752}')])
        place = ("messages", 0, "tool_calls", 0, "function", "arguments")

        replaced = replace(body, {(*place, INSIDE, "to"): '"[EMAIL]\n', (*place, INSIDE, "card"): "[CARD]"})

        arguments = replaced["messages"][0]["tool_calls"][0]["function"]["arguments"]
        assert json.loads(arguments) == {"to": '"[EMAIL]\n', "card": "[CARD]"}

    def test_wraps_what_is_no_json_any_more(self):
        body = message("assistant", tool_calls=[call('{"a": 1}')])
        place = ("messages", 0, "tool_calls", 0, "function", "arguments")

        replaced = replace(body, {place: "[REDACTED] 1}"})

        arguments = replaced["messages"][0]["tool_calls"][0]["function"]["arguments"]
        assert json.loads(arguments) == {"redacted": "[REDACTED] 1}"}

    @pytest.mark.parametrize("url", [data_url("I am Ann"), "data:text/plain,I%20am%20Ann"])
    def test_writes_a_file_anew(self, url: str):
        part = {"type": "file", "file": {"file_data": url}}
        place = ("messages", 0, "content", 0, "file", "file_data", INSIDE)

        replaced = replace(message("user", content=[part]), {place: "I am é"})

        assert places(replaced)[place] == "I am é"

    @settings(max_examples=200, deadline=None)
    @given(
        st.recursive(
            st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=8,
        )
    )
    def test_puts_each_text_where_it_was_found(self, value: Any):
        body = message("user", content=[{"type": "odd", "odd": value}])
        wanted = {place: f"<{text}>" for place, text in places(body).items()}

        assert places(replace(body, wanted)) == wanted


class TestNoFieldIsOverlooked:
    """What a provider is passed as it came may hold text wherever it is."""

    @pytest.mark.parametrize(
        "body",
        [
            {"metadata": {"note": "Ann"}},
            {"stop": "Ann"},
            {"stop": ["Ann"]},
            {"documents": [{"text": "Ann"}]},
            {"functions": [{"name": "f", "description": "Ann"}]},
            {"chat_template_kwargs": {"persona": "Ann"}},
            {"web_search_options": {"user_location": {"approximate": {"city": "Ann"}}}},
            {"plugins": [{"id": "web", "search_prompt": "Ann", "user_location": {"city": "web"}}]},
            {"tool_choice": {"type": "Ann"}},
            {"unheard_of": "Ann"},
            {"tools": [{"function": {"parameters": {"$comment": "Ann"}}}]},
            {"response_format": {"json_schema": {"schema": {"pattern": "Ann"}}}},
        ],
    )
    def test_beside_the_messages(self, body: dict[str, Any]):
        assert "Ann" in [text for _, text in kinds(body)]

    @pytest.mark.parametrize(
        "fields",
        [
            {"content": "x", "note": "Ann"},
            {"content": None, "audio": {"transcript": "Ann"}},
            {"content": None, "tool_calls": [{"id": "1", "function": {}, "note": "Ann"}]},
            {"content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}, "text": "Ann"}]},
            {"content": [{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "Ann"}}]},
            {"content": [{"type": "image_url", "image_url": {"url": "Ann"}}]},
            {"content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "note": "Ann"}}]},
            {"content": [{"type": "file", "file": {"file_id": "f"}, "text": "Ann"}]},
            {"content": [{"type": "file", "file": {"file_data": "Ann"}}]},
            {"content": [{"type": "file", "file": {"file_data": "DATA:Text/Plain,Ann"}}]},
            {"content": [{"type": "file", "file": {"file_data": "data:;base64,QW5u"}}]},
            {"content": [{"type": "file", "file": {"file_data": "data:application/x-log;BASE64,QW5u"}}]},
        ],
    )
    def test_of_a_message_and_its_parts(self, fields: dict[str, Any]):
        assert "Ann" in [text for _, text in kinds(message("user", **fields))]

    @pytest.mark.parametrize(
        "body",
        [
            {"models": ["Ann/a"], "provider": {"order": ["Ann"]}, "trace": {"a": "Ann"}, "user": "Ann"},
            {"seed": 123456789, "tool_choice": "auto", "service_tier": "flex"},
            message(
                "user", content=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]
            ),
            message(
                "user", content=[{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}]
            ),
            message("user", content=[{"type": "file", "file": {"file_data": "JVBERi0x" * 20}}]),
            message("assistant", content=None, images=[{"image_url": {"url": "data:image/png;base64,AAAA"}}]),
            message("assistant", content=None, audio={"data": "AAAA" * 20}),
        ],
    )
    def test_but_for_what_never_leaves_or_says_nothing(self, body: dict[str, Any]):
        assert kinds(body) == []

    def test_and_each_can_be_replaced(self):
        body = {
            "stop": ["Ann"],
            **message("user", content=[{"type": "file", "file": {"file_data": "DATA:,Ann"}}]),
        }
        put = {text.place: "X" for text in texts_of(body)}

        changed = replace(body, put)

        assert changed["stop"] == ["X"]
        assert changed["messages"][0]["content"][0]["file"]["file_data"] == "DATA:,X"
