"""Who is behind a request, as its headers and its body say (OpenRouter: app_attribution, guides/features/broadcast).

Each header has two names, OpenRouter's and ours; where both are sent, ours counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from observability.journal_records import clean_text, cleaned
from routing.call import NO_ATTRIBUTION, Attribution
from routing.gateway.dialects.parameters import refused

MAX_ATTRIBUTE = 500
MAX_TRACE_BYTES = 16 * 1024
MOST_CATEGORIES = 2
CATEGORY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_CATEGORY = 30

TITLES = (b"x-headgate-title", b"x-openrouter-title", b"x-title")
REFERRERS = (b"http-referer", b"referer")
SESSIONS = (b"x-session-id",)
CATEGORIES = (b"x-headgate-categories", b"x-openrouter-categories")
AGENT = b"user-agent"
ATTRIBUTING = frozenset({*TITLES, *REFERRERS, *SESSIONS, *CATEGORIES})


def read_attribution(body: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Attribution:
    """Who is behind the request. Raises RefusedError for a trace that is too large to be kept."""
    user, session, trace = body.get("user"), body.get("session_id"), body.get("trace")
    if ATTRIBUTING.isdisjoint(headers):
        agent = headers.get(AGENT)
        known = _of_agent(agent[:MAX_ATTRIBUTE]) if agent else NO_ATTRIBUTION
        if not user and not session and not trace:
            return known
        return Attribution(
            user=_short(user),
            session_id=_short(session),
            user_agent=known.user_agent,
            trace=_trace(trace) if trace else None,
        )
    return Attribution(
        app_title=_short(first_header(headers, *TITLES)),
        app_url=_short(first_header(headers, *REFERRERS)),
        user=_short(user),
        session_id=_short(session or first_header(headers, *SESSIONS)),
        app_categories=_categories(first_header(headers, *CATEGORIES)),
        user_agent=_short(first_header(headers, AGENT)),
        trace=_trace(trace) if trace else None,
    )


@lru_cache(maxsize=512)
def _of_agent(agent: bytes) -> Attribution:
    """All that most requests say of themselves, and the same for all requests of a client."""
    return Attribution(user_agent=clean(agent.decode("utf-8", "replace")))


def first_header(headers: Mapping[bytes, bytes], *names: bytes) -> str | None:
    """The first of these headers that says anything."""
    for name in names:
        if value := headers.get(name):
            return value.decode("utf-8", "replace")
    return None


def clean(text: str) -> str:
    """The text as PostgreSQL stores it."""
    return text if text.isascii() and text.isprintable() else clean_text(text)


def _short(text: str | None) -> str | None:
    return clean(text[:MAX_ATTRIBUTE]) if text else None


def _categories(text: str | None) -> tuple[str, ...]:
    """The categories that can be ones; all others are left out, as documented."""
    named = [name.strip() for name in text.split(",")[: 2 * MOST_CATEGORIES]] if text else []
    return tuple(
        [name for name in named if len(name) <= LONGEST_CATEGORY and CATEGORY.fullmatch(name)][
            :MOST_CATEGORIES
        ]
    )


def _trace(trace: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = cleaned(trace)
    if len(msgspec.json.encode(kept)) > MAX_TRACE_BYTES:
        raise refused("trace", f"may have at most {MAX_TRACE_BYTES} bytes")
    return kept
