"""What Converse answers, in the words of Chat Completions: messages, finish reasons, usage, failures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from routing.provider_failures import ProviderFailure
from routing.providers.failures import broken_answer, failure_of_response
from routing.providers.openai import encode
from routing.providers.openai_stream import tokens_of_text
from routing.providers.wire_format import Answer

CLAUDE_FORMAT, UNKNOWN_FORMAT = "anthropic-claude-v1", "unknown"

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}

_STATUSES = {
    "accessdeniedexception": 403,
    "expiredtokenexception": 403,
    "incompletesignature": 403,
    "internalserverexception": 500,
    "invalidsignatureexception": 403,
    "missingauthenticationtokenexception": 403,
    "modelerrorexception": 502,
    "modelnotreadyexception": 503,
    "modelstreamerrorexception": 502,
    "modeltimeoutexception": 408,
    "resourcenotfoundexception": 404,
    "servicequotaexceededexception": 429,
    "serviceunavailableexception": 503,
    "throttlingexception": 429,
    "unrecognizedclientexception": 403,
}
"""What these mean, where it is not what their HTTP status says (or where there is none, as within a stream)."""
_UNKNOWN_MODEL = ("model identifier is invalid", "on-demand throughput isn", "model id is invalid")
"""How a ValidationException says that the model is not there: another provider may have it."""


def finish_of(native: Any) -> tuple[str | None, str | None]:
    """A stop reason in the contract's words, and as it came."""
    if not isinstance(native, str) or not native:
        return None, None
    return FINISH.get(native, "stop"), native[:100]


def usage_of(raw: Any) -> Any:
    """Converse's token counts as Chat Completions has them: what was cached is part of the prompt there.

    Counts that are no numbers are passed on as they are, for the gateway to judge.
    """
    if not isinstance(raw, dict):
        return raw
    prompt = raw.get("inputTokens")
    read, written = (_count(raw.get(name)) for name in ("cacheReadInputTokens", "cacheWriteInputTokens"))
    if isinstance(prompt, int) and not isinstance(prompt, bool) and prompt >= 0:
        prompt += read + written
    return {
        "prompt_tokens": prompt,
        "completion_tokens": raw.get("outputTokens"),
        "total_tokens": raw.get("totalTokens"),
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
    }


def answer_of(body: bytes) -> Answer | ProviderFailure:
    """The answer of status 200 that was not streamed, or why it is none."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return broken_answer("The provider's answer is not JSON")
    output = found.get("output") if isinstance(found, dict) else None
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        return broken_answer("The provider's answer is empty")
    try:
        return _answer(found, content)
    except RecursionError:  # just not too deep to be read, but to be written
        return broken_answer("The provider's answer is not valid")


def failure_of(
    status: int, headers: Mapping[str, str], body: bytes, *, kind: str | None = None
) -> ProviderFailure:
    """What an error means; its name is in a header, in the body, or `kind`."""
    fields = _fields(body)
    name = kind or headers.get("x-amzn-errortype") or fields.get("__type") or fields.get("code")
    code = name.partition(":")[0].rpartition("#")[2].strip() if isinstance(name, str) else None
    message = next((fields[key] for key in ("message", "Message") if isinstance(fields.get(key), str)), None)
    meant = _STATUSES.get((code or "").lower(), status)
    if meant == 400 and any(words in (message or "").lower() for words in _UNKNOWN_MODEL):
        meant = 404
    failure = failure_of_response(meant, headers, body, error={"code": code, "message": message})
    return replace(failure, provider_status=status)


def _answer(found: dict[str, Any], content: list[dict[str, Any]]) -> Answer:
    message = _message(content)
    finish, native = finish_of(found.get("stopReason"))
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish or "stop",
        "native_finish_reason": native,
    }
    body = {
        "object": "chat.completion",
        "created": int(time.time()),
        "choices": [choice],
        "system_fingerprint": None,
    }
    texts = [message["content"] or "", message.get("reasoning") or ""]
    length = sum(len(text.encode("utf-8", "replace")) for text in texts)
    if "tool_calls" in message:
        length += len(encode(message["tool_calls"]))
    return Answer(body, usage_of(found.get("usage")), finish, native, None, tokens_of_text(length))


def _message(content: list[dict[str, Any]]) -> dict[str, Any]:
    """The assistant's message that the blocks make up."""
    texts: list[str] = []
    details: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    for block in content:
        texts += _texts(block)
        details += _details(block, len(details))
        calls += _calls(block)
        images += _images(block)
    text = "".join(texts)
    message: dict[str, Any] = {"role": "assistant", "content": None if calls and not text else text}
    message["refusal"] = None
    if details:
        message["reasoning"] = "".join(detail.get("text") or "" for detail in details) or None
        message["reasoning_details"] = details
    if calls:
        message["tool_calls"] = calls
    if images:
        message["images"] = images
    return message


def _texts(block: dict[str, Any]) -> list[str]:
    if isinstance(block.get("text"), str):
        return [block["text"]]
    cited = block.get("citationsContent")
    pieces = cited.get("content") if isinstance(cited, dict) else None
    known = pieces if isinstance(pieces, list) else ()
    found = [piece.get("text") for piece in known if isinstance(piece, dict)]
    return [text for text in found if isinstance(text, str)]


def _details(block: dict[str, Any], index: int) -> list[dict[str, Any]]:
    content = block.get("reasoningContent")
    if not isinstance(content, dict):
        return []
    if isinstance(content.get("redactedContent"), str):
        return [sealed_detail(content["redactedContent"], index)]
    fields = content.get("reasoningText")
    text = fields.get("text") if isinstance(fields, dict) else None
    if not isinstance(fields, dict) or not isinstance(text, str):
        return []
    signature = fields.get("signature")
    is_signed = isinstance(signature, str) and bool(signature)
    detail = {"type": "reasoning.text", "text": text, "signature": signature if is_signed else None}
    return [detail | {"format": CLAUDE_FORMAT if is_signed else UNKNOWN_FORMAT, "index": index}]


def sealed_detail(data: str, index: int) -> dict[str, Any]:
    """Reasoning that only its own provider can read."""
    return {"type": "reasoning.encrypted", "data": data, "format": CLAUDE_FORMAT, "index": index}


def _calls(block: dict[str, Any]) -> list[dict[str, Any]]:
    use = block.get("toolUse")
    if not isinstance(use, dict) or not isinstance(use.get("name"), str):
        return []
    arguments = encode(use.get("input") or {}).decode()
    function = {"name": use["name"], "arguments": arguments}
    return [{"id": str(use.get("toolUseId") or ""), "type": "function", "function": function}]


def _images(block: dict[str, Any]) -> list[dict[str, Any]]:
    image = block.get("image")
    source = image.get("source") if isinstance(image, dict) else None
    data = source.get("bytes") if isinstance(source, dict) else None
    if not isinstance(image, dict) or not isinstance(data, str):
        return []
    return [image_of(image.get("format"), data)]


def image_of(kind: Any, data: str) -> dict[str, Any]:
    """A generated image as the contract shows it."""
    url = f"data:image/{kind if isinstance(kind, str) else 'png'};base64,{data}"
    return {"type": "image_url", "image_url": {"url": url}}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _fields(body: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return decoded if isinstance(decoded, dict) else {}
