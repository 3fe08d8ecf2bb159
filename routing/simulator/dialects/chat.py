"""OpenAI Chat Completions (platform.openai.com/docs/api-reference/chat)."""

import json
from collections.abc import Iterator, Sequence

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
from routing.simulator.dialects.base import HOLE, Delta, Script, encode, event, fill
from routing.simulator.dialects.openai import DONE, count_usage, write_error
from routing.simulator.plans import Reply, ToolCall
from routing.simulator.words import count_words, split_words

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
        if reply.calls:
            calls = [_tool_call(call, index, made, made.arguments) for index, made in enumerate(reply.calls)]
            message |= {"content": reply.text or None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _FINISH[reply.finish]}
        frame = _frame(ask, call, "chat.completion", [choice])
        return encode(frame | {"usage": count_usage(ask.prompt_tokens, reply.tokens)})

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        opening: dict[str, object] = {"role": "assistant", "content": ""}
        if reply.calls and not reply.pieces:
            opening |= {"content": None} | _open_call(call, 0, reply.calls[0])
        closing = event(_chunk(ask, call, {}, _FINISH[reply.finish]))
        if ask.wants_usage_chunk:
            last = _frame(ask, call, "chat.completion.chunk", [])
            closing += event(last | {"usage": count_usage(ask.prompt_tokens, reply.tokens)})
        return Script(event(_chunk(ask, call, opening)), _deltas(ask, reply, call), closing + DONE)

    def refuse(self, refusal: RefusedError, call: str) -> bytes:
        return write_error(refusal)


def _deltas(ask: Ask, reply: Reply, call: str) -> Iterator[Delta]:
    """Yield the text, then each call with its arguments in fragments; a first call without a text is open already."""
    yield from fill(event(_chunk(ask, call, {"content": HOLE})), reply.pieces)
    produced = count_words(reply.text)
    for index, made in enumerate(reply.calls):
        if index or reply.pieces:
            yield event(_chunk(ask, call, _open_call(call, index, made))), produced
        hole = {"tool_calls": [{"index": index, "function": {"arguments": HOLE}}]}
        yield from fill(event(_chunk(ask, call, hole)), split_words(made.arguments), produced)
        produced += count_words(made.arguments)


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
    return Turn(_ROLES[role], text, has_calls=bool(message.get("tool_calls")))


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


def _open_call(call: str, index: int, made: ToolCall) -> dict[str, object]:
    return {"tool_calls": [{"index": index} | _tool_call(call, index, made, "")]}


def _tool_call(call: str, index: int, made: ToolCall, arguments: str) -> dict[str, object]:
    function = {"name": made.name, "arguments": arguments}
    return {"id": f"call_{call}_{index}", "type": "function", "function": function}


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
