"""What a journal holds: lines of `crc32 JSON newline`; the JSON is an array that begins with a tag.

Text is cleaned here, at the edge, because what PostgreSQL refuses (NUL, lone surrogates) must never cost a
charge later (spec: money §4, §9). New fields go at the end of a record and have a default: a journal may
outlive the version that wrote it.
"""

from __future__ import annotations

import re
import zlib
from typing import Any, NamedTuple, TypeAlias

import msgspec

MAX_BODY_BYTES = 256 * 1024
MAX_CONTENT_BYTES = 3 << 19
"""Of a record of content: a mebibyte that does not compress, in base64. No line is longer."""
MAX_DEPTH = 32
INT64_MAX = 2**63 - 1
CRC_BYTES = 9
BACKSLASH = ord("\\")


class CorruptLine(ValueError):
    """The line's checksum does not match: torn by a crash, or damaged since."""


class Hold(NamedTuple):
    """Money set aside in a lease; `counts_byok`: the purse also counts what BYOK requests would cost.

    Without `counts_credits` it counts nothing else: the free allowance of BYOK is such a one.
    """

    purse_id: int
    window_start: int
    nano: int
    counts_byok: bool = False
    counts_credits: bool = True

    def counted(self, cost_nano: int, byok_nano: int) -> int:
        """What a settled request takes out of the lease; the gateway must count the same."""
        if not self.counts_credits:
            return byok_nano
        return cost_nano + byok_nano if self.counts_byok else cost_nano


class Begin(msgspec.Struct, array_like=True, tag="b", gc=False):
    """A request was admitted; written before its provider is called. Times are Unix microseconds.

    `context` may name any column of a generation that is known by now; the rest becomes part of its detail.
    """

    id: str
    admitted_at: int
    organization_id: int
    workspace_id: int
    api_key_id: int | None
    member_id: int | None
    subjects: tuple[int, ...]
    holds: tuple[Hold, ...]
    model: str
    context: dict[str, Any] = {}


class Extend(msgspec.Struct, array_like=True, tag="h", gc=False):
    """More money was set aside for a request that makes another upstream call."""

    id: str
    holds: tuple[Hold, ...]


class Checkpoint(msgspec.Struct, array_like=True, tag="c", gc=False):
    """What a stream has cost up to now: the charge if nothing more is ever heard of it."""

    id: str
    cost_nano: int
    byok_nano: int
    prompt_tokens: int
    completion_tokens: int
    provider: str = ""
    endpoint_id: int | None = None
    price_version_id: int | None = None


class End(msgspec.Struct, array_like=True, tag="e", gc=False):
    """A request is over, with its charge. An empty `model` or `provider` leaves the one that Begin named."""

    id: str
    cost_nano: int
    byok_nano: int
    status: str
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    error_type: str | None = None
    http_status: int | None = None
    model: str = ""
    provider: str = ""
    endpoint_id: int | None = None
    price_version_id: int | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    is_usage_estimated: bool = False
    upstream_cost_nano: int | None = None
    is_byok: bool = False
    latency_ms: int | None = None
    generation_ms: int | None = None
    upstream_id: str | None = None
    detail: dict[str, Any] = {}


class Content(msgspec.Struct, array_like=True, tag="t", gc=False):
    """What was said, sealed (observability.content_sealing), just before the end of its request.

    `is_logged`: I/O logging keeps it. `destinations` and `classifiers` are those that it is kept for until
    they have seen it.
    """

    id: str
    sealed: str
    is_logged: bool = False
    destinations: tuple[int, ...] = ()
    classifiers: tuple[int, ...] = ()


class Refusal(msgspec.Struct, array_like=True, tag="r", gc=False):
    """A request, or `count` alike ones, that no provider was called for and nothing is charged for."""

    id: str
    admitted_at: int
    organization_id: int
    workspace_id: int
    api_key_id: int | None
    member_id: int | None
    model: str
    error_type: str
    http_status: int
    count: int = 1
    detail: dict[str, Any] = {}


class Rotated(msgspec.Struct, array_like=True, tag="z", gc=False):
    """The next segment exists and holds every request that was still open."""


class Closed(msgspec.Struct, array_like=True, tag="x", gc=False):
    """The process ended in good order with nothing open."""


Record: TypeAlias = Begin | Extend | Checkpoint | Content | End | Refusal | Rotated | Closed

