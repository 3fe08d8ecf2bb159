"""OpenAI embeddings (platform.openai.com/docs/api-reference/embeddings)."""

import base64
import hashlib
import math
import struct
from collections.abc import Sequence

from routing.simulator.ask import Ask, Body, RefusedError, Target, Turn, read_pace, read_text
from routing.simulator.dialects.base import Script, encode
from routing.simulator.dialects.openai import write_error
from routing.simulator.plans import Reply

DIMENSIONS = 64
_MAX_DIMENSIONS = 4096
_MAX_INPUTS = 2048


class Embeddings:
    """POST /v1/embeddings: the same text has the same unit vector, made from its hash. Never streams."""

    def read(self, body: Body, target: Target) -> Ask:
        model = read_text(body, "model")
        _read_dimensions(body)
        _read_format(body)
        turns = tuple(Turn("user", text) for text in _read_inputs(body.get("input")))
        return Ask(
            model=model, is_stream=False, turns=turns, is_embedding=True, pace=read_pace(body), body=body
        )

    def write(self, ask: Ask, reply: Reply, call: str) -> bytes:
        dimensions, is_base64 = _read_dimensions(ask.body), _read_format(ask.body) == "base64"
        vectors = [_make_vector(turn.text, dimensions) for turn in ask.turns]
        data = [
            {"object": "embedding", "index": index, "embedding": _pack(vector) if is_base64 else vector}
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": ask.prompt_tokens, "total_tokens": ask.prompt_tokens}
        return encode({"object": "list", "data": data, "model": ask.model, "usage": usage})

    def stream(self, ask: Ask, reply: Reply, call: str) -> Script:
        raise RefusedError(400, "Embeddings are not streamed.", param="stream")

    def refuse(self, refusal: RefusedError, call: str) -> bytes:
        return write_error(refusal)


def _read_inputs(value: object) -> Sequence[str]:
    """Return the texts to embed; token arrays become texts of as many words."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_INPUTS:
        raise RefusedError(400, f"'input' must be a string or a list of 1 to {_MAX_INPUTS}.", param="input")
    if _is_tokens(value):
        return [" ".join(map(str, value))]
    if all(isinstance(item, str) for item in value):
        return value
    if all(isinstance(item, list) and _is_tokens(item) for item in value):
        return [" ".join(map(str, item)) for item in value]
    raise RefusedError(400, "'input' must hold strings, or tokens, not both.", param="input")


def _is_tokens(items: Sequence[object]) -> bool:
    return all(isinstance(item, int) and not isinstance(item, bool) for item in items)


def _read_dimensions(body: Body) -> int:
    value = body.get("dimensions")
    if value is None:
        return DIMENSIONS
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MAX_DIMENSIONS:
        raise RefusedError(400, f"'dimensions' must be between 1 and {_MAX_DIMENSIONS}.", param="dimensions")
    return value


def _read_format(body: Body) -> str:
    value = body.get("encoding_format")
    if value is None:
        return "float"
    if value not in ("float", "base64"):
        raise RefusedError(400, "'encoding_format' must be 'float' or 'base64'.", param="encoding_format")
    return str(value)


def _make_vector(text: str, dimensions: int) -> list[float]:
    digest = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(2 * dimensions)
    numbers = [number + 0.5 for number in struct.unpack(f"<{dimensions}h", digest)]
    length = math.hypot(*numbers)
    return [number / length for number in numbers]


def _pack(vector: Sequence[float]) -> str:
    """Return the vector as OpenAI's client asks for it: little-endian 32-bit floats in base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
