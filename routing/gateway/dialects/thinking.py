"""Reasoning between the two forms: Anthropic's thinking blocks, and `reasoning_details` of Chat Completions.

Anthropic's own reasoning has the same fields in both. What another provider signed or encrypted comes back from the
caller only if it fits into a thinking block: it travels sealed in the field that callers do not look into.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from routing.gateway.dialects.chunks import a_text

ANTHROPIC = "anthropic-claude-v1"
TEXT, SUMMARY, ENCRYPTED = "reasoning.text", "reasoning.summary", "reasoning.encrypted"
SEALED = "headgate.reasoning:"
PLAIN_FORMATS = (None, "unknown", ANTHROPIC)

Detail = Mapping[str, Any]  # the caller's or the provider's JSON


def block_of(detail: Detail) -> dict[str, Any] | None:
    """The thinking block of a whole detail; None where it is something else."""
    kind = detail.get("type")
    if kind in (TEXT, SUMMARY):
        return {"type": "thinking", "thinking": text_of(detail), "signature": signature_of(detail)}
    if kind == ENCRYPTED:
        return {"type": "redacted_thinking", "data": _data_of(detail)}
    return None


def text_of(detail: Detail) -> str:
    """What a detail says in words."""
    return a_text(detail, "text", "summary")


def signature_of(detail: Detail) -> str:
    """The signature of a thinking block, with all that would be lost in it."""
    signature = a_text(detail, "signature")
    if detail.get("type") == TEXT and (detail.get("format") in PLAIN_FORMATS or not signature):
        return signature
    return _seal({name: value for name, value in detail.items() if name not in ("text", "summary")})


def _data_of(detail: Detail) -> str:
    return a_text(detail, "data") if detail.get("format") in (None, ANTHROPIC) else _seal(detail)


def detail_of(block: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The detail of a thinking block. Raises ValueError for a block that holds none."""
    if block.get("type") == "redacted_thinking":
        data = a_text(block, "data")
        if data.startswith(SEALED):
            return {**_unseal(data), "index": index}
        return {"type": ENCRYPTED, "data": data, "format": ANTHROPIC, "index": index}
    text, signature = a_text(block, "thinking"), a_text(block, "signature")
    if signature.startswith(SEALED):
        about = _unseal(signature)
        name = "summary" if about.get("type") == SUMMARY else "text"
        return {**about, name: text, "index": index}
    detail = {"type": TEXT, "text": text, "format": ANTHROPIC if signature else "unknown", "index": index}
    return {**detail, "signature": signature} if signature else detail


def _seal(detail: Detail) -> str:
    return SEALED + base64.b64encode(msgspec.json.encode(detail)).decode()


def _unseal(text: str) -> dict[str, Any]:
    try:
        detail = msgspec.json.decode(base64.b64decode(text.removeprefix(SEALED), validate=True))
    except (binascii.Error, msgspec.DecodeError, RecursionError) as error:
        raise ValueError("this is no reasoning of ours") from error
    if not isinstance(detail, dict) or detail.get("type") not in (TEXT, SUMMARY, ENCRYPTED):
        raise ValueError("this is no reasoning of ours")
    return detail
