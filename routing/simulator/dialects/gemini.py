"""Google Gemini generateContent (ai.google.dev/api/generate-content)."""

import json
from collections.abc import Iterator, Sequence

from routing.simulator.ask import (
    Ask,
    Body,
    RefusedError,
    Target,
    Tool,
    Turn,
    join_texts,
    read_max_tokens,
    read_object,
    read_objects,
    read_pace,
    read_text,
)
from routing.simulator.behaviours import Reply
from routing.simulator.dialects.base import Delta, Script, encode, event

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP"}
_STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Gemini:
    """POST /v1beta/models/{model}:generateContent and :streamGenerateContent?alt=sse, and Vertex AI's addresses."""

    def read(self, body: Body, target: Target) -> Ask:
        contents = read_objects(body, "contents")
        if not contents:
            raise RefusedError(400, "* GenerateContentRequest.contents: contents is not specified")
        calling = read_object(read_object(body, "toolConfig"), "functionCallingConfig")
        instruction = read_object(body, "systemInstruction") or read_object(body, "system_instruction")
        return Ask(
            model=target.model or "",
            is_stream=target.is_stream,
            turns=(
                Turn("system", join_texts(read_objects(instruction, "parts"))),
                *map(_read_turn, contents),
            ),
            max_tokens=read_max_tokens(read_object(body, "generationConfig"), "maxOutputTokens"),
            tools=() if calling.get("mode") == "NONE" else tuple(_read_tools(read_objects(body, "tools"))),
            pace=read_pace(body),
            body=body,
        )

    def write(self, ask: Ask, reply: Reply, call: str) -> bytes:
        return encode(_answer(ask, call, _part(reply, reply.text), reply.tokens, _FINISH[reply.finish]))

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        closing = event(_answer(ask, call, {"text": ""}, reply.tokens, _FINISH[reply.finish]))
        return Script(b"", _deltas(ask, reply, call), closing)

    def refuse(self, refusal: RefusedError, call: str) -> bytes:
        status = refusal.status
        name = _STATUSES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
        return encode({"error": {"code": status, "message": refusal.message, "status": name}})


def _deltas(ask: Ask, reply: Reply, call: str) -> Iterator[Delta]:
    """Yield a chunk per word; a function call comes whole, as Gemini sends it."""
    if reply.tool is not None:
        yield event(_answer(ask, call, _part(reply, reply.text), reply.tokens)), reply.tokens
        return
    for number, piece in enumerate(reply.pieces, 1):
        produced = min(number, reply.tokens)
        yield event(_answer(ask, call, {"text": piece}, produced)), produced


def _read_turn(content: Body) -> Turn:
    """Return the turn; Gemini's function responses come as user or function content and are objects."""
    parts = read_objects(content, "parts")
    text = join_texts(parts)
    if content.get("role") == "model":
        return Turn("assistant", text)
    results = [
        read_object(part, "functionResponse").get("response") for part in parts if "functionResponse" in part
    ]
    if not results:
        return Turn("user", text)
    return Turn("user", text, tool_result="\n".join(json.dumps(result) for result in results))


def _read_tools(tools: Sequence[Body]) -> list[Tool]:
    functions = [function for tool in tools for function in read_objects(tool, "functionDeclarations")]
    return [
        Tool(read_text(function, "name"), function.get("parametersJsonSchema", function.get("parameters")))
        for function in functions
    ]


def _part(reply: Reply, text: str) -> object:
    if reply.tool is None:
        return {"text": text}
    return {"functionCall": {"name": reply.tool, "args": json.loads(text)}}


def _answer(ask: Ask, call: str, part: object, produced: int, finish: str | None = None) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": ask.prompt_tokens,
            "candidatesTokenCount": produced,
            "totalTokenCount": ask.prompt_tokens + produced,
        },
        "modelVersion": ask.model,
        "responseId": call,
    }
