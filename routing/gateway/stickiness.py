"""Who has a conversation in his cache: its next request goes there first (guides/best-practices/prompt-caching).

Kept per workspace, model and conversation, and only where reading the cache costs less than the prompt does. What a
conversation is, is said by `session_id` or `prompt_cache_key`, or told by its opening messages.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry
from routing.policy import Policy
from routing.pricing import Usage
from routing.selection.own_models import served
from routing.selection.variants import resolve

SECONDS = 600.0
"""How long a conversation may pause."""
MOST = 100_000
MOST_TOLD = 5_000
OPENING_BYTES = 16 * 1024
"""So much of each opening message tells conversations apart."""
CONVERSATION = "conversation"
"""Under this name `Call.detail` holds what tells a conversation whose messages are no longer at hand."""
INSTRUCTIONS = ("system", "developer")


class Kept(NamedTuple):
    """Where a conversation went, and when (Unix seconds)."""

    endpoint_id: int
    at: float


class Stickiness:
    """The endpoints of conversations."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._news: dict[int, int] = {}

    def find(self, policy: Policy, call: Call, catalog: CatalogSnapshot) -> tuple[int, ...]:
        """The ids of endpoints that have the call's conversation in their caches."""
        if not self._kept or call.preferences.order or not policy.routing.is_stickiness_enabled:
            return ()
        found = []
        for slug in call.models:
            models = served(slug, policy, catalog)
            if not models and (named := resolve(slug, catalog).model):
                models = (named,)
            if not any(is_worth_it(endpoint) for model in models for endpoint in model.endpoints):
                continue
            key = _key(policy, call, models[0].slug)
            kept = self._kept.get(key) if key is not None else None
            if kept is not None and time.time() - kept.at < SECONDS:
                found.append(kept.endpoint_id)
        return tuple(found)

    def note(self, policy: Policy, call: Call, endpoint: EndpointEntry, usage: Usage) -> None:
        """Remember who answered: at once where the caller names the session, else when a cache was used."""
        if not is_worth_it(endpoint) or call.preferences.order:
            return
        if not policy.routing.is_stickiness_enabled:
            return
        if not (usage.cached or usage.cache_write or _named(call)):
            return
        key = _key(policy, call, endpoint.model)
        if key is not None:
            self._keep(key, Kept(endpoint.id, time.time()))
            if len(self._news) < MOST_TOLD:
                self._news[key] = endpoint.id

    def news(self) -> dict[int, int]:
        """What was noted since the last time, for other processes; what is too old is dropped."""
        now = time.time()
        while self._kept and now - next(iter(self._kept.values())).at > SECONDS:
            self._kept.popitem(last=False)
        news, self._news = self._news, {}
        return news

    def hear(self, news: Iterable[tuple[int, int]], at: float) -> None:
        """Take over what another process noted at a time."""
        for key, endpoint_id in news:
            known = self._kept.get(key)
            if known is None or known.at < at:
                self._keep(key, Kept(endpoint_id, at))

    def _keep(self, key: int, kept: Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)


def is_worth_it(endpoint: EndpointEntry) -> bool:
    """Whether reading from the endpoint's cache costs less than the prompt does."""
    price = endpoint.price
    return price.cache_read is not None and price.cache_read < price.prompt


def opening_of(messages: Any) -> bytes | None:
    """What tells a conversation: the beginning of its first instructions and of its first other message."""
    if not isinstance(messages, list):
        return None
    first = next((one for one in messages if one.get("role") in INSTRUCTIONS), None)
    other = next((one for one in messages if one.get("role") not in INSTRUCTIONS), None)
    told = blake2b(digest_size=16)
    for message in (first, other):
        try:
            told.update(msgspec.json.encode(message)[:OPENING_BYTES] + b"\0")
        except (UnicodeEncodeError, RecursionError):
            return None
    return told.digest()


def _named(call: Call) -> bytes | None:
    """What the caller calls the conversation."""
    session = call.attribution.session_id
    if session:
        return b"session" + session.encode("utf-8", "replace")
    name = call.body.get("prompt_cache_key")
    return b"cache" + name.encode("utf-8", "replace") if isinstance(name, str) and name else None


def _key(policy: Policy, call: Call, model: str) -> int | None:
    conversation = _named(call) or call.detail.get(CONVERSATION) or opening_of(call.body.get("messages"))
    if conversation is None:
        return None
    scope = f"{policy.principal.workspace_id}\0{model}\0".encode("utf-8", "replace")
    return int.from_bytes(blake2b(scope + conversation, digest_size=8).digest(), "big") >> 1
