"""Embeddings: passed on as they are, to providers that speak the same (SPEC §9). Never streamed."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from routing.call import COUNTED, Call
from routing.errors import Refusal, encode_envelope
from routing.gateway.dialects.attribution import read_attribution
from routing.gateway.dialects.chat import (
    BYTES_PER_TOKEN,
    count_tokens,
    read_json,
    read_models,
)
from routing.gateway.dialects.chat_dialect import Chat
from routing.gateway.dialects.chunks import objects
from routing.gateway.dialects.dialect import DialectEvents
from routing.gateway.dialects.media import TOKENS_PER_IMAGE, look_at
from routing.gateway.dialects.parameters import (
    Check,
    check,
    is_count,
    is_flag,
    is_integer,
    is_object,
    is_objects,
    is_text,
    is_texts,
    refused,
)
from routing.gateway.dialects.preferences import read_preferences

SLUG = "embeddings"
MOST_INPUTS = 2048
FORMATS = ("float", "base64")
CHECKS: dict[str, Check] = {
    "model": is_text,
    "models": is_texts,
    "stream": is_flag,
    "dimensions": is_count,
    "encoding_format": is_text,
    "input_type": is_text,
    "preset": is_text,
    "provider": is_object,
    "user": is_text,
    "session_id": is_text,
    "trace": is_object,
}
SUPPORTABLE = frozenset({"dimensions", "encoding_format", "input_type"})
SHARED = ("cost", "is_byok", "cost_details", "prompt_tokens")

Body = Mapping[str, Any]  # the caller's or the provider's JSON


class Embeddings:
    """The dialect of embeddings."""

    slug = SLUG
    path = "/api/v1/embeddings"

    def read_call(self, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
        """The request, as it is. Raises RefusedError naming the parameter that is wrong."""
        body = read_json(data)
        check(body, CHECKS)
        if body.get("stream"):
            raise refused("stream", "is not possible: embeddings are not streamed")
        if body.get("encoding_format") not in (None, *FORMATS):
            raise refused("encoding_format", f"must be one of {', '.join(FORMATS)}")
        counted, images, media = _read_input(body.get("input"))
        return Call(
            dialect=SLUG,
            models=read_models(body),
            body=body,
            is_streamed=False,
            prompt_tokens=max(len(data) // BYTES_PER_TOKEN, counted) + images * TOKENS_PER_IMAGE + media,
            max_tokens=0,
            media_tokens=media,
            image_count=images,
            parameters=frozenset([name for name in SUPPORTABLE if body.get(name) is not None]),
            preferences=read_preferences(body),
            attribution=read_attribution(body, headers),
            detail={COUNTED: counted},
        )

    def finish_answer(
        self,
        call: Call,
        body: dict[str, Any],
        *,
        generation_id: str,
        model: str,
        provider: str,
        usage: Mapping[str, Any],
    ) -> bytes:
        """The vectors in the form that was asked for, and what they cost."""
        wanted = call.body.get("encoding_format") or "float"
        body["object"] = "list"
        body["data"] = [_vector(item, index, wanted) for index, item in enumerate(objects(body, "data"))]
        body["id"], body["model"], body["provider"] = generation_id, model, provider
        said = {name: usage[name] for name in SHARED}
        body["usage"] = said | {"total_tokens": usage["prompt_tokens"]}
        return msgspec.json.encode(body)

    def open_events(self, call: Call, *, generation_id: str, model: str, provider: str) -> DialectEvents:
        """Never needed: `stream` is refused."""
        return Chat().open_events(call, generation_id=generation_id, model=model, provider=provider)

    def refuse(self, refusal: Refusal, *, generation_id: str | None) -> bytes:
        """The documented envelope."""
        return encode_envelope(refusal, dialect=SLUG, generation_id=generation_id)


def _read_input(given: Any) -> tuple[int, int, int]:  # JSON of any kind
    """How many tokens of text, pictures and tokens of other media the input holds. Raises RefusedError."""
    if isinstance(given, str) and given:
        return count_tokens(given), 0, 0
    if not isinstance(given, list) or not given:
        raise refused("input", "must be a text or a list that is not empty")
    if all(is_integer(token) for token in given):
        return len(given), 0, 0
    if len(given) > MOST_INPUTS:
        raise refused("input", f"may hold at most {MOST_INPUTS} inputs")
    if all(isinstance(text, str) and text for text in given):
        return sum([count_tokens(text) for text in given]), 0, 0
    if all(isinstance(tokens, list) and tokens and all(map(is_integer, tokens)) for tokens in given):
        return sum([len(tokens) for tokens in given]), 0, 0
    if is_objects(given):
        return _read_parts(given)
    raise refused("input", "must hold texts that are not empty, or tokens, or objects with content")


def _read_parts(given: list[dict[str, Any]]) -> tuple[int, int, int]:
    counted = images = media = 0
    for item in given:
        parts = item.get("content")
        if not parts or not is_objects(parts):
            raise refused("input", "must hold objects whose content is a list of parts")
        for part in parts:
            seen = look_at(part)
            images, media = images + seen.images, media + seen.tokens
            if isinstance(part.get("text"), str):
                counted += count_tokens(part["text"])
    return counted, images, media


def _vector(item: dict[str, Any], index: int, wanted: str) -> dict[str, Any]:
    """One vector; providers do not always know the form that was asked for."""
    vector = item.get("embedding")
    item.setdefault("index", index)
    item["object"] = "embedding"
    if wanted == "base64" and isinstance(vector, list):
        item["embedding"] = _packed(vector)
    elif wanted == "float" and isinstance(vector, str):
        item["embedding"] = _unpacked(vector)
    return item


def _packed(vector: list[Any]) -> Any:  # numbers, as far as the provider is to be believed
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (struct.error, OverflowError):
        return vector


def _unpacked(vector: str) -> Any:
    try:
        data = base64.b64decode(vector, validate=True)
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    except (struct.error, binascii.Error):
        return vector
