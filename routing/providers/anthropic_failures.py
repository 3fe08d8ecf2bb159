"""What Anthropic's errors mean (docs.anthropic.com/en/api/errors): a 400 of many kinds is told by its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routing.provider_failures import ProviderFailure
from routing.providers.failures import CREDENTIAL_MESSAGE, failure_of_event, failure_of_response

STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_WORDS: tuple[tuple[str, str, bool], ...] = (
    ("prompt is too long", "context_length_exceeded", True),
    ("exceed context limit", "context_length_exceeded", True),
    ("content filtering policy", "content_policy_violation", True),
    ("could not process image", "invalid_image", False),
    ("image exceeds", "image_too_large", False),
    ("image dimensions exceed", "image_too_large", False),
    ("unable to download", "image_download_failed", True),
)
"""Words of a message, the error_type they mean, and whether another provider is worth a try."""
_ACCOUNT = "credit balance is too low"


def failure_of(status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
    """What an error response means; header names are lower-case."""
    return _told_by_words(failure_of_response(status, headers, body))


def failure_within(error: Any) -> ProviderFailure:
    """What an error object means that came within an answer of status 200."""
    fields = error if isinstance(error, dict) else {"message": error}
    kind = fields.get("type")
    status = STATUSES.get(kind) if isinstance(kind, str) else None
    found = failure_of_event(fields if status is None else {**fields, "code": status})
    if status is None or not isinstance(kind, str):
        return found
    return _told_by_words(_changed(found, found.error_type, found.message, found.is_retryable, code=kind))


def _told_by_words(failure: ProviderFailure) -> ProviderFailure:
    if failure.provider_status != 400:
        return failure
    lowered = failure.message.lower()
    if _ACCOUNT in lowered:  # it is about our account there, and helps no caller
        return ProviderFailure(
            "provider_unavailable", CREDENTIAL_MESSAGE, True, 400, None, failure.provider_code
        )
    for words, kind, is_retryable in _WORDS:
        if words in lowered:
            return _changed(failure, kind, failure.message, is_retryable, code=failure.provider_code)
    return failure


def _changed(
    failure: ProviderFailure, kind: str, message: str, is_retryable: bool, *, code: str | None
) -> ProviderFailure:
    return ProviderFailure(
        kind, message, is_retryable, failure.provider_status, failure.retry_after, code, failure.raw
    )