# Content is not among them: what is damaged of it is worth nothing, and no charge depends on it.
_BY_TAG: dict[str, type[msgspec.Struct]] = {
    "b": Begin,
    "h": Extend,
    "c": Checkpoint,
    "e": End,
    "r": Refusal,
    "z": Rotated,
    "x": Closed,
}
_SEALED = re.compile(rb"[A-Za-z0-9_=.-]{100,}")
_OMITTED = b"(content)"
_encode = msgspec.json.Encoder(enc_hook=str).encode
_decode = msgspec.json.Decoder(Record).decode
_decode_anything = msgspec.json.Decoder().decode


def encode_line(record: Record) -> bytes:
    """The record as a journal line; text that PostgreSQL would refuse is replaced, never an error."""
    try:
        body = _encode(record)
    except (ValueError, OverflowError, RecursionError, TypeError, msgspec.MsgspecError):
        body = _encode(_cleaned(record))
    else:
        if BACKSLASH in body and b"\\u0000" in body:  # a lone byte is looked for ten times as fast
            body = _encode(_cleaned(record))
    if len(body) > MAX_BODY_BYTES and not isinstance(record, Content):
        body = _encode(_without_detail(record))
    return b"%08x %b\n" % (zlib.crc32(body), body)


def decode_line(line: bytes) -> Record:
    """The record of a line without its newline. Raises CorruptLine, or MsgspecError for a wrong shape."""
    record: Record = _decode(checked_body(line))
    return record


def checked_body(line: bytes) -> bytes:
    """The JSON of a line whose checksum holds. Raises CorruptLine."""
    body = line[CRC_BYTES:]
    if line[:CRC_BYTES] != b"%08x " % zlib.crc32(body):
        raise CorruptLine(line[:200])
    return body


def salvage(line: bytes) -> Record | None:
    """Make a record of a whole line whose fields have wrong types, so that its charge is not lost."""
    raw = _decode_anything(checked_body(line))
    if not isinstance(raw, list) or not raw or not isinstance(raw[0], str):
        return None
    kind = _BY_TAG.get(raw[0])
    if kind is None or len(raw) < 2:
        return None
    fields = msgspec.structs.fields(kind)
    values = {field.name: _coerced(value, field) for field, value in zip(fields, raw[1:], strict=False)}
    missing = {field.name: _fallback(field) for field in fields if field.name not in values}
    record: Record = kind(**values, **missing)  # type: ignore[assignment]  # every kind in _BY_TAG is a Record
    return record


def _coerced(value: Any, field: msgspec.structs.FieldInfo) -> Any:  # any JSON value may stand there
    try:
        return msgspec.convert(value, field.type, strict=False)
    except msgspec.ValidationError:
        pass
    if field.type is str:
        return str(value)
    if field.type is int and isinstance(value, float) and abs(value) <= INT64_MAX:
        return round(value)
    return _fallback(field)


def _fallback(field: msgspec.structs.FieldInfo) -> Any:  # the type is the field's
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return {int: 0, str: ""}.get(field.type, () if "tuple" in str(field.type) else None)


def without_content(record: bytes) -> bytes:
    """The bytes of a journal, whatever is wrong with them, without anything that may be sealed content."""
    return _SEALED.sub(_OMITTED, record)


def clean_text(text: str) -> str:
    """Replace NUL and join or replace surrogates, so that PostgreSQL stores the text."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "\ufffd")


def cleaned(value: Any, depth: int = 0) -> Any:  # detail is free JSON: its shape is the gateway's business
    """The value without text, numbers and nesting that cannot be stored."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return max(-INT64_MAX, min(INT64_MAX, value))
    if depth > MAX_DEPTH and isinstance(value, dict | list | tuple):
        return "…"
    if isinstance(value, dict):
        return {clean_text(str(key)): cleaned(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item, depth + 1) for item in value]
    return value if isinstance(value, float) else clean_text(str(value))


def _cleaned(record: Record) -> Record:
    return _changed(record, {name: cleaned(getattr(record, name)) for name in record.__struct_fields__})


def _without_detail(record: Record) -> Record:
    short = {
        name: value[:1024] if isinstance(value := getattr(record, name), str) else value
        for name in record.__struct_fields__
    }
    for name in ("context", "detail"):
        if name in short:
            short[name] = {"is_truncated": True}
    return _changed(record, short)


def _changed(record: Record, values: dict[str, Any]) -> Record:
    return type(record)(**values)
