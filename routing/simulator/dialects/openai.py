"""What the OpenAI endpoints have in common (platform.openai.com/docs/api-reference)."""

from collections.abc import Mapping

from routing.simulator.ask import RefusedError
from routing.simulator.dialects.base import encode

DONE = b"data: [DONE]\n\n"

_TYPES = {402: "insufficient_quota", 429: "rate_limit_error", 503: "service_unavailable_error"}
_CODES = {401: "invalid_api_key", 402: "insufficient_quota", 404: "not_found", 429: "rate_limit_exceeded"}


def count_usage(prompt_tokens: int, completion_tokens: int) -> Mapping[str, object]:
    """Return the usage object of chat and text completions."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def write_error(refusal: RefusedError) -> bytes:
    """Return the error object of all OpenAI endpoints."""
    status = refusal.status
    error = {
        "message": refusal.message,
        "type": _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error"),
        "param": refusal.param,
        "code": refusal.code or _CODES.get(status),
    }
    return encode({"error": error})
