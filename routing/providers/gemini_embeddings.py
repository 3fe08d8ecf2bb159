"""Embeddings at Google AI Studio: `batchEmbedContents` (ai.google.dev/api/embeddings)."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from routing.provider_failures import ProviderFailure
from routing.providers.failures import broken_answer
from routing.providers.gemini_parts import parts_of
from routing.providers.openai import OUR_FIELDS
from routing.providers.wire_format import Answer, Unsupported

Json = dict[str, Any]  # JSON may be anything

MAX_INPUTS = 2_048
_READ = frozenset({"model", "input", "dimensions", "encoding_format", "input_type"})
_TASKS = {
    "search_query": "RETRIEVAL_QUERY",
    "search_document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}


def embedding_request(body: Mapping[str, Any], model: str) -> tuple[Json, tuple[str, ...]]:
    """The body to send and the parameters that are not in it. Raises Unsupported."""
    given = body.get("input")
    inputs = given if isinstance(given, list) else [given]
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise Unsupported("input", f"must hold 1 to {MAX_INPUTS} texts")
    dropped = {name for name in body if name not in _READ | OUR_FIELDS and body[name] is not None}
    more: Json = {}
    if body.get("dimensions") is not None:
        more["outputDimensionality"] = body["dimensions"]
    task = body.get("input_type")
    if isinstance(task, str) and task in _TASKS:
        more["taskType"] = _TASKS[task]
    elif task is not None:
        dropped.add("input_type")
    requests = [{"model": model, "content": {"parts": _parts(one)}, **more} for one in inputs]
    return {"requests": requests}, tuple(sorted(dropped))


def _parts(one: Any) -> list[Json]:
    content = one.get("content") if isinstance(one, dict) else one
    is_tokens = isinstance(content, list) and any(isinstance(part, int) for part in content)
    parts = [] if is_tokens else list(parts_of(content, needs_type=False))
    if not parts:
        raise Unsupported("input", "must be text: this provider takes no tokens and nothing empty")
    return parts


def read_embeddings(answer: Json, body: Mapping[str, Any]) -> Answer | ProviderFailure:
    """The vectors as OpenAI's list, in the encoding that was asked for."""
    found = answer.get("embeddings")
    vectors = [_values(one) for one in found] if isinstance(found, list) else []
    if not vectors or any(vector is None for vector in vectors):
        return broken_answer("The provider's answer is empty")
    is_packed = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": number, "embedding": _packed(vector) if is_packed else vector}
        for number, vector in enumerate(vectors)
    ]
    usage = answer.get("usageMetadata")
    prompt = usage.get("promptTokenCount") if isinstance(usage, dict) else None
    shown = None if prompt is None else {"prompt_tokens": prompt, "completion_tokens": 0}
    return Answer({"object": "list", "data": data}, shown, None, None, None, 0)


def _values(one: Any) -> list[float] | None:
    values = one.get("values") if isinstance(one, dict) else None
    if not isinstance(values, list) or not values:
        return None
    is_vector = all(isinstance(value, int | float) and abs(value) < 1e38 for value in values)  # fits 32 bits
    return values if is_vector else None


def _packed(vector: list[float] | None) -> str:
    numbers = vector or []
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
