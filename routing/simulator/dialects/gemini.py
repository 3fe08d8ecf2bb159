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
from routing.simulator.dialects.base import Delta, Script, encode, event
from routing.simulator.plans import Reply, ToolCall
from routing.simulator.words import count_words

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
        config = read_object(body, "generationConfig")
        return Ask(
            model=target.model or "",
            is_stream=target.is_stream,
            turns=(
                Turn("system", join_texts(read_objects(instruction, "parts"))),
                *map(_read_turn, contents),
            ),
            max_tokens=read_max_tokens(config, "maxOutputTokens"),
            tools=() if calling.get("mode") == "NONE" else tuple(_read_tools(read_objects(body, "tools"))),
            answer_schema=config.get("responseJsonSchema", config.get("responseSchema")),
            pace=read_pace(body),
            body=body,
        )

    def write(self, ask: Ask, reply: Reply, call: str) -> bytes:
        return encode(_answer(ask, call, _parts(reply), reply.tokens, _FINISH[reply.finish]))

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        closing = event(_answer(ask, call, [{"text": ""}], reply.tokens, _FINISH[reply.finish]))
        return Script(b"", _deltas(ask, reply, call), closing)

    def refuse(self, refusal: RefusedError, call: str) -> bytes:
        status = refusal.status
        name = _STATUSES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
        return encode({"error": {"code": status, "message": refusal.message, "status": name}})


def _deltas(ask: Ask, reply: Reply, call: str) -> Iterator[Delta]:
    """Yield a chunk per word; a function call comes whole, as Gemini sends it."""
    produced = 0
    for piece in reply.pieces:
        produced += not piece.isspace()
        yield event(_answer(ask, call, [{"text": piece}], produced)), produced
    for made in reply.calls:
        produced += count_words(made.arguments)
        yield event(_answer(ask, call, [_call_part(made)], produced)), produced


def _read_turn(content: Body) -> Turn:
    """Return the turn; Gemini's function responses come as user or function content and are objects."""
    parts = read_objects(content, "parts")
    text = join_texts(parts)
    if content.get("role") == "model":
        return Turn("assistant", text, has_calls=any("functionCall" in part for part in parts))
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


def _parts(reply: Reply) -> list[object]:
    """Return the text, if there is any or nothing else, and then the calls."""
    text = [{"text": reply.text}] if reply.pieces or not reply.calls else []
    return [*text, *map(_call_part, reply.calls)]


def _call_part(made: ToolCall) -> object:
    return {"functionCall": {"name": made.name, "args": made.read_arguments()}}


def _answer(
    ask: Ask, call: str, parts: list[object], produced: int, finish: str | None = None
) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"parts": parts, "role": "model"}, "index": 0}
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
