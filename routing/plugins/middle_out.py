"""Middle-out: a conversation is made to fit by leaving out its middle, which models heed the least. Pure.

Whole turns go first, the one that still fits in part is cut in its own middle. What the operator says and the last
turn stay, cut only where nothing else is left; a tool's answer stays and goes with the call that asked for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

MESSAGE_TOKENS = 4
OMISSION = "\n[...]\n"
LEAST_TOKENS = 64
"""What is left of a turn must be worth reading."""
ASCII_PER_TOKEN, BYTES_PER_TOKEN = 4, 3
OPERATORS = ("system", "developer")

Message = dict[str, Any]  # of Chat Completions
Turn = list[Message]


def tokens_of(messages: Sequence[Message]) -> int:
    """About how many tokens these messages have."""
    return sum(map(message_tokens, messages))


def message_tokens(message: Message) -> int:
    """About how many tokens a message has: its text, and whatever else it holds as JSON, but for media."""
    tokens = MESSAGE_TOKENS + sum(map(text_tokens, _texts(message)))
    if message.get("tool_calls"):
        tokens += len(msgspec.json.encode(message["tool_calls"])) // BYTES_PER_TOKEN
    return tokens


def text_tokens(text: str) -> int:
    """About how many tokens a text has."""
    if text.isascii():
        return len(text) // ASCII_PER_TOKEN + 1
    return len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1


def compress(messages: Sequence[Message], budget: int, most_messages: int | None = None) -> list[Message]:
    """The messages within a budget of tokens, as near as cutting can come, and not more than so many."""
    head = _operators(messages)
    turns = _turns(messages[len(head) :])
    left = max(budget - tokens_of(head), budget // 2)
    if tokens_of(head) > budget - left:
        head = [_cut(message, (budget - left) // len(head)) for message in head]
    room = None if most_messages is None else max(most_messages - len(head), 1)
    return [*head, *_from_both_ends(turns, left, room)]


def _operators(messages: Sequence[Message]) -> list[Message]:
    head = []
    for message in messages:
        if message.get("role") not in OPERATORS:
            break
        head.append(message)
    return head


def _turns(messages: Sequence[Message]) -> list[Turn]:
    """Messages that only make sense together."""
    turns: list[Turn] = []
    for message in messages:
        if message.get("role") in ("tool", "function") and turns:
            turns[-1].append(message)
        else:
            turns.append([message])
    return turns


def _from_both_ends(turns: list[Turn], budget: int, room: int | None) -> list[Message]:
    """Turns from the end and the beginning, by turns, until one does not fit."""
    front: list[Message] = []
    back: list[Turn] = []
    first, last, is_last_next = 0, len(turns) - 1, True
    while first <= last:
        turn = turns[last if is_last_next else first]
        cost = tokens_of(turn)
        if room is not None and len(turn) > room and (back or front):
            break
        if cost > budget:
            if kept := _in_part(turn, budget, is_only=not back):
                front, back = (front, [*back, kept]) if is_last_next else ([*front, *kept], back)
            break
        budget -= cost
        room = None if room is None else room - len(turn)
        if is_last_next:
            back.append(turn)
            last -= 1
        else:
            front += turn
            first += 1
        is_last_next = not is_last_next
    return front + [message for turn in reversed(back) for message in turn]


def _in_part(turn: Turn, budget: int, *, is_only: bool) -> Turn:
    """As much of a turn as the budget has room for; nothing of one that can be done without and would be a scrap."""
    if not is_only and (budget < LEAST_TOKENS or len(turn) > 1):
        return []
    return [_cut(message, max(budget, 0) // len(turn)) for message in turn]


def _cut(message: Message, budget: int) -> Message:
    """The message with the middle of its texts left out, each by its share."""
    whole = message_tokens(message) - MESSAGE_TOKENS
    keep = max(budget - MESSAGE_TOKENS, 1)
    if whole <= keep:
        return message
    share = keep / whole
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": _middle_out(content, share)}
    if not isinstance(content, list):
        return message
    return {
        **message,
        "content": [
            {**part, "text": _middle_out(part["text"], share)} if isinstance(part.get("text"), str) else part
            for part in content
        ],
    }


def _middle_out(text: str, share: float) -> str:
    keep = int(len(text) * share) - len(OMISSION)
    if keep <= 0:
        return text[: max(int(len(text) * share), 1)]
    return text[: keep - keep // 2] + OMISSION + text[len(text) - keep // 2 :]


def _texts(message: Message) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part["text"] for part in content if isinstance(part.get("text"), str))
