"""What a caller is told when a request is not served: one value, and its documented envelope per dialect.

The vocabulary of `error_type` and of `availability` is the contract's (api_reference/errors-and-debugging).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

DOCS_URL = "https://openrouter.ai/docs/errors"
MASKED_MESSAGE = "Internal Server Error"
BAD_KEY_MESSAGE = "The API key is missing, unknown, disabled or expired."

STATUS_OF_TYPE: dict[str, int] = {
    "context_length_exceeded": 400,
    "max_tokens_exceeded": 400,
    "token_limit_exceeded": 400,
    "string_too_long": 400,
    "authentication": 401,
    "permission_denied": 403,
    "payment_required": 402,
    "rate_limit_exceeded": 429,
    "provider_overloaded": 503,
    "provider_unavailable": 502,
    "invalid_request": 400,
    "invalid_prompt": 400,
    "not_found": 404,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "unprocessable": 422,
    "content_policy_violation": 400,
    "refusal": 400,
    "invalid_image": 400,
    "image_too_large": 400,
    "image_too_small": 400,
    "unsupported_image_format": 400,
    "image_not_found": 404,
    "image_download_failed": 400,
    "server": 500,
    "timeout": 504,
    "unmapped": 500,
}

_ANTHROPIC_TYPES = {
    "authentication": "authentication_error",
    "permission_denied": "permission_error",
    "payment_required": "billing_error",
    "not_found": "not_found_error",
    "image_not_found": "not_found_error",
    "rate_limit_exceeded": "rate_limit_error",
    "provider_overloaded": "overloaded_error",
    "timeout": "timeout_error",
    "provider_unavailable": "api_error",
    "server": "api_error",
    "unmapped": "api_error",
}

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Availability:
    """Why a model cannot be served; `code` is what programs switch on."""

    code: str
    requested_models: tuple[str, ...]
    is_retryable: bool = False
    retry_after: int | None = None
    affected_providers: tuple[str, ...] = ()
    excluded_by: tuple[str, ...] = ()
    fallback_models: tuple[str, ...] = ()
    constraint: tuple[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented object; what does not apply is left out."""
        body: dict[str, Any] = {"code": self.code, "retryable": self.is_retryable}
        if self.retry_after is not None:
            body["retry_after"] = self.retry_after
        body["requested_models"] = list(self.requested_models)
        for name in ("affected_providers", "excluded_by", "fallback_models"):
            if values := getattr(self, name):
                body[name] = list(values)
        if self.constraint:
            body["constraint"] = {"field": self.constraint[0], "detail": self.constraint[1]}
        return body | {"docs_url": f"{DOCS_URL}#{self.code}"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not served, or an answer that ends in an error.

    `rule` says for the log what refused (`key`, `credits`, `rate`, `model_not_found`, `provider` …), `layer`
    whose limit it was. `metadata` goes to the caller; `headers` are sent beside Retry-After.
    """

    status: int
    error_type: str
    message: str
    rule: str
    layer: str | None = None
    retry_after: int | None = None
    availability: Availability | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    def suggesting(self, models: tuple[str, ...]) -> Refusal:
        """The same refusal with models that could be asked instead, where it says why a model is not available."""
        if self.availability is None or not models:
            return self
        return replace(self, availability=replace(self.availability, fallback_models=models))

    def with_metadata(self, **more: Any) -> Refusal:
        """The same refusal with more metadata (`previous_errors`, `provider_name`)."""
        return replace(self, metadata={**self.metadata, **more})


def error_object(refusal: Refusal) -> dict[str, Any]:
    """The `error` object of the OpenAI-shaped dialects; a 500 is masked."""
    is_masked = refusal.status == 500
    metadata = {"error_type": refusal.error_type} | ({} if is_masked else dict(refusal.metadata))
    error: dict[str, Any] = {
        "code": refusal.status,
        "message": MASKED_MESSAGE if is_masked else refusal.message,
    }
    if refusal.availability is not None:
        error |= {
            "error_type": refusal.error_type,
            "http_status": refusal.status,
            "availability": refusal.availability.as_json(),
        }
    return error | {"metadata": metadata}


def envelope(refusal: Refusal, *, dialect: str = "chat", generation_id: str | None = None) -> dict[str, Any]:
    """The body of an error response in the caller's dialect; `messages` is Anthropic's, all others OpenAI's.

    In `responses` the type is also where failed responses have it.
    """
    error = error_object(refusal)
    if dialect == "responses":
        return {"error": error, "error_type": refusal.error_type}
    if dialect != "messages":
        return {"error": error}
    inner: dict[str, Any] = {
        "type": _ANTHROPIC_TYPES.get(refusal.error_type, "invalid_request_error"),
        "message": error["message"],
        "error_type": refusal.error_type,
    }
    if "availability" in error:
        inner["availability"] = error["availability"]
    body: dict[str, Any] = {"type": "error", "error": inner, "request_id": generation_id}
    return body | ({"metadata": dict(refusal.metadata)} if refusal.metadata and refusal.status != 500 else {})


def encode_envelope(refusal: Refusal, *, dialect: str = "chat", generation_id: str | None = None) -> bytes:
    """The error response's body as bytes."""
    return _encode(envelope(refusal, dialect=dialect, generation_id=generation_id))


def error_headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """The headers that go with the refusal: Retry-After and rate limits."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in refusal.headers]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    return headers


def chat_error_chunk(
    refusal: Refusal,
    *,
    generation_id: str,
    model: str,
    provider: str,
    created: int,
    native_finish_reason: str | None = None,
) -> bytes:
    """The server-sent event that ends a chat stream with an error; `[DONE]` is the caller's to send."""
    choice: dict[str, Any] = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    if native_finish_reason is not None:
        choice["native_finish_reason"] = native_finish_reason
    chunk = {
        "id": generation_id,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "provider": provider,
        "error": error_object(refusal),
        "choices": [choice],
    }
    return b"data: %b\n\n" % _encode(chunk)


def invalid_request(message: str, *, parameter: str | None = None, status: int = 400) -> Refusal:
    """A request that makes no sense, naming the parameter."""
    metadata = {"parameter": parameter} if parameter else {}
    kind = {413: "payload_too_large", 422: "unprocessable"}.get(status, "invalid_request")
    return Refusal(status, kind, message, "invalid_request", metadata=metadata)


def unauthorized(message: str = BAD_KEY_MESSAGE, *, rule: str = "key") -> Refusal:
    """No key, or one that opens nothing: all of them alike, whatever the rule that the log names."""
    return Refusal(401, "authentication", message, rule)


def forbidden(message: str, *, rule: str, layer: str | None = None, **metadata: Any) -> Refusal:
    """A caller who is known, and may not."""
    return Refusal(403, "permission_denied", message, rule, layer=layer, metadata=metadata)


def model_not_found(requested: tuple[str, ...], suggested: tuple[str, ...] = ()) -> Refusal:
    """None of the requested models exists; `suggested` ones do."""
    message = f"{requested[0] if requested else 'The model'} is not a valid model ID"
    availability = Availability("model_not_found", requested, fallback_models=suggested)
    return Refusal(400, "invalid_request", message, "model_not_found", availability=availability)


def unavailable(
    message: str = "Headgate cannot check this request right now.", *, retry_after: int = 1
) -> Refusal:
    """Our own 503: the database is away, or there is no room for a begin."""
    return Refusal(503, "provider_overloaded", message, "unavailable", retry_after=retry_after)


def internal_error() -> Refusal:
    """Our own 500; nothing of it is shown."""
    return Refusal(500, "server", MASKED_MESSAGE, "internal")
