"""A Chat Completions answer as Anthropic's message: its blocks, why it stopped, what it used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from routing.call import Call
from routing.gateway.dialects.chunks import a_text, an_object, content_of, objects
from routing.gateway.dialects.dialect import Step
from routing.gateway.dialects.messages_records import result_block, told_of, use_block
from routing.gateway.dialects.steps import steps_of
from routing.gateway.dialects.thinking import block_of

Body = Mapping[str, Any]  # the provider's JSON

STOPS = {"length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
OF_ANTHROPIC = frozenset({"pause_turn", "refusal", "model_context_window_exceeded", "compaction"})
"""Reasons that Chat Completions has no word for."""
SEQUENCE_NAMES = ("stop_sequence", "stop_reason", "matched_stop")
"""Where Anthropic, vLLM and SGLang say which stop sequence it was."""
SERVER_TOOLS = ("web_search_requests", "web_fetch_requests")
LOCATIONS = frozenset({"char_location", "page_location", "content_block_location", "search_result_location"})
PLACE = ("start_index", "end_index")
TIERS = {"default": "standard", "standard": "standard", "priority": "priority", "batch": "batch"}


def message_of(call: Call, body: Body) -> dict[str, Any]:
    """The message without what the gateway knows: id, model, provider and usage."""
    choice = (objects(body, "choices") or [{}])[0]
    message = an_object(choice, "message")
    blocks = [block for step in steps_of(choice) for block in _blocks(call, step)]
    has_calls = any(block["type"] == "tool_use" for block in blocks)
    return {
        "type": "message",
        "role": "assistant",
        "content": blocks,
        **stop_of(call, choice, has_calls=has_calls, refusal=a_text(message, "refusal")),
        "container": None,
    }


def _blocks(call: Call, step: Step) -> list[dict[str, Any]]:
    message = step.message
    said = [*_thinking(call, message), *_texts(message), *_calls(message)]
    return [*said, *map(use_block, told_of(step.tools)), *map(result_block, told_of(step.tools))]


def stop_of(call: Call, choice: Body, *, has_calls: bool, refusal: str) -> dict[str, Any]:
    """Why it stopped, in Anthropic's words."""
    native, sequence = choice.get("native_finish_reason"), _stop_sequence(call, choice)
    reason = STOPS.get(str(choice.get("finish_reason")), "end_turn")
    if isinstance(native, str) and native in OF_ANTHROPIC:
        reason = native
    elif reason == "end_turn" and refusal:
        reason = "refusal"
    elif reason == "end_turn" and has_calls:
        reason = "tool_use"
    elif reason == "end_turn" and (sequence or native == "stop_sequence"):
        reason = "stop_sequence"
    details = {"type": "refusal", "category": None, "explanation": refusal or None}
    return {
        "stop_reason": reason,
        "stop_sequence": sequence if reason == "stop_sequence" else None,
        "stop_details": details if reason == "refusal" else None,
    }


def _stop_sequence(call: Call, choice: Body) -> str | None:
    asked = call.detail.get("messages", {}).get("stop", ())
    said = (choice.get(name) for name in SEQUENCE_NAMES)
    return next((text for text in said if isinstance(text, str) and text in asked), None)


def usage_of(usage: Body, tier: Any = None) -> dict[str, Any]:  # whatever a provider says its tier was
    """Anthropic's usage: what was read from the cache, or written into it, is no input there."""
    prompt, completion = usage["prompt_tokens_details"], usage["completion_tokens_details"]
    used = usage.get("server_tool_use_details")
    read, written = prompt["cached_tokens"], prompt["cache_write_tokens"]
    return {
        "input_tokens": usage["prompt_tokens"] - read - written,
        "output_tokens": usage["completion_tokens"],
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens_details": {"thinking_tokens": completion["reasoning_tokens"]},
        "server_tool_use": {name: used.get(name) or 0 for name in SERVER_TOOLS} if used else None,
        "inference_geo": None,
        "service_tier": TIERS.get(tier) if isinstance(tier, str) else None,
        "cost": usage["cost"],
        "is_byok": usage["is_byok"],
        "cost_details": usage["cost_details"],
    }


def is_thinking_hidden(call: Call) -> bool:
    """Whether the caller wants thinking blocks without what was thought."""
    return bool(call.detail.get("messages", {}).get("is_thinking_hidden"))


def _thinking(call: Call, message: Body) -> list[dict[str, Any]]:
    details = objects(message, "reasoning_details")
    blocks = [block for block in map(block_of, details) if block is not None]
    if not blocks and (text := a_text(message, "reasoning", "reasoning_content")):
        blocks = [{"type": "thinking", "thinking": text, "signature": ""}]
    if is_thinking_hidden(call):
        blocks = [{**block, "thinking": ""} if block["type"] == "thinking" else block for block in blocks]
    return blocks


def _texts(message: Body) -> list[dict[str, Any]]:
    text = content_of(message) or a_text(message, "refusal")
    citations = [found for one in objects(message, "annotations") if (found := citation_of(one))]
    return [{"type": "text", "text": text, "citations": citations or None}] if text or citations else []


def citation_of(annotation: Body) -> dict[str, Any] | None:
    """An annotation as a citation; None for what Anthropic's clients have no citation for."""
    inner = an_object(annotation, "file_citation")
    if inner.get("type") in LOCATIONS:  # Anthropic's own, as its wire format keeps it
        return {name: value for name, value in inner.items() if name not in PLACE}
    cited = an_object(annotation, "url_citation")
    if not cited:
        return None
    return {
        "type": "web_search_result_location",
        "cited_text": a_text(cited, "content"),
        "encrypted_index": "",
        "title": a_text(cited, "title") or None,
        "url": a_text(cited, "url"),
    }


def _calls(message: Body) -> list[dict[str, Any]]:
    blocks = []
    for index, call in enumerate(objects(message, "tool_calls")):
        function = an_object(call, "function")
        block = tool_block(a_text(call, "id") or f"toolu_{index}", a_text(function, "name"))
        blocks.append({**block, "input": _arguments(function.get("arguments"))})
    return blocks


def tool_block(identifier: str, name: str) -> dict[str, Any]:
    """The beginning of a tool call."""
    return {"type": "tool_use", "id": identifier, "name": name, "input": {}, "caller": {"type": "direct"}}


def _arguments(text: Any) -> Any:  # what the model wrote, which may be anything
    """The arguments as an object; such as came as JSON are not written anew, however deep they are."""
    if isinstance(text, dict):
        return text
    if not isinstance(text, str) or not text.strip():
        return {}
    try:
        found = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        found = None
    return msgspec.Raw(text.encode()) if isinstance(found, dict) else {"raw_arguments": text}
