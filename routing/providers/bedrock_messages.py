"""A conversation as Converse has it: system apart, user and assistant in turn, tool results as the user's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from routing.providers.bedrock_models import Family
from routing.providers.bedrock_parts import Block, base64_of, block_of_part, cache_point, is_marked
from routing.providers.wire_format import Unsupported

TOOL_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
REASONING_FORMATS = (None, "unknown", "anthropic-claude-v1")
"""Reasoning of other formats was made, and may be sealed, by somebody else's models."""


class Conversation:
    """Collects the messages of one request. `dropped` are the names of what could not be said."""

    def __init__(self, family: Family) -> None:
        self.system: list[Block] = []
        self.messages: list[Block] = []
        self.tool_names: dict[str, None] = {}
        self.dropped: dict[str, None] = {}
        self._family = family
        self._documents: dict[str, int] = {}

    def add(self, message: Block) -> None:
        """Add the next message. Raises Unsupported."""
        role = message.get("role")
        if message.get("name") and role != "tool":
            self.dropped["messages.name"] = None
        if role in ("system", "developer"):
            self.system += self._instructions(message)
        elif role == "user":
            self._say("user", self._blocks(message.get("content")))
        elif role == "tool":
            self._say("user", self._result(message))
        elif role == "assistant":
            self._say("assistant", [*self._reasoning(message), *self._answer(message)])
        else:
            raise Unsupported("messages", "has a role that this provider does not know")

    @property
    def is_begun(self) -> bool:
        """Whether the answer goes on from one that was begun without thoughts: Claude cannot add them then."""
        for message in reversed(self.messages):
            if message["role"] == "assistant":
                return "reasoningContent" not in message["content"][0]
            if not any("toolResult" in block for block in message["content"]):
                return False
        return False

    def mark_end(self, request: Block) -> None:
        """Mark all of it for caching."""
        if self._takes_mark() and self.messages:
            self.messages[-1]["content"].append(cache_point(request, has_ttl=self._family.is_claude))

    def _instructions(self, message: Block) -> list[Block]:
        blocks = self._blocks(message.get("content"))
        if any("text" not in block and "cachePoint" not in block for block in blocks):
            raise Unsupported("messages", "has something else than text in its system prompt")
        return blocks

    def _say(self, role: str, blocks: list[Block]) -> None:
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        else:
            self.messages.append({"role": role, "content": blocks})

    def _blocks(self, content: Any) -> list[Block]:
        """The blocks of a message's content; blank texts, which the API refuses, are left out."""
        if content is None:
            return []
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise Unsupported("messages", "may have as content a string or a list of parts")
        return [block for part in parts for block in self._of_part(part)]

    def _of_part(self, part: Block) -> Iterator[Block]:
        block = block_of_part(part)
        if "document" in block:
            block["document"]["name"] = self._unique(block["document"]["name"])
        if "image" in block and _detail(part) not in (None, "auto"):
            self.dropped["messages.image_url.detail"] = None
        if "text" not in block or block["text"].strip():
            yield block
        if is_marked(part) and self._takes_mark():
            yield cache_point(part, has_ttl=self._family.is_claude)

    def _takes_mark(self) -> bool:
        if not self._family.takes_cache_points:
            self.dropped["cache_control"] = None
        return self._family.takes_cache_points

    def _unique(self, name: str) -> str:
        """The document's name, with a number when another one of the request has it."""
        self._documents[name] = count = self._documents.get(name, 0) + 1
        return name if count == 1 else self._unique(f"{name} {count}")

    def _result(self, message: Block) -> list[Block]:
        blocks = self._blocks(message.get("content"))
        marks = [block for block in blocks if "cachePoint" in block]
        content = [block for block in blocks if "cachePoint" not in block]
        if any("audio" in block for block in content):
            raise Unsupported("messages", "has audio in a tool's result")
        result = {"toolUseId": _tool_id(message.get("tool_call_id")), "content": content}
        return [{"toolResult": result}, *marks[-1:]]

    def _answer(self, message: Block) -> list[Block]:
        if message.get("function_call"):
            raise Unsupported("messages", "has a function_call; this provider takes tool_calls")
        for name in ("audio", "images"):
            if message.get(name):
                self.dropped[f"messages.{name}"] = None
        blocks = self._blocks(message.get("content"))
        if isinstance(message.get("refusal"), str):
            blocks += self._blocks(message["refusal"])
        calls = message.get("tool_calls")
        return blocks + [self._call(call) for call in (calls if isinstance(calls, list) else ())]

    def _call(self, call: Any) -> Block:
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str):
            raise Unsupported("messages", "has a tool call of a kind that this provider does not take")
        self.tool_names[name] = None
        return {
            "toolUse": {
                "toolUseId": _tool_id(call.get("id")),
                "name": name,
                "input": _arguments(function.get("arguments")),
            }
        }

    def _reasoning(self, message: Block) -> list[Block]:
        """What an earlier answer reasoned; Claude takes back only what it has signed or sealed."""
        blocks, details = [], message.get("reasoning_details")
        merged = list(_merged(details if isinstance(details, list) else ()))
        for detail in merged:
            block = self._reasoning_block(detail)
            if block is None:
                self.dropped["messages.reasoning_details"] = None
            else:
                blocks.append(block)
        text = message.get("reasoning")
        if not merged and isinstance(text, str) and text.strip():
            if self._family.is_claude:
                self.dropped["messages.reasoning"] = None
            else:
                blocks.append(_reasoning_text(text))
        return blocks

    def _reasoning_block(self, detail: Mapping[str, Any]) -> Block | None:
        if detail.get("format") not in REASONING_FORMATS:
            return None
        text, signature, data = (detail.get(name) for name in ("text", "signature", "data"))
        if detail.get("type") == "reasoning.encrypted" and self._family.is_claude:
            is_sealed = isinstance(data, str) and base64_of(data)
            return {"reasoningContent": {"redactedContent": data}} if is_sealed else None
        if detail.get("type") != "reasoning.text" or not isinstance(text, str):
            return None
        if not self._family.is_claude:
            return _reasoning_text(text)
        return _reasoning_text(text, signature) if isinstance(signature, str) and signature else None


