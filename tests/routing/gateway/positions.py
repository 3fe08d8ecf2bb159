"""Every place of every dialect in which a request can hold a text, and who speaks there."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

MODEL, EMBEDDER = "test/mirror", "test/mirror-embed"
OPERATOR, USER, ASSISTANT, TOOL, ATTACHMENT = "operator", "user", "assistant", "tool", "attachment"
SPOKEN_BY_OTHERS = (USER, TOOL, ATTACHMENT)
"""Whose words may be an attack; an operator's own prompt and the model's own words are none."""

HI = {"role": "user", "content": "Hi"}
Body = dict[str, Any]


class Position(NamedTuple):
    """A place: what people call it, who speaks there, and a request that holds a text there."""

    name: str
    speaker: str
    body: Callable[[str], Body]


def _chat(*messages: Body, **more: Any) -> Body:
    return {"model": MODEL, "messages": [*messages], **more}


def _call(text: str) -> Body:
    function = {"name": "mail", "arguments": '{"to": ' + _quoted(text) + "}"}
    return {"id": "c1", "type": "function", "function": function}


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _answered(content: Any) -> tuple[Body, ...]:
    asked = {"role": "assistant", "content": None, "tool_calls": [_call("x")]}
    return HI, asked, {"role": "tool", "tool_call_id": "c1", "content": content}


def _file(text: str) -> Body:
    data = "data:text/plain;base64," + base64.b64encode(text.encode()).decode()
    return {"type": "file", "file": {"filename": "note.txt", "file_data": data}}


def _function(text: str) -> Body:
    return {"name": "mail", "description": text, "parameters": {"type": "object", "properties": {}}}


def _with_default(text: str) -> Body:
    parameters = {"type": "object", "properties": {"to": {"type": "string", "default": text}}}
    return {"name": "mail", "parameters": parameters}


def _schema(text: str) -> Body:
    return {"type": "object", "properties": {"a": {"type": "string", "description": text}}}


CHAT = (
    Position("system prompt", OPERATOR, lambda text: _chat({"role": "system", "content": text}, HI)),
    Position("developer prompt", OPERATOR, lambda text: _chat({"role": "developer", "content": text}, HI)),
    Position("user message", USER, lambda text: _chat({"role": "user", "content": text})),
    Position(
        "user part", USER, lambda text: _chat({"role": "user", "content": [{"type": "text", "text": text}]})
    ),
    Position("earlier user message", USER, lambda text: _chat({"role": "user", "content": text}, HI)),
    Position("assistant message", ASSISTANT, lambda text: _chat({"role": "assistant", "content": text}, HI)),
    Position(
        "reasoning",
        ASSISTANT,
        lambda text: _chat({"role": "assistant", "content": "ok", "reasoning": text}, HI),
    ),
    Position(
        "tool arguments",
        ASSISTANT,
        lambda text: _chat(
            HI,
            {"role": "assistant", "content": None, "tool_calls": [_call(text)]},
            {"role": "tool", "tool_call_id": "c1", "content": "ok"},
        ),
    ),
    Position("tool result", TOOL, lambda text: _chat(*_answered(text))),
    Position("tool result, JSON", TOOL, lambda text: _chat(*_answered('{"found": ' + _quoted(text) + "}"))),
    Position("tool result part", TOOL, lambda text: _chat(*_answered([{"type": "text", "text": text}]))),
    Position("name", USER, lambda text: _chat({**HI, "name": text})),
    Position("text file", ATTACHMENT, lambda text: _chat({"role": "user", "content": [_file(text)]})),
    Position(
        "tool description",
        OPERATOR,
        lambda text: _chat(HI, tools=[{"type": "function", "function": _function(text)}]),
    ),
    Position(
        "output schema",
        OPERATOR,
        lambda text: _chat(
            HI,
            response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": _schema(text)}},
        ),
    ),
    Position(
        "tool's default",
        OPERATOR,
        lambda text: _chat(HI, tools=[{"type": "function", "function": _with_default(text)}]),
    ),
    Position(
        "prediction", ASSISTANT, lambda text: _chat(HI, prediction={"type": "content", "content": text})
    ),
)

COMPLETIONS = (
    Position("prompt", USER, lambda text: {"model": MODEL, "prompt": text}),
    Position("list of prompts", USER, lambda text: {"model": MODEL, "prompt": [text]}),
)


def _messages(*messages: Body, **more: Any) -> Body:
    return {"model": MODEL, "max_tokens": 50, "messages": [*messages], **more}


def _block(role: str, block: Body) -> Body:
    return {"role": role, "content": [block]}


def _tool_use(text: str) -> Body:
    return _block("assistant", {"type": "tool_use", "id": "t1", "name": "mail", "input": {"to": text}})


def _tool_result(content: Any) -> Body:
    return _block("user", {"type": "tool_result", "tool_use_id": "t1", "content": content})


MESSAGES = (
    Position("system prompt", OPERATOR, lambda text: _messages(HI, system=text)),
    Position("system block", OPERATOR, lambda text: _messages(HI, system=[{"type": "text", "text": text}])),
    Position("user message", USER, lambda text: _messages({"role": "user", "content": text})),
    Position("user block", USER, lambda text: _messages(_block("user", {"type": "text", "text": text}))),
    Position(
        "assistant block",
        ASSISTANT,
        lambda text: _messages(HI, _block("assistant", {"type": "text", "text": text}), HI),
    ),
    Position("tool input", ASSISTANT, lambda text: _messages(HI, _tool_use(text), _tool_result("ok"))),
    Position("tool result", TOOL, lambda text: _messages(HI, _tool_use("x"), _tool_result(text))),
    Position(
        "tool result block",
        TOOL,
        lambda text: _messages(HI, _tool_use("x"), _tool_result([{"type": "text", "text": text}])),
    ),
    Position(
        "text document",
        ATTACHMENT,
        lambda text: _messages(
            _block(
                "user",
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": text}},
            )
        ),
    ),
    Position(
        "tool description",
        OPERATOR,
        lambda text: _messages(
            HI, tools=[{"name": "mail", "description": text, "input_schema": {"type": "object"}}]
        ),
    ),
)


def _responses(given: Any, **more: Any) -> Body:
    return {"model": MODEL, "input": given, **more}


def _item(role: str, kind: str, text: str) -> list[Body]:
    said = {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
    return [said] if role == "user" else [{**said, "id": "m1", "status": "completed"}, HI]


def _function_call(text: str, output: Any) -> list[Body]:
    arguments = '{"to": ' + _quoted(text) + "}"
    return [
        HI,
        {"type": "function_call", "call_id": "c1", "name": "mail", "arguments": arguments},
        {"type": "function_call_output", "call_id": "c1", "output": output},
    ]


RESPONSES = (
    Position("instructions", OPERATOR, lambda text: _responses("Hi", instructions=text)),
    Position("input", USER, lambda text: _responses(text)),
    Position("user message", USER, lambda text: _responses([{"role": "user", "content": text}])),
    Position("user part", USER, lambda text: _responses(_item("user", "input_text", text))),
    Position("system message", OPERATOR, lambda text: _responses([{"role": "system", "content": text}, HI])),
    Position("assistant part", ASSISTANT, lambda text: _responses(_item("assistant", "output_text", text))),
    Position("tool arguments", ASSISTANT, lambda text: _responses(_function_call(text, "ok"))),
    Position("tool result", TOOL, lambda text: _responses(_function_call("x", text))),
    Position(
        "tool result part",
        TOOL,
        lambda text: _responses(_function_call("x", [{"type": "input_text", "text": text}])),
    ),
    Position(
        "tool description",
        OPERATOR,
        lambda text: _responses("Hi", tools=[{"type": "function", **_function(text)}]),
    ),
    Position(
        "output schema",
        OPERATOR,
        lambda text: _responses(
            "Hi", text={"format": {"type": "json_schema", "name": "a", "schema": _schema(text)}}
        ),
    ),
)

EMBEDDINGS = (
    Position("input", USER, lambda text: {"model": EMBEDDER, "input": text}),
    Position("list of inputs", USER, lambda text: {"model": EMBEDDER, "input": ["x", text]}),
)

POSITIONS = {
    "/api/v1/chat/completions": CHAT,
    "/api/v1/completions": COMPLETIONS,
    "/api/v1/messages": MESSAGES,
    "/api/v1/responses": RESPONSES,
    "/api/v1/embeddings": EMBEDDINGS,
}
