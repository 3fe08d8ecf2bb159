"""Gemini's `usageMetadata` in Chat Completions' words (ai.google.dev/api/generate-content#UsageMetadata).

Google counts thoughts beside the answer and not within it, and leaves out what is zero.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]  # JSON may be anything


def read_usage(found: Any) -> Json | None:
    """The usage for `routing.pricing.usage_from_provider`, which judges the numbers; None where there is none."""
    if not isinstance(found, dict) or not found:
        return None
    thoughts = _number(found.get("thoughtsTokenCount"))
    prompt = _sum(found.get("promptTokenCount"), found.get("toolUsePromptTokenCount"))
    completion = _sum(found.get("candidatesTokenCount"), thoughts)
    if completion is None:
        completion = _rest(found.get("totalTokenCount"), prompt)
    inputs, cached = _by_modality(found, "promptTokensDetails"), _by_modality(found, "cacheTokensDetails")
    outputs = _by_modality(found, "candidatesTokensDetails")
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": found.get("totalTokenCount"),
        "prompt_tokens_details": {
            "cached_tokens": found.get("cachedContentTokenCount", 0),
            # Cached audio is charged as cached.
            "audio_tokens": max(inputs.get("AUDIO", 0) - cached.get("AUDIO", 0), 0),
            "image_tokens": inputs.get("IMAGE", 0),
            "video_tokens": inputs.get("VIDEO", 0),
        },
        "completion_tokens_details": {
            "reasoning_tokens": thoughts or 0,
            "audio_tokens": outputs.get("AUDIO", 0),
            "image_tokens": outputs.get("IMAGE", 0),
        },
    }


def _number(value: Any) -> Any:
    """A count as a number where it can be one; what cannot is handed on as it is."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return value


def _sum(first: Any, second: Any) -> Any:
    """Two counts together; with nonsense in one of them, the nonsense, so that it is not believed."""
    counts = [number for value in (first, second) if (number := _number(value)) is not None]
    if not counts:
        return None
    odd = [value for value in counts if isinstance(value, bool) or not isinstance(value, int) or value < 0]
    return odd[0] if odd else sum(counts)


def _rest(total: Any, prompt: Any) -> Any:
    total = _number(total)
    if isinstance(total, int) and isinstance(prompt, int) and total >= prompt:
        return total - prompt
    return None


def _by_modality(found: Json, name: str) -> dict[str, int]:
    """Counts by modality; nonsense is nothing."""
    details = found.get(name)
    counts: dict[str, int] = {}
    for detail in details if isinstance(details, list) else ():
        modality = detail.get("modality") if isinstance(detail, dict) else None
        count = _number(detail.get("tokenCount")) if isinstance(modality, str) else None
        if isinstance(modality, str) and isinstance(count, int) and count > 0:
            counts[modality] = counts.get(modality, 0) + count
    return counts
