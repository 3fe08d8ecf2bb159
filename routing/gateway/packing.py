"""What was said as it is kept: JSON of at most MOST_BYTES, media left out, with what else was asked for. Pure.

The input is the canonical Chat Completions body, as providers were asked after guardrails had redacted it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from observability.content_sealing import MOST_BYTES
from routing.gateway.dialects.chunks import a_text, an_object, objects
from routing.gateway.said import NOTHING

TRUNCATED = "…truncated"
SHORTER = (32_768, 4_096, 512)
"""To how many characters texts are shortened, one after the other, until everything fits."""
FEWEST_MESSAGES = 16
"""How many messages are kept at both ends of a conversation that is too long even so."""
MOST_DEPTH = 32
MEDIA = frozenset(
    {"image_url", "image", "input_image", "input_audio", "audio_url", "audio", "video_url", "video"}
    | {"file", "input_file", "document"}
)
"""Parts of a message of which only the type and the size are kept."""
PARAMETERS = frozenset(
    {"tools", "tool_choice", "response_format", "stop", "reasoning", "logit_bias", "models"}
)
"""Of the request's objects and lists: those that say nothing but how the model is to answer."""
ELSEWHERE = frozenset({"messages", "prompt", "input", "user", "session_id"})
"""What is kept in another place."""
LONGEST_SCALAR = 1_000

Json = dict[str, Any]  # JSON may be anything

_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder().decode


def content_of_request(
    body: Mapping[str, Any], output: Mapping[str, Any] | None, finish_reason: str | None, error: str | None
) -> Json:
    """The content of a request, media left out.

    `input` is `{"messages": […]}` or `{"prompt": …}`, `parameters` what else was asked, `output` what came.
    """
    told = dict(output) if output else dict(NOTHING)
    is_truncated = told.pop("is_truncated", False)
    return {
        "input": _input(body),
        "parameters": _parameters(body),
        "output": told | {"finish_reason": finish_reason},
        "error": error,
        "is_truncated": is_truncated,
    }


def read_and_pack(
    body: Mapping[str, Any], output: Mapping[str, Any] | None, finish_reason: str | None, error: str | None
) -> bytes:
    """The same of a body that another process has left as text, packed; in yet another process."""
    whole = {name: _read(value) for name, value in body.items()}
    return packed(content_of_request(whole, output, finish_reason, error))


def is_text(body: Mapping[str, Any]) -> bool:
    """Whether another process has left the body as text, because reading it would stall the loop."""
    return any(type(value) is msgspec.Raw for value in body.values())


def _read(value: Any) -> Any:  # JSON
    return _decode(value) if isinstance(value, msgspec.Raw) else value


def _input(body: Mapping[str, Any]) -> Json:
    if "messages" in body:
        return {"messages": [_message(message) for message in objects(body, "messages")]}
    given = body.get("prompt", body.get("input"))
    texts = given if isinstance(given, list) else [given]
    if all(isinstance(text, str) for text in texts):
        return {"prompt": "\n\n".join(texts)}
    return {"prompt": _encode(without_media(given)).decode()}


def _message(message: Json) -> Json:
    for value in message.values():
        if type(value) is not str:
            return {name: without_media(value) for name, value in message.items()}
    return message  # as most are


def without_media(value: Any, depth: int = 0) -> Any:  # JSON
    """The value with a word on each image, sound or file instead of it."""
    if isinstance(value, str):
        return _about(value) if value.startswith("data:") and ";base64," in value[:200] else value
    if depth > MOST_DEPTH and isinstance(value, dict | list):
        return "…"
    if isinstance(value, list):
        return [without_media(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("type")
    if isinstance(kind, str) and kind in MEDIA:
        return {"type": kind, "omitted": _size_of(an_object(value, kind) or value)}
    return {name: without_media(item, depth + 1) for name, item in value.items()}


def _about(url: str) -> str:
    return f"[{url[5:].partition(',')[0].partition(';')[0] or 'data'}, {len(url) * 3 // 4} bytes]"


def _size_of(medium: Json) -> str:
    """What is left of a medium: its type as it says, and its size where it was sent along."""
    texts = [text for text in medium.values() if isinstance(text, str)]
    longest = max(texts, key=len, default="")
    if longest.startswith("data:"):
        return _about(longest)
    if longest.startswith(("http://", "https://")):
        return "[at an address]"
    return f"[{a_text(medium, 'format', 'mime_type') or 'data'}, {len(longest) * 3 // 4} bytes]"


def _parameters(body: Mapping[str, Any]) -> Json:
    """What else was asked for: scalars, and what says how to answer. Tools of other kinds may carry tokens."""
    kept: Json = {}
    for name, value in body.items():
        if name in PARAMETERS:
            kept[name] = without_media(value)
        elif name not in ELSEWHERE and not isinstance(value, dict | list):
            kept[name] = value[:LONGEST_SCALAR] if isinstance(value, str) else value
    if "tools" in kept:
        kept["tools"] = [tool for tool in objects(kept, "tools") if isinstance(tool.get("function"), dict)]
    return kept


def packed(content: Json) -> bytes:
    """The content as JSON of at most MOST_BYTES: long texts are shortened, and `is_truncated` says so."""
    data = _encode(content)
    if len(data) <= MOST_BYTES:
        return data
    content["is_truncated"] = True
    for most in SHORTER:
        content = _shortened(content, most)
        data = _encode(content)
        if len(data) <= MOST_BYTES:
            return data
    messages = content["input"].get("messages") or []
    content["input"] = {"messages": [*messages[:FEWEST_MESSAGES], *messages[-FEWEST_MESSAGES:]]}
    data = _encode(content)
    return data if len(data) <= MOST_BYTES else _encode(_bare(content))


def _shortened(value: Any, most: int) -> Any:  # JSON
    if isinstance(value, str):
        return value if len(value) <= most + len(TRUNCATED) else value[:most] + TRUNCATED
    if isinstance(value, list):
        return [_shortened(item, most) for item in value]
    if isinstance(value, dict):
        return {name[:most]: _shortened(item, most) for name, item in value.items()}
    return value


def _bare(content: Json) -> Json:
    """The frame alone, of what is nothing but endlessly many small things."""
    output = {"finish_reason": content["output"].get("finish_reason"), **NOTHING}
    return content | {"input": {"messages": []}, "parameters": {}, "output": output}
