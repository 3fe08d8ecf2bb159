"""Gemini's requests and answers as the API writes them, each checked against Google's own types."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from google.genai import types

from routing.providers import WIRE_FORMATS, Stream, UpstreamRequest
from tests.routing.make import make_call, make_endpoint, make_provider

GEMINI = WIRE_FORMATS["gemini"]
BASE_URL = "https://generativelanguage.googleapis.com/v1beta"
USAGE = {
    "promptTokenCount": 10,
    "candidatesTokenCount": 5,
    "totalTokenCount": 35,
    "thoughtsTokenCount": 20,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
}
PIXEL = "iVBORw0KGgo="


def endpoint_at(model: str = "gemini-2.5-flash", wire: str = "gemini", **more: Any):
    provider = replace(
        make_provider("google-ai-studio"), wire_format=wire, base_url=BASE_URL, credential="AIza-1"
    )
    return make_endpoint(**{"provider": provider, "upstream_model": model, **more})


def build(body: dict[str, Any], model: str = "gemini-2.5-flash", **more: Any) -> tuple[UpstreamRequest, Any]:
    """The request and its body, which Google's types must accept."""
    messages = {"messages": [{"role": "user", "content": "Hi"}]}
    call = make_call("google/x", body={**messages, **body}, is_streamed=bool(body.get("stream")))
    request = GEMINI.build_request(call, endpoint_at(model, **more), generation_id="gen-1")
    sent = json.loads(request.body)
    check_request(sent)
    return request, sent


def check_request(sent: dict[str, Any]) -> None:
    assert sent["contents"]
    for content in [*sent["contents"], *([sent["systemInstruction"]] if "systemInstruction" in sent else [])]:
        types.Content.model_validate(content)
    for tool in sent.get("tools", ()):
        types.Tool.model_validate(tool)
    types.ToolConfig.model_validate(sent.get("toolConfig", {}))
    types.GenerateContentConfig.model_validate(sent.get("generationConfig", {}))
    assert sent.keys() <= {
        "contents",
        "systemInstruction",
        "tools",
        "toolConfig",
        "generationConfig",
        "simulator",
    }


def response(*candidates: Any, usage: Any = USAGE, **more: Any) -> dict[str, Any]:
    """A GenerateContentResponse, which Google's types must accept."""
    answer = {
        "candidates": list(candidates),
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "resp-1",
        **more,
    }
    answer = {name: value for name, value in answer.items() if value is not None and value != []}
    types.GenerateContentResponse.model_validate(answer)
    return answer


def candidate(*parts: Any, finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    shown = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    return shown | ({"finishReason": finish} if finish else {})


def event(value: Any, end: bytes = b"\r\n\r\n") -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + end


def open_stream() -> Stream:
    return GEMINI.open_stream(generation_id="gen-1", model="google/served", provider="Google AI Studio")
