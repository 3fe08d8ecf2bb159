"""Whether the answer to a request may be given again, for how long, and to which requests (SPEC §9). Pure.

The source of the rules is OpenRouter's guides/features/response-caching. Stricter here: a request that asks for zero
data retention by itself is not cached either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from routing.call import CacheUse, Call, PresetUse
from routing.decision import Decision
from routing.gateway.dialects.attribution import first_header
from routing.policy import Policy

DEFAULT_SECONDS = 300
LONGEST_SECONDS = 86_400
CACHE = (b"x-headgate-cache", b"x-openrouter-cache")
TTL = (b"x-headgate-cache-ttl", b"x-openrouter-cache-ttl")
CLEAR = (b"x-headgate-cache-clear", b"x-openrouter-cache-clear")
FLAGS = {"true": True, "false": False}
_NUMBER = re.compile(r"\s*([0-9]{1,9})")

_encode = msgspec.json.Encoder(enc_hook=str).encode


def with_caching(call: Call, headers: Mapping[bytes, bytes], policy: Policy, decision: Decision) -> Call:
    """The call, knowing how its answer is cached; the very same one where nobody asked for that, or nobody may."""
    if call.preset is None and CACHE[0] not in headers and CACHE[1] not in headers:
        return call
    seconds = seconds_of(headers, call.preset)
    if policy.principal.api_key_id is None:  # answers are kept per key, and the chat room has none
        return call
    if seconds is None or _must_retain_nothing(call, policy, decision):
        return call
    is_cleared = _flag(headers, CLEAR) is True
    return replace(call, caching=CacheUse(key_of(call, policy), seconds, is_cleared))


def seconds_of(headers: Mapping[bytes, bytes], preset: PresetUse | None) -> int | None:
    """For how long an answer is kept; None: not at all. A preset's no outdoes everything, a header's no its yes."""
    said, configured = _flag(headers, CACHE), preset.is_cached if preset else None
    if configured is False or said is False or not (configured or said):
        return None
    given = _NUMBER.match(first_header(headers, *TTL) or "")
    if given:
        return max(1, min(int(given[1]), LONGEST_SECONDS))
    return (preset.cache_seconds if preset else None) or DEFAULT_SECONDS


def key_of(call: Call, policy: Policy) -> bytes:
    """What equal requests have in common: key, entrance, streaming, body as sent, and what guardrails look for.

    In requests too: what a plugin read into an answer's request was looked at when it was read, and never since.
    """
    rules, outputs = policy.rules, policy.rules.outputs
    looked_for = repr(
        (rules.filters, rules.builtins, policy.allowlist, outputs and (outputs.filters, outputs.builtins))
    )
    principal = (policy.principal.organization_id, policy.principal.api_key_id, policy.principal.key_hash)
    asked = (call.dialect, call.is_streamed, call.models, call.detail, call.dropped, call.plugins)
    return sha256(_encode((principal, asked, looked_for)) + b"\n" + _encode(call.body)).digest()


def _flag(headers: Mapping[bytes, bytes], names: tuple[bytes, ...]) -> bool | None:
    return FLAGS.get((first_header(headers, *names) or "").strip().lower())


def _must_retain_nothing(call: Call, policy: Policy, decision: Decision) -> bool:
    if call.preferences.zdr or policy.routing.preferences.zdr:
        return True
    rules = policy.rules
    return bool(rules.zdr_groups) and any(
        rules.enforces_zdr(attempt.endpoint.model) for attempt in decision.attempts
    )
