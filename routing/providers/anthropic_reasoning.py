"""Thinking between Anthropic's blocks and `reasoning_details`, so that signed thoughts find their way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMAT = "anthropic-claude-v1"
OURS = (None, "unknown", FORMAT)
THINKING = frozenset({"thinking", "redacted_thinking"})


def text_detail(index: int, **fields: str) -> dict[str, Any]:
    """A piece of a thought: its `text`, its `signature`, or both."""
    return {"type": "reasoning.text", **fields, "format": FORMAT, "index": index}


def encrypted_detail(index: int, data: str) -> dict[str, Any]:
    """A thought that nobody may read."""
    return {"type": "reasoning.encrypted", "data": data, "format": FORMAT, "index": index}


def thinking_blocks(details: Any) -> tuple[list[dict[str, Any]], bool]:
    """The blocks of an assistant message's `reasoning_details`, and whether all of them could be given back.

    A client may give back a stream's pieces as they came: the pieces of one thought are put together again.
    What has no signature is refused by the API, and what another vendor made means nothing to it.
    """
    blocks: list[dict[str, Any]] = []
    thought: _Thought | None = None
    is_whole = True
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict) or detail.get("format") not in OURS:
            is_whole = False
        elif detail.get("type") == "reasoning.encrypted" and isinstance(detail.get("data"), str):
            blocks.append({"type": "redacted_thinking", "data": detail["data"]})
            thought = None
        elif detail.get("type") == "reasoning.text":
            if thought is None or not thought.goes_on_with(detail):
                thought = _Thought(detail.get("index"))
                blocks.append(thought.block)
            thought.add(detail)
        else:
            is_whole = False
    signed = [block for block in blocks if block.get("signature") or block["type"] != "thinking"]
    return signed, is_whole and len(signed) == len(blocks)


class _Thought:
    """A thinking block that is put together."""

    def __init__(self, index: Any) -> None:
        self.block: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
        self._index = index

    def goes_on_with(self, detail: Mapping[str, Any]) -> bool:
        return not self.block["signature"] and detail.get("index") == self._index

    def add(self, detail: Mapping[str, Any]) -> None:
        for name, field in (("text", "thinking"), ("signature", "signature")):
            if isinstance(detail.get(name), str):
                self.block[field] += detail[name]
