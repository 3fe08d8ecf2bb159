"""What a provider's error means in the contract's vocabulary, from its status and its error object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from routing.provider_failures import ProviderFailure

MAX_MESSAGE, MAX_RAW = 500, 2_000
MAX_RETRY_AFTER_SECONDS = 3_600
FALLBACK_MESSAGE = "Provider returned error"
CREDENTIAL_MESSAGE = "The provider did not accept the credential of this installation"

# status: (error_type, whether another provider of the same model is worth a try)
_BY_STATUS: dict[int, tuple[str, bool]] = {
    400: ("invalid_request", False),
    401: ("provider_unavailable", True),
    402: ("provider_unavailable", True),
    403: ("permission_denied", True),
    404: ("not_found", True),
    408: ("timeout", True),
    409: ("provider_unavailable", True),
    413: ("payload_too_large", False),
    422: ("unprocessable", False),
    425: ("provider_unavailable", True),
    429: ("rate_limit_exceeded", True),
    503: ("provider_overloaded", True),
    504: ("timeout", True),
    524: ("timeout", True),
    529: ("provider_overloaded", True),
}
_CREDENTIAL_STATUSES = frozenset({401, 402, 403})
"""What these say is about our account there: it may quote the credential, and helps no caller."""

_BY_CODE: dict[str, tuple[str, bool]] = {
    "context_length_exceeded": ("context_length_exceeded", True),
    "string_above_max_length": ("string_too_long", True),
    "content_filter": ("content_policy_violation", True),
    "content_policy_violation": ("content_policy_violation", True),
    "invalid_image": ("invalid_image", False),
    "image_too_large": ("image_too_large", False),
    "unsupported_image": ("unsupported_image_format", False),
}
_TOO_LONG = ("context length", "context window", "too many tokens", "input is too long", "prompt is too long")
_STATUS_BY_CODE = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
    "invalid_request_error": 400,
    "content_filter": 400,
    "content_policy_violation": 400,
    "context_length_exceeded": 400,
    "timeout": 504,
}


def failure_of_response(
    status: int, headers: Mapping[str, str], body: bytes, *, error: Mapping[str, Any] | None = None
) -> ProviderFailure:
    """What an error response means; `headers` have lower-case names, `error` is its error object if already known."""
    fields = _error_object(body) if error is None else error
    return _failure(status, fields, retry_after=_retry_after(headers), body=body)


def failure_of_event(error: Any) -> ProviderFailure:
    """What an error object means that came within an answer of status 200."""
    fields = error if isinstance(error, dict) else {"message": error}
    code = fields.get("code")
    status = code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599 else None
    if status is None:
        words = [_text(fields.get(name)) or "" for name in ("code", "type")]
        status = next((_STATUS_BY_CODE[word] for word in words if word in _STATUS_BY_CODE), 502)
    return _failure(status, fields, retry_after=None, body=b"")


def broken_answer(message: str) -> ProviderFailure:
    """An answer that is none: garbage, nothing at all, or cut off."""
    return ProviderFailure("provider_unavailable", message, is_retryable=True)


def _failure(
    status: int, error: Mapping[str, Any], *, retry_after: int | None, body: bytes
) -> ProviderFailure:
    kind, is_retryable = _BY_STATUS.get(status) or (
        ("invalid_request", False) if 400 <= status < 500 else ("provider_unavailable", True)
    )
    code = _text(error.get("code")) or _text(error.get("type"))
    message = _text(error.get("message"), MAX_MESSAGE) or FALLBACK_MESSAGE
    if status in _CREDENTIAL_STATUSES:
        return ProviderFailure(kind, CREDENTIAL_MESSAGE, is_retryable, status, retry_after, code)
    if status == 400:
        kind, is_retryable = _BY_CODE.get(code or "") or _by_message(message) or (kind, is_retryable)
    raw = body[:MAX_RAW].decode("utf-8", "replace").replace("\x00", "\ufffd") or None
    return ProviderFailure(kind, message, is_retryable, status, retry_after, code, raw)


def _by_message(message: str) -> tuple[str, bool] | None:
    lowered = message.lower()
    if any(words in lowered for words in _TOO_LONG):
        return "context_length_exceeded", True
    return None


def _error_object(body: bytes) -> Mapping[str, Any]:
    """The error object of a body in any of the usual shapes; empty where there is none."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    error = decoded.get("error", decoded) if isinstance(decoded, dict) else {}
    return error if isinstance(error, dict) else {"message": error}


def _text(value: Any, limit: int = 100) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    clean = str(value).encode("utf-8", "replace").decode().replace("\x00", "\ufffd").strip()
    return clean[:limit] or None


def _retry_after(headers: Mapping[str, str]) -> int | None:
    """Seconds to wait, from seconds or an HTTP date; absurd ones are bounded, nonsense is none."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    if not math.isfinite(seconds):
        return None
    return min(max(math.ceil(seconds), 0), MAX_RETRY_AFTER_SECONDS)


def _seconds_until(date: str) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()