def _reasoning_text(text: str, signature: str | None = None) -> Block:
    fields = {"text": text} | ({"signature": signature} if signature else {})
    return {"reasoningContent": {"reasoningText": fields}}


def _merged(details: Any) -> Iterator[dict[str, Any]]:
    """Reasoning details with those joined that came as pieces of one: clients keep them as they were streamed."""
    whole: dict[str, Any] | None = None
    for detail in details:
        if not isinstance(detail, dict):
            continue
        if whole is not None and _continues(whole, detail):
            joined = str(whole.get("text") or "") + str(detail.get("text") or "")
            whole = {**whole, **detail, "text": joined}
            continue
        if whole is not None:
            yield whole
        whole = detail
    if whole is not None:
        yield whole


def _continues(whole: Mapping[str, Any], detail: Mapping[str, Any]) -> bool:
    is_text = whole.get("type") == detail.get("type") == "reasoning.text"
    return is_text and whole.get("index") == detail.get("index") and not whole.get("signature")


def _tool_id(given: Any) -> str:
    """A tool call's id, or another that stands for it everywhere when the API would refuse it."""
    if not isinstance(given, str):
        raise Unsupported("messages", "has a tool call or result without an id")
    if TOOL_ID.fullmatch(given):
        return given
    return "call_" + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:40]


def _arguments(given: Any) -> dict[str, Any]:
    if given in (None, ""):
        return {}
    try:
        arguments = msgspec.json.decode(given) if isinstance(given, str) else given
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise Unsupported("messages", "has a tool call whose arguments are no JSON object")
    return arguments


def _detail(part: Block) -> Any:
    image = part.get("image_url")
    return image.get("detail") if isinstance(image, dict) else None
