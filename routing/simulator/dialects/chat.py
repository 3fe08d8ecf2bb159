"""OpenAI Chat Completions (platform.openai.com/docs/api-reference/chat)."""

import json
from collections.abc import Sequence

from routing.simulator.ask import (
    Ask,
    Body,
    RefusedError,
    Role,
    Target,
    Tool,
    Turn,
    join_texts,
    read_flag,
    read_max_tokens,
    read_object,
    read_objects,
    read_pace,
    read_text,
)
from routing.simulator.behaviours import Reply
from routing.simulator.dialects.base import HOLE, Script, encode, event, fill
from routing.simulator.dialects.openai import DONE, count_usage, write_error

_FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls"}
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "assistant": "assistant"}


class Chat:
    """POST /v1/chat/completions"""

    def read(self, body: Body, target: Target) -> Ask:
        messages = read_objects(body, "messages")
        if not messages:
            raise RefusedError(400, "'messages' must be a non-empty list.", param="messages")
        return Ask(
            model=read_text(body, "model"),
            is_stream=read_flag(body, "stream"),
            turns=tuple(_read_turn(message) for message in messages),
            max_tokens=read_max_tokens(body, "max_completion_tokens", "max_tokens"),
            tools=()
            if body.get("tool_choice") == "none"
            else tuple(_read_tools(read_objects(body, "tools"))),
            answer_schema=_read_schema(read_object(body, "response_format")),
            wants_usage_chunk=read_flag(read_object(body, "stream_options"), "include_usage"),
            pace=read_pace(body),
            body=body,
        )

    def write(self, ask: Ask, reply: Reply, call: str) -> bytes:
        message: dict[str, object] = {"role": "assistant", "content": reply.text, "refusal": None}
        if reply.tool is not None:
            function = {"name": reply.tool, "arguments": reply.text}
            message |= {"content": None, "tool_calls": [_tool_call(call, function)]}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[reply.finish]}
        frame = _frame(ask, call, "chat.completion", [choice])
        return encode(frame | {"usage": count_usage(ask.prompt_tokens, reply.tokens)})

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        opening: dict[str, object] = {"role": "assistant", "content": ""}
        hole: dict[str, object] = {"content": HOLE}
        if reply.tool is not None:
            function = {"name": reply.tool, "arguments": ""}
            opening = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"index": 0} | _tool_call(call, function)],
            }
            hole = {"tool_calls": [{"index": 0, "function": {"arguments": HOLE}}]}
        closing = event(_chunk(ask, call, {}, _FINISH[reply.finish]))
        if ask.wants_usage_chunk:
            last = _frame(ask, call, "chat.completion.chunk", [])
            closing += event(last | {"usage": count_usage(ask.prompt_tokens, reply.tokens)})
        deltas = fill(event(_chunk(ask, call, hole)), reply)
        return Script(event(_chunk(ask, call, opening)), deltas, closing + DONE)

    def refuse(self, refusal: RefusedError, call: str) -> bytes:
        return write_error(refusal)


def _read_turn(message: Body) -> Turn:
    content = message.get("content")
    if content is not None and not isinstance(content, str | list):
        raise RefusedError(400, "'content' must be a string or a list of parts.", param="messages")
    text = content if isinstance(content, str) else join_texts(content or ())
    role = message.get("role")
    if role in ("tool", "function"):
        return Turn("tool", tool_result=text)
    if role == "user":
        return Turn("user", text)
    if not isinstance(role, str) or role not in _ROLES:
        raise RefusedError(400, f"Unknown role {json.dumps(role)}.", param="messages")
    return Turn(_ROLES[role], text)


def _read_tools(tools: Sequence[Body]) -> list[Tool]:
    """Return the function tools; the provider's own kinds of tools are passed over."""
    functions = [read_object(tool, "function") for tool in tools if tool.get("type") == "function"]
    return [Tool(read_text(function, "name"), function.get("parameters")) for function in functions]


def _read_schema(response_format: Body) -> object:
    """Return the schema of a structured output, one that any object satisfies for JSON mode, None for text."""
    kind = response_format.get("type")
    if kind == "json_schema":
        return read_object(response_format, "json_schema").get("schema", {})
    return {} if kind == "json_object" else None


def _tool_call(call: str, function: object) -> dict[str, object]:
    return {"id": f"call_{call}", "type": "function", "function": function}


def _frame(ask: Ask, call: str, kind: str, choices: list[object]) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{call}",
        "object": kind,
        "created": ask.created,
        "model": ask.model,
        "system_fingerprint": "fp_simulator",
        "choices": choices,
    }


def _chunk(ask: Ask, call: str, delta: object, finish: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    frame = _frame(ask, call, "chat.completion.chunk", [choice])
    return frame | {"usage": None} if ask.wants_usage_chunk else frame
