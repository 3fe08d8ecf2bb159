"""Anthropic Messages (docs.anthropic.com/en/api/messages)."""

import json
from collections.abc import Sequence

from routing.simulator.ask import (
    Ask,
    Body,
    RefusedError,
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

_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Messages:
    """POST /v1/messages"""

    def read(self, body: Body, target: Target) -> Ask:
        max_tokens = read_max_tokens(body, "max_tokens")
        if max_tokens is None:
            raise RefusedError(400, "max_tokens: Field required")
        messages = read_objects(body, "messages")
        if not messages:
            raise RefusedError(400, "messages: at least one message is required")
        choice = read_object(body, "tool_choice").get("type")
        return Ask(
            model=read_text(body, "model"),
            is_stream=read_flag(body, "stream"),
            turns=(Turn("system", _read_content(body.get("system"))), *map(_read_turn, messages)),
            max_tokens=max_tokens,
            tools=() if choice == "none" else tuple(_read_tools(read_objects(body, "tools"))),
            pace=read_pace(body),
            body=body,
        )

    def write(self, ask: Ask, reply: Reply, call: str) -> bytes:
        block: object = {"type": "text", "text": reply.text}
        if reply.tool is not None:
            block = _tool_block(call, reply.tool, json.loads(reply.text))
        message = _message(ask, call, [block]) | {"stop_reason": _FINISH[reply.finish]}
        return encode(message | {"usage": _usage(ask) | {"output_tokens": reply.tokens}})

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        block: object = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": HOLE}
        if reply.tool is not None:
            block = _tool_block(call, reply.tool, {})
            delta = {"type": "input_json_delta", "partial_json": HOLE}
        opening = (
            _event("message_start", message=_message(ask, call, []))
            + _event("content_block_start", index=0, content_block=block)
            + _event("ping")
        )
        template = _event("content_block_delta", index=0, delta=delta)
        closing = (
            _event("content_block_stop", index=0)
            + _event(
                "message_delta",
                delta={"stop_reason": _FINISH[reply.finish], "stop_sequence": None},
                usage=_usage(ask) | {"output_tokens": reply.tokens},
            )
            + _event("message_stop")
        )
        return Script(opening, fill(template, reply), closing)

    def refuse(self, refusal: RefusedError, call: str) -> bytes:
        kind = _TYPES.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "api_error")
        error = {"type": kind, "message": refusal.message}
        return encode({"type": "error", "error": error, "request_id": f"req_{call}"})


def _read_content(content: object) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise RefusedError(400, "content: Input should be a string or a list of blocks")
    return join_texts(content)


def _read_turn(message: Body) -> Turn:
    """Return the turn; a user message may hold texts, tool results or both."""
    content = message.get("content")
    text = _read_content(content)
    role = message.get("role")
    if role not in ("user", "assistant"):
        raise RefusedError(400, "messages: Input should be 'user' or 'assistant'", param="role")
    if role == "assistant":
        return Turn("assistant", text)
    blocks = content if isinstance(content, list) else []
    results = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
    if not results:
        return Turn("user", text)
    return Turn("user", text, tool_result="\n".join(_read_content(block.get("content")) for block in results))


def _read_tools(tools: Sequence[Body]) -> list[Tool]:
    """Return the caller's tools; those that the provider would run have no schema and are passed over."""
    return [Tool(read_text(tool, "name"), tool["input_schema"]) for tool in tools if "input_schema" in tool]


def _usage(ask: Ask) -> dict[str, object]:
    return {
        "input_tokens": ask.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }


def _message(ask: Ask, call: str, content: list[object]) -> dict[str, object]:
    return {
        "id": f"msg_{call}",
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(ask),
    }


def _tool_block(call: str, name: str, arguments: object) -> object:
    return {"type": "tool_use", "id": f"toolu_{call}", "name": name, "input": arguments}


def _event(kind: str, **fields: object) -> bytes:
    return event({"type": kind, **fields}, kind)
