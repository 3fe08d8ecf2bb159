"""Google's errors in the contract's vocabulary (google.rpc.Status; ai.google.dev/gemini-api/docs/troubleshooting)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from routing.provider_failures import ProviderFailure
from routing.providers.failures import (
    MAX_RETRY_AFTER_SECONDS,
    failure_of_event,
    failure_of_response,
)

Json = dict[str, Any]  # JSON may be anything

_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_TOO_LONG = ("exceeds the maximum number of tokens", "input token count")
_BAD_KEY = ("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED")
_CREDENTIAL_STATUS = 401
_NOT_HERE = "User location is not supported"


def read_failure(status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
    """What an error response means; a bad key is status 400 at Google."""
    error = _error_of(body)
    shown_status = _CREDENTIAL_STATUS if status == 400 and _is_about_the_key(error) else status
    failure = failure_of_response(shown_status, headers, body)
    return _refined(replace(failure, provider_status=status), error)


def failure_in_answer(error: Any) -> ProviderFailure:
    """What an error object within an answer of status 200 means."""
    fields = error if isinstance(error, dict) else {}
    shown = {**fields, "code": _CREDENTIAL_STATUS} if _is_about_the_key(fields) else error
    return _refined(failure_of_event(shown), fields)


def _refined(failure: ProviderFailure, error: Json) -> ProviderFailure:
    """The failure with what Google says in its own places: a status word, when to come back, what was too long."""
    word = error.get("status")
    if isinstance(word, str) and word.isascii() and word.isprintable():
        failure = replace(failure, provider_code=word[:100])
    wait = _retry_after(error)
    if wait is not None and failure.retry_after is None:
        failure = replace(failure, retry_after=wait)
    if failure.error_type != "invalid_request":
        return failure
    message = failure.message.lower()
    if any(words in message for words in _TOO_LONG):
        return replace(failure, error_type="context_length_exceeded", is_retryable=True)
    if _NOT_HERE in failure.message:  # ours, not the caller's
        return replace(failure, error_type="provider_unavailable", is_retryable=True)
    return failure


def _error_of(body: bytes) -> Json:
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return {}
    if isinstance(decoded, list) and decoded:  # as a stream answers that is no stream of events
        decoded = decoded[0]
    error = decoded.get("error") if isinstance(decoded, dict) else None
    return error if isinstance(error, dict) else {}


def _details(error: Json) -> list[Json]:
    details = error.get("details")
    return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []


def _is_about_the_key(error: Json) -> bool:
    return any(detail.get("reason") in _BAD_KEY for detail in _details(error)) or str(
        error.get("message")
    ).startswith("API key")


def _retry_after(error: Json) -> int | None:
    """Seconds out of google.rpc.RetryInfo, bounded."""
    for detail in _details(error):
        delay = detail.get("retryDelay")
        found = _SECONDS.fullmatch(delay) if isinstance(delay, str) else None
        if found:
            return min(math.ceil(float(found.group(1))), MAX_RETRY_AFTER_SECONDS)
    return None
