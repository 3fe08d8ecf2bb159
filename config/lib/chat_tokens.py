"""Tokens of the chat room: which member chats in which workspace, from which session and page, for some minutes.

The control plane signs them, gateways read them without asking anybody. What is signed is no permission: a token names
whose policy governs, and the policy says whether anything is allowed. No Django here: the data plane reads it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec

from config.lib.crypto import KeyRing
from config.lib.environment import environment

PREFIX: Final = "hg-chat-v1-"
SECONDS: Final = 300
LONGEST_ORIGIN: Final = 200
PURPOSE: Final = b"headgate chat token v1"
PLACE: Final = re.compile(r"chat:(\d{1,19}):(\d{1,19}):(\d{1,19})")


class BadToken(Exception):
    """No token of ours, or one that was changed, or whose time is over."""


class ChatSeat(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A member in a workspace, and the session that he chats from; ids only."""

    membership_id: int
    workspace_id: int
    session_id: int

    @property
    def name(self) -> str:
        """What gateways keep the seat's policy under: never equal to the hash of a key."""
        return f"chat:{self.membership_id}:{self.workspace_id}:{self.session_id}"


@dataclass(frozen=True)
class ChatToken:
    """What a token says; `origin` is the page's that it was given to, `expires_at` in Unix seconds."""

    seat: ChatSeat
    origin: str
    expires_at: int


def seat_named(name: str) -> ChatSeat | None:
    """The seat that a policy's name means, or None for the hash of a key."""
    found = PLACE.fullmatch(name)
    return ChatSeat(*(int(number) for number in found.groups())) if found else None


def sign(seat: ChatSeat, origin: str, *, now: float | None = None) -> str:
    """A new token."""
    ring = _ring(environment().sealing_keys)
    expires_at = int(time.time() if now is None else now) + SECONDS
    said = _encoded(msgspec.json.encode((seat, origin, expires_at)))
    return f"{PREFIX}{ring.current}.{said}.{_encoded(_signature(ring, ring.current, said))}"


def read(text: str, *, now: float | None = None) -> ChatToken:
    """What a token says. Raises BadToken."""
    identifier, _, rest = text.removeprefix(PREFIX).partition(".")
    said, _, signature = rest.partition(".")
    ring = _ring(environment().sealing_keys)
    if not text.startswith(PREFIX) or identifier not in ring.keys:
        raise BadToken("it is not one of ours")
    try:
        is_ours = hmac.compare_digest(_decoded(signature), _signature(ring, identifier, said))
        content = _decoded(said) if is_ours else b""
    except (ValueError, binascii.Error) as error:
        raise BadToken("it cannot be read") from error
    if not is_ours:
        raise BadToken("it was changed")
    seat, origin, expires_at = msgspec.json.decode(content, type=tuple[ChatSeat, str, int])
    if expires_at <= (time.time() if now is None else now):
        raise BadToken("its time is over")
    return ChatToken(seat, origin, expires_at)


@lru_cache(maxsize=4)
def _ring(text: str) -> KeyRing:
    """Keys for signing alone, each made from a sealing key."""
    ring = KeyRing.parse(text)
    return KeyRing(
        ring.current, {name: hmac.digest(key, PURPOSE, "sha256") for name, key in ring.keys.items()}
    )


def _signature(ring: KeyRing, identifier: str, said: str) -> bytes:
    return hmac.new(ring.keys[identifier], said.encode(), hashlib.sha256).digest()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
