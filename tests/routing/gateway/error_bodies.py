"""Errors as the contract has them, written out by hand, in the envelope of each dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.routing.gateway.entrances import MESSAGES, RESPONSES

NOTHING: Mapping[str, Any] = {}
MASK = "…"
DOCS = "https://openrouter.ai/docs/errors#"
ANTHROPIC = {
    "invalid_request": "invalid_request_error",
    "payload_too_large": "invalid_request_error",
    "authentication": "authentication_error",
    "payment_required": "billing_error",
    "permission_denied": "permission_error",
    "not_found": "not_found_error",
    "rate_limit_exceeded": "rate_limit_error",
    "provider_overloaded": "overloaded_error",
    "timeout": "timeout_error",
    "provider_unavailable": "api_error",
}
RESPONSES_CODES = {
    "invalid_request": "invalid_prompt",
    "not_found": "invalid_prompt",
    "rate_limit_exceeded": "rate_limit_exceeded",
}
"""All others are `server_error`."""


class Error(NamedTuple):
    """What a caller is told, whatever the dialect."""

    status: int
    error_type: str
    message: str
    metadata: Mapping[str, Any] = NOTHING
    availability: Mapping[str, Any] | None = None


def availability(code: str, *models: str, is_retryable: bool = False, **more: Any) -> dict[str, Any]:
    """The documented object."""
    about = {"code": code, "retryable": is_retryable, "requested_models": list(models)}
    return {**about, **more, "docs_url": DOCS + code}


def body_of(error: Error, path: str, *, request_id: str | None = None) -> dict[str, Any]:
    """The whole body of an error response."""
    if path == MESSAGES:
        body: dict[str, Any] = {"type": "error", "error": _anthropic(error), "request_id": request_id}
        return body | ({"metadata": dict(error.metadata)} if error.metadata else {})
    body = {"error": _openai(error)}
    return body | ({"error_type": error.error_type} if path == RESPONSES else {})


def event_of(error: Error, path: str) -> dict[str, Any]:
    """The last event of a stream, as far as it is about the error."""
    if path == MESSAGES:
        return {"type": "error", "error": _anthropic(error)}
    if path != RESPONSES:
        return {"error": _openai(error)}
    code = RESPONSES_CODES.get(error.error_type, "server_error")
    told: dict[str, Any] = {"code": code, "message": error.message}
    if error.metadata:
        told["metadata"] = dict(error.metadata)
    if error.availability is not None:
        told["availability"] = error.availability
    return {
        "type": "response.failed",
        "response": {"status": "failed", "error": told, "error_type": error.error_type},
    }


def masked(value: Any) -> Any:
    """A body without what is another each time: ids, and what a provider wrote."""
    if isinstance(value, dict):
        return {name: MASK if name == "raw" else masked(one) for name, one in value.items()}
    if isinstance(value, list):
        return [masked(one) for one in value]
    return MASK if isinstance(value, str) and value.startswith("gen-") else value


def _openai(error: Error) -> dict[str, Any]:
    told: dict[str, Any] = {"code": error.status, "message": error.message}
    if error.availability is not None:
        told |= {
            "error_type": error.error_type,
            "http_status": error.status,
            "availability": error.availability,
        }
    return told | {"metadata": {"error_type": error.error_type, **error.metadata}}


def _anthropic(error: Error) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": ANTHROPIC[error.error_type],
        "message": error.message,
        "error_type": error.error_type,
    }
    return told | ({} if error.availability is None else {"availability": error.availability})
