"""Asking a classifier's model through our own gateway, as any client would: with a key, for money, under its rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from config.lib.ids import parse_generation_id
from config.lib.money import NotAnAmount, nano_from_usd
from config.lib.outbound import CallFailed, Reply, Session, request
from observability.taxonomy import NoTags, Taxonomy, answer_schema, question, tags_of

ASKING_SECONDS: Final = 60.0
MOST_BYTES: Final = 1 << 20
MOST_TOKENS: Final = 2_000
AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504, 524, 529})
NO_MONEY: Final = 402
TITLE: Final = "Headgate classifier"


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question. Without tags `error` says why, for administrators, and never what was said.

    `is_retryable`: it may be asked again. `is_skipped`: the workspace's money or limits forbid it.
    """

    tags: dict[str, str] | None = None
    error: str = ""
    is_retryable: bool = False
    is_skipped: bool = False
    answer_id: UUID | None = None
    cost_nano: int = 0


def body_of(model: str, taxonomy: Taxonomy, instructions: str, transcript: str) -> bytes:
    """The request to Chat Completions."""
    asked = {
        "model": model,
        "messages": [
            {"role": "system", "content": question(taxonomy, instructions)},
            {"role": "user", "content": transcript},
        ],
        "max_tokens": MOST_TOKENS,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "labels", "strict": True, "schema": answer_schema(taxonomy)},
        },
    }
    return json.dumps(asked).encode()


async def ask(session: Session, base_url: str, secret: str, body: bytes, taxonomy: Taxonomy) -> Asked:
    """Put the question; never raises for what the other side does."""
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "X-OpenRouter-Title": TITLE,
    }
    address = f"{base_url.rstrip('/')}/api/v1/chat/completions"
    try:
        reply = await request(
            session, address, body, headers=headers, seconds=ASKING_SECONDS, most_bytes=MOST_BYTES
        )
    except CallFailed:
        return Asked(error="The gateway did not answer.", is_retryable=True)
    return _answered(reply, taxonomy) if reply.status == 200 else _refused(reply)


def _refused(reply: Reply) -> Asked:
    if reply.status == NO_MONEY:
        return Asked(error="There is no money left for it (402).", is_skipped=True)
    if reply.status == 401:
        return Asked(error="The classifier's key does not work any more (401).")
    return Asked(error=f"The gateway answered {reply.status}.", is_retryable=reply.status in AGAIN)


def _answered(reply: Reply, taxonomy: Taxonomy) -> Asked:
    """The tags, or why there are none; what the answer cost is known either way."""
    try:
        answer: Any = json.loads(reply.body, parse_float=Decimal)
        text = answer["choices"][0]["message"]["content"]
        known: dict[str, Any] = {
            "answer_id": parse_generation_id(str(answer["id"])),
            "cost_nano": nano_from_usd(Decimal(answer["usage"]["cost"])),
        }
    except (ValueError, KeyError, IndexError, TypeError, ArithmeticError, RecursionError, NotAnAmount):
        return Asked(error="The gateway's answer cannot be read.")
    try:
        return Asked(tags=tags_of(taxonomy, text), **known)
    except NoTags as reason:
        return Asked(error=str(reason), **known)
