"""Reading a JSON body so that nothing in it can hurt later: every refusal is a 400 (or 413) that says what is wrong.

PostgreSQL refuses NUL and lone surrogates, Python's parser gives up on deep nesting and takes NaN and the last of
two equal keys; all of that is settled here, once (spec: promises, text faults).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework.parsers import BaseParser

from config.lib.api_errors import ApiError

MAX_BODY_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NUMBER_LENGTH = 64
MAX_PATH_LENGTH = 300
"""Of where in a body something is wrong; longer names are cut."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class StrictJSONParser(BaseParser):
    """Parses every body as JSON, whatever its Content-Type says, and keeps its digest on the request."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:  # JSON may be anything
        return parse(read_bounded(stream, parser_context))


def read_bounded(stream: IO[Any], parser_context: Mapping[str, Any] | None) -> bytes:
    """The whole body; its digest is kept on the request. Raises ApiError (413)."""
    context = parser_context or {}
    raw: bytes = stream.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise ApiError(413, f"The body may have at most {MAX_BODY_BYTES} bytes.")
    if "request" in context:
        context["request"].body_digest = hashlib.sha256(raw).hexdigest()
    return raw


def parse(raw: bytes) -> Any:  # JSON may be anything
    """The value of a JSON text: numbers with a fraction as Decimal. Raises ApiError (400)."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(400, "The body is not UTF-8.") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        message = f"The body is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        raise ApiError(400, message) from None
    except RecursionError:
        raise _too_deep() from None
    _refuse_unstorable(value, "", 1)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ApiError(400, f"{_shown(name)}: appears twice in one object.")
        found[name] = value
    return found


def _decimal(text: str) -> Decimal:
    _refuse_long(text)
    return Decimal(text)


def _integer(text: str) -> int:
    _refuse_long(text)
    return int(text)


def _refuse_long(text: str) -> None:
    if len(text) > MAX_NUMBER_LENGTH:
        raise ApiError(400, f"A number may have at most {MAX_NUMBER_LENGTH} characters.")


def _constant(text: str) -> None:
    raise ApiError(400, f"{text} is not a JSON number.")


def _too_deep() -> ApiError:
    return ApiError(400, f"The body is nested more than {MAX_DEPTH} levels deep.")


def _refuse_unstorable(value: Any, path: str, depth: int) -> None:  # JSON may be anything
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, str) and UNSTORABLE.search(value):
        raise ApiError(400, f"{path or 'The body'}: must not contain NUL or half a surrogate pair.")
    if isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_unstorable(item, f"{path}[{number}]"[:MAX_PATH_LENGTH], depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if UNSTORABLE.search(name):
                raise ApiError(400, "A field's name must not contain NUL or half a surrogate pair.")
            below = name[:MAX_PATH_LENGTH]
            _refuse_unstorable(item, f"{path}.{below}"[:MAX_PATH_LENGTH] if path else below, depth + 1)


def _shown(name: str) -> str:
    return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", name)[:100]
