"""Making Messages requests and Chat Completions streams, and holding what comes of them against its types."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from anthropic.types import Message, RawMessageStreamEvent
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from routing.call import Call
from routing.gateway.dialects import DIALECTS
from tests.management_api import contract
from tests.routing.providers.streams import USAGE, chunk, event, open_stream

MESSAGES = DIALECTS["messages"]
EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
USED = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "cost": 0.0001,
    "is_byok": False,
    "cost_details": {
        "upstream_inference_cost": None,
        "upstream_inference_prompt_cost": 0.00005,
        "upstream_inference_completions_cost": 0.00005,
    },
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 1},
}


def asked(**more: Any) -> dict[str, Any]:
    return {
        "model": "acme/one",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
        **more,
    }


def read(**more: Any) -> Call:
    return MESSAGES.read_call(json.dumps(asked(**more)).encode(), {})


def conversation(*messages: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(messages=list(messages)).body["messages"]
    return found


def said(
    message: Any = None, finish: str = "stop", call: Call | None = None, **choice: Any
) -> dict[str, Any]:
    """The message that a Chat Completions answer becomes, valid by Anthropic's types and the contract."""
    spoken = {"content": "hi"} if message is None else message
    given = {"index": 0, "message": spoken, "finish_reason": finish, **choice}
    encoded = MESSAGES.finish_answer(
        call or read(),
        {"choices": [given]},
        generation_id="gen-1",
        model="acme/one",
        provider="Acme",
        usage=USED,
    )
    shown: dict[str, Any] = json.loads(encoded)
    Message.model_validate(shown)
    hold_against("MessagesResult", shown)
    return shown


def stream_of(*deltas: Any, finish: Any = "stop", last: Any = None) -> bytes:
    """A provider's stream."""
    chunks = [chunk(delta) for delta in deltas]
    ending = [chunk(last or {}, finish), chunk(choices=[], usage=USAGE)]
    return b"".join([event(one) for one in (*chunks, *ending)]) + b"data: [DONE]\n\n"


def told(pieces: Iterable[bytes], call: Call | None = None) -> list[dict[str, Any]]:
    """The events that a provider's stream becomes, valid by Anthropic's types and the contract."""
    stream = open_stream()
    events = MESSAGES.open_events(call or read(), generation_id="gen-1", model="acme/one", provider="Acme")
    out = b"".join([events.feed(stream.feed(piece)) for piece in pieces])
    assert stream.is_done
    return parsed(out + events.finish(stream.final_chunk(USED), USED))


def parsed(out: bytes) -> list[dict[str, Any]]:
    found = []
    for one in out.decode().removesuffix("\n\n").split("\n\n"):
        name, data = one.split("\n")
        shown = json.loads(data.removeprefix("data: "))
        assert name == f"event: {shown['type']}"
        if shown["type"] not in ("ping", "error"):
            EVENTS.validate_python(shown)
        hold_against("MessagesStreamEvents", shown)
        found.append(shown)
    return found


def hold_against(name: str, shown: Any) -> None:
    described = contract()
    if described is not None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        Draft202012Validator(schema).validate(shown)
