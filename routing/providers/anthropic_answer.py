"""Anthropic's content blocks, stop reasons and usage as those of a Chat Completions answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from routing.provider_failures import ProviderFailure
from routing.providers.anthropic_reasoning import encrypted_detail, text_detail
from routing.providers.anthropic_tools import JSON_TOOL
from routing.providers.failures import broken_answer
from routing.providers.openai import encode
from routing.providers.openai_stream import shown_reason, tokens_of_text
from routing.providers.wire_format import Answer

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
TIERS = {"standard": "default", "priority": "priority", "batch": "flex"}


def finish_reasons(native: Any, *, has_calls: bool = True) -> tuple[str | None, str | None]:
    """The finish reason in the contract's words, and as it came; an answer given as a call has simply stopped."""
    if not isinstance(native, str) or not native:
        return None, None
    finish = FINISH.get(native, "stop")
    return "stop" if finish == "tool_calls" and not has_calls else finish, native[:100]


def usage_of(raw: Any) -> Any:
    """Anthropic's usage as OpenAI's, in which the prompt includes what was read from and written to a cache.

    A count that is none is handed on as it is: whoever charges for it does not believe it.
    """
    if not isinstance(raw, dict):
        return None
    read, written = (_tokens(raw.get(f"cache_{kind}_input_tokens")) or 0 for kind in ("read", "creation"))
    plain = _tokens(raw.get("input_tokens"))
    prompt = raw.get("input_tokens") if plain is None else plain + read + written
    details = raw.get("output_tokens_details")
    thought = details.get("thinking_tokens") if isinstance(details, dict) else None
    return {
        "prompt_tokens": prompt,
        "completion_tokens": raw.get("output_tokens"),
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "completion_tokens_details": {"reasoning_tokens": _tokens(thought) or 0},
    }


def _tokens(value: Any) -> int | None:
    """A count that can be added up."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def read_message(message: Mapping[str, Any]) -> Answer | ProviderFailure:
    """The answer of a Messages object, or why it is none."""
    blocks = message.get("content")
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        return broken_answer("The provider's answer is empty")
    whole = _Whole()
    for block in blocks:
        whole.add(block)
    finish, native = finish_reasons(message.get("stop_reason"), has_calls=bool(whole.calls))
    choice = {
        "index": 0,
        "message": whole.message() | refusal_of(message.get("stop_details")),
        "logprobs": None,
        "finish_reason": shown_reason(finish),
        "native_finish_reason": native,
        **stop_sequence_of(message),
    }
    body = {"object": "chat.completion", "created": int(time.time()), "system_fingerprint": None}
    body |= service_tier_of(message.get("usage"))
    return Answer(
        body={**body, "choices": [choice]},
        usage=usage_of(message.get("usage")),
        finish_reason=finish,
        native_finish_reason=native,
        upstream_id=identifier_of(message),
        counted_tokens=whole.counted_tokens,
    )


def identifier_of(message: Mapping[str, Any]) -> str | None:
    """The provider's id of the answer."""
    identifier = message.get("id")
    return identifier[:200] if isinstance(identifier, str) else None


def refusal_of(details: Any) -> dict[str, str]:
    """The `refusal` of a message whose answer was stopped for what it would have said."""
    explanation = details.get("explanation") if isinstance(details, dict) else None
    return {"refusal": explanation} if isinstance(explanation, str) and explanation else {}


def stop_sequence_of(message: Mapping[str, Any]) -> dict[str, str]:
    """Which of the caller's words stopped it, if one did."""
    sequence = message.get("stop_sequence")
    return {"stop_sequence": sequence} if isinstance(sequence, str) else {}


def service_tier_of(usage: Any) -> dict[str, str]:
    """The tier that served it, in OpenAI's words."""
    tier = usage.get("service_tier") if isinstance(usage, dict) else None
    return {"service_tier": TIERS[tier]} if isinstance(tier, str) and tier in TIERS else {}


def tool_call(index: int, block: Mapping[str, Any], arguments: str) -> dict[str, Any]:
    """A call, or its beginning."""
    name, identifier = block.get("name"), block.get("id")
    function = {"name": name if isinstance(name, str) else "", "arguments": arguments}
    call = {"index": index, "id": identifier if isinstance(identifier, str) else "", "type": "function"}
    return call | {"function": function}


def annotations_of(citations: Any, start: int, end: int) -> list[dict[str, Any]]:
    """What a text that stands there in the content refers to: pages of the web, or the caller's documents.

    Chat Completions has no word for places in documents: those stay as they are.
    """
    listed = citations if isinstance(citations, list) else []
    return [_annotation(one, start, end) for one in listed if isinstance(one, dict)]


def _annotation(citation: Mapping[str, Any], start: int, end: int) -> dict[str, Any]:
    place = {"start_index": start, "end_index": end}
    url = citation.get("url")
    if isinstance(url, str):
        title, cited = (str(citation.get(name) or "") for name in ("title", "cited_text"))
        return {
            "type": "url_citation",
            "url_citation": {"url": url, "title": title, "content": cited, **place},
        }
    return dict(citation)


class _Whole:
    """The message that the blocks amount to."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self._text = ""
        self._reasoning = ""
        self._details: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, block: Mapping[str, Any]) -> None:
        kind = block.get("type")
        if kind == "text":
            start = len(self._text)
            self._text += _string(block, "text")
            self._annotations += annotations_of(block.get("citations"), start, len(self._text))
        elif kind == "thinking":
            text = _string(block, "thinking")
            self._reasoning += text
            self._details.append(
                text_detail(len(self._details), text=text, signature=_string(block, "signature"))
            )
        elif kind == "redacted_thinking":
            self._details.append(encrypted_detail(len(self._details), _string(block, "data")))
        elif kind == "tool_use":
            arguments = encode(block.get("input") or {}).decode()
            if block.get("name") == JSON_TOOL:
                self._text += arguments
            else:
                self.calls.append(tool_call(len(self.calls), block, arguments))

    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": self._text or (None if self.calls else ""),
            "refusal": None,
            "reasoning": self._reasoning or None,
        }
        optional = {
            "tool_calls": self.calls,
            "reasoning_details": self._details,
            "annotations": self._annotations,
        }
        return message | {name: value for name, value in optional.items() if value}

    @property
    def counted_tokens(self) -> int:
        length = sum(len(text.encode("utf-8", "replace")) for text in (self._text, self._reasoning))
        return tokens_of_text(length + (len(encode(self.calls)) if self.calls else 0))


def _string(block: Mapping[str, Any], name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""
