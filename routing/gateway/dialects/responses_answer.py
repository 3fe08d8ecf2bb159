"""The Response object: the request's settings repeated, the output, how it ended and what it cost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, TypeAlias

from routing.errors import Refusal, error_object
from routing.gateway.dialects.chat_steps import reported

Json: TypeAlias = dict[str, Any]

KEY = "responses"
"""Where a Call's detail keeps what the answer repeats of the request."""
CODES = {
    "rate_limit_exceeded": "rate_limit_exceeded",
    "context_length_exceeded": "invalid_prompt",
    "max_tokens_exceeded": "invalid_prompt",
    "token_limit_exceeded": "invalid_prompt",
    "string_too_long": "invalid_prompt",
    "invalid_request": "invalid_prompt",
    "invalid_prompt": "invalid_prompt",
    "unprocessable": "invalid_prompt",
    "payload_too_large": "invalid_prompt",
    "not_found": "invalid_prompt",
    "content_policy_violation": "image_content_policy_violation",
    "refusal": "image_content_policy_violation",
    "invalid_image": "invalid_image",
    "image_too_large": "image_too_large",
    "image_too_small": "image_too_small",
    "unsupported_image_format": "unsupported_image_media_type",
    "image_not_found": "image_file_not_found",
    "image_download_failed": "failed_to_download_image",
}
"""The contract's reduced vocabulary (api_reference/responses/error-handling); everything else is `server_error`."""
BROKEN = Refusal(502, "provider_unavailable", "The provider ended its answer with an error.", "provider")
_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def begun(repeated: Mapping[str, Any], *, generation_id: str, model: str, created_at: int) -> Json:
    """The response as it is when nothing of it is there yet."""
    return {
        "id": generation_id,
        "object": "response",
        "created_at": created_at,
        "status": "in_progress",
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        **repeated,
    }


def served_as(response: Json, body: Mapping[str, Any]) -> Json:
    """The response with the service tier that the provider named, where it named one."""
    tier = body.get("service_tier")
    return {**response, "service_tier": tier} if isinstance(tier, str) else response


def status_of(finish_reason: str | None) -> str:
    """How a response is that ended so: the items that were open are as complete as it is."""
    if finish_reason == "error":
        return "failed"
    return "incomplete" if finish_reason in _REASONS else "completed"


def ended(response: Json, output: list[Json], finish_reason: str | None, usage: Mapping[str, Any]) -> Json:
    """The response when all of it is there."""
    if status_of(finish_reason) == "failed":
        return failed(response, output, BROKEN) | {"usage": usage_of(usage)}
    reason = _REASONS.get(finish_reason or "")
    return response | {
        "status": status_of(finish_reason),
        "completed_at": None if reason else int(time.time()),
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "output_text": _text_of(output),
        "usage": usage_of(usage),
    }


def failed(response: Json, output: list[Json], refusal: Refusal) -> Json:
    """The response when an error ended it: the contract's own code is in `error_type`."""
    known = error_object(refusal)
    error: Json = {"code": CODES.get(refusal.error_type, "server_error"), "message": known["message"]}
    details = {name: value for name, value in known["metadata"].items() if name != "error_type"}
    if details:
        error["metadata"] = details
    if "availability" in known:
        error["availability"] = known["availability"]
    return response | {
        "status": "failed",
        "error": error,
        "error_type": refusal.error_type,
        "output": output,
    }


def usage_of(usage: Mapping[str, Any]) -> Json:
    """The usage of Chat Completions under the names of this API."""
    usage = reported(usage)
    inputs = usage.get("prompt_tokens_details") or {}
    outputs = usage.get("completion_tokens_details") or {}
    costs = usage.get("cost_details") or {}
    told = {name: usage[name] for name in ("server_tool_use_details", "server_tool_use") if name in usage}
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {
            "cached_tokens": inputs.get("cached_tokens", 0),
            "cache_write_tokens": inputs.get("cache_write_tokens", 0),
        },
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": outputs.get("reasoning_tokens", 0)},
        "total_tokens": usage["total_tokens"],
        "cost": usage.get("cost"),
        "is_byok": usage.get("is_byok", False),
        "cost_details": {
            "upstream_inference_cost": costs.get("upstream_inference_cost"),
            "upstream_inference_input_cost": costs.get("upstream_inference_prompt_cost", 0),
            "upstream_inference_output_cost": costs.get("upstream_inference_completions_cost", 0),
        },
        **told,
    }


def _text_of(output: list[Json]) -> str:
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    return "".join([part["text"] for part in parts if part["type"] == "output_text"])
