"""Anthropic Messages (docs.anthropic.com/en/api/messages)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
from routing.simulator.dialects.base import HOLE, Delta, Script, encode, event, fill
from routing.simulator.plans import Reply
from routing.simulator.words import split_words

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


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of the answer: as a stream opens it, as a whole, and the delta that carries each of its pieces."""

    start: object
    whole: object
    delta: object
    pieces: tuple[str, ...]


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
            answer_schema=_read_schema(read_object(body, "output_config")),
            pace=read_pace(body),
            body=body,
        )

    def write(self, ask: Ask, reply: Reply, call: str) -> bytes:
        content = [block.whole for block in _blocks(reply, call)]
        message = _message(ask, call, content) | {"stop_reason": _FINISH[reply.finish]}
        return encode(message | {"usage": _usage(ask) | {"output_tokens": reply.tokens}})

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        blocks = _blocks(reply, call)
        opening = (
            _event("message_start", message=_message(ask, call, []))
            + _event("content_block_start", index=0, content_block=blocks[0].start)
            + _event("ping")
        )
        closing = (
            _event("content_block_stop", index=len(blocks) - 1)
            + _event(
                "message_delta",
                delta={"stop_reason": _FINISH[reply.finish], "stop_sequence": None},
                usage=_usage(ask) | {"output_tokens": reply.tokens},
            )
            + _event("message_stop")
        )
        return Script(opening, _deltas(blocks), closing)

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
        return Turn("assistant", text, has_calls=bool(_pick_blocks(content, "tool_use")))
    results = _pick_blocks(content, "tool_result")
    if not results:
        return Turn("user", text)
    return Turn("user", text, tool_result="\n".join(_read_content(block.get("content")) for block in results))


def _pick_blocks(content: object, kind: str) -> list[Body]:
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]


def _read_schema(config: Body) -> object:
    """Return the schema of a structured output; None for text."""
    return read_object(config, "format").get("schema")


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


def _blocks(reply: Reply, call: str) -> list[_Block]:
    """Return the text, if there is any or nothing else, and then the calls."""
    blocks = []
    if reply.pieces or not reply.calls:
        text = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": HOLE}
        blocks.append(_Block(text, text | {"text": reply.text}, delta, reply.pieces))
    for index, made in enumerate(reply.calls):
        start: dict[str, object] = {
            "type": "tool_use",
            "id": f"toolu_{call}_{index}",
            "name": made.name,
            "input": {},
        }
        delta = {"type": "input_json_delta", "partial_json": HOLE}
        whole = start | {"input": made.read_arguments()}
        blocks.append(_Block(start, whole, delta, split_words(made.arguments)))
    return blocks


def _deltas(blocks: Sequence[_Block]) -> Iterator[Delta]:
    """Yield each block's pieces, and between two blocks the end of one and the start of the next."""
    produced = 0
    for index, block in enumerate(blocks):
        if index:
            ended = _event("content_block_stop", index=index - 1)
            yield ended + _event("content_block_start", index=index, content_block=block.start), produced
        template = _event("content_block_delta", index=index, delta=block.delta)
        for data, so_far in fill(template, block.pieces, produced):
            yield data, so_far
            produced = so_far


def _event(kind: str, **fields: object) -> bytes:
    return event({"type": kind, **fields}, kind)
