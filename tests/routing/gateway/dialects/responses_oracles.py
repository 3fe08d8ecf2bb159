"""Asking and reading Responses as their clients do; the types of both official clients judge what comes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from openrouter.components import OpenResponsesResult, StreamEvents
from pydantic import TypeAdapter

from routing.call import Call
from routing.errors import Refusal
from routing.gateway.client import RefusedError
from routing.gateway.dialects.responses import Responses
from routing.pricing import Cost, Usage, usage_object
from tests.routing.providers.streams import DONE, chunk, event, open_stream

DIALECT = Responses()
USAGE = usage_object(
    Usage(prompt=30, completion=12, reasoning=5, cached=10, cache_write=4),
    Cost(1_500_000, 1_000_000_000_000, 500_000_000_000),
)
SHOWN = {"generation_id": "gen-1", "model": "acme/served", "provider": "Simulator"}

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA, "strict": True}
PATCH = {
    "type": "custom",
    "name": "patch",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
}
CALLED = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Oslo"}'}
RETURNED = {"type": "function_call_output", "call_id": "call_1", "output": "Rain"}
OVERLOADED = Refusal(
    503, "provider_overloaded", "Too much at once.", "provider", metadata={"provider_name": "X"}
)

_OPENAI = TypeAdapter(ResponseStreamEvent)
_OURS = TypeAdapter(StreamEvents)


def read(body: Any = None, headers: dict[bytes, bytes] | None = None, **more: Any) -> Call:
    """The call of a request, of which the least is said here."""
    whole = {"model": "a/b", "input": "hi"} | more if body is None else body
    data = whole if isinstance(whole, bytes) else json.dumps(whole).encode()
    return DIALECT.read_call(data, headers or {})


def messages(given: Any, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(input=given, **more).body["messages"]
    return found


def refused(**body: object) -> tuple[str, str]:
    """The parameter that a refusal names, and its rule."""
    with pytest.raises(RefusedError) as caught:
        read(**body)
    refusal = caught.value.refusal
    assert refusal.status == 400
    assert refusal.metadata["parameter"] in refusal.message
    return refusal.metadata["parameter"], refusal.rule


def finish(message: dict[str, Any], reason: str = "stop", *, call: Call | None = None, **choice: Any) -> Any:
    """The whole answer that a message becomes; both clients understand it."""
    body = {
        "id": "gen-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "upstream-1",
        "choices": [{"index": 0, "message": message, "finish_reason": reason, **choice}],
    }
    answer = json.loads(DIALECT.finish_answer(call or read(), body, usage=USAGE, **SHOWN))
    check_response(answer)
    return answer


def stream(
    data: bytes, *, pieces: list[bytes] | None = None, call: Call | None = None
) -> list[dict[str, Any]]:
    """The events of a provider's whole stream; both clients understand them."""
    source = open_stream()
    events = DIALECT.open_events(call or read(), **SHOWN)
    sent = [events.feed(source.feed(piece)) for piece in pieces or [data]]
    sent.append(events.feed(source.end()))
    sent.append(events.finish(source.final_chunk(USAGE), USAGE))
    return read_events(b"".join(sent))


def chunks(*deltas: dict, finish: str | None = "stop") -> bytes:
    events = [event(chunk(delta)) for delta in deltas]
    return b"".join(events) + (event(chunk({}, finish)) if finish else b"") + DONE


def called(index: int, piece: str, **more: object) -> dict:
    function = {"arguments": piece} | ({"name": more.pop("name")} if "name" in more else {})
    return {"tool_calls": [{"index": index, "function": function, **more}]}


def broken_stream(data: bytes, refusal: Refusal, *, call: Call | None = None) -> list[dict[str, Any]]:
    source = open_stream()
    events = DIALECT.open_events(call or read(), **SHOWN)
    sent = events.feed(source.feed(data))
    return read_events(sent + events.fail(refusal))


def read_events(sent: bytes, *, has_server_tools: bool = False) -> list[dict[str, Any]]:
    """The events of a stream: numbered from 0 without a gap, and ended by `[DONE]`."""
    *blocks, done, rest = sent.split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    found = []
    for block in blocks:
        name, data = block.split(b"\n")
        one = json.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + one["type"].encode()
        check_event(one, has_server_tools=has_server_tools)
        found.append(one)
    assert [one["sequence_number"] for one in found] == list(range(len(found)))
    return found


def check_response(answer: dict[str, Any], *, has_server_tools: bool = False) -> None:
    if not has_server_tools:
        Response.model_validate(answer)
    parsed = OpenResponsesResult.model_validate(answer)
    assert not any(getattr(item, "is_unknown", False) for item in parsed.output)
    assert not any(getattr(tool, "is_unknown", False) for tool in parsed.tools)


def check_event(event: dict[str, Any], *, has_server_tools: bool = False) -> None:
    """Both clients' types must know it; OpenAI's have no server tools."""
    if not has_server_tools:
        _OPENAI.validate_python(event)
    assert not getattr(_OURS.validate_python(event), "is_unknown", False)
    if "response" in event:
        check_response(event["response"], has_server_tools=has_server_tools)


def accumulate(events: list[dict[str, Any]], *, has_server_tools: bool = False) -> Any:
    """What the official client has put together by the end; it refuses events that do not fit each other."""
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    for one in events:
        # The client itself is not strict: it takes items as they come.
        event: Any = construct_type(value=one, type_=ResponseStreamEvent) if has_server_tools else None
        state.handle_event(event or _OPENAI.validate_python(one))
    return state._completed_response


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def joined(events: list[dict[str, Any]], kind: str) -> str:
    return "".join([event["delta"] for event in events if event["type"] == f"response.{kind}.delta"])
