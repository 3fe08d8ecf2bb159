"""A request as the decision sees it: whatever dialect it came in, the same frozen value.

What is made for every request is a Struct: a frozen dataclass takes ten times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class ProviderPreferences:
    """The `provider` object of a request (SPEC §6); empty means no preference."""

    order: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    allow_fallbacks: bool = True
    sort: str | None = None
    require_parameters: bool = False
    data_collection: str | None = None
    zdr: bool | None = None
    quantizations: tuple[str, ...] = ()
    max_price: dict[str, float] | None = None


class Attribution(msgspec.Struct, frozen=True):
    """Who is behind a request, as the caller says: carried to the generation, never trusted."""

    app_title: str | None = None
    app_url: str | None = None
    user: str | None = None
    session_id: str | None = None


DROPPED = "dropped"
"""Under this name `Call.detail` lists what the caller asked for and Chat Completions cannot say."""
CACHE_MARKERS = "cache_markers"
"""Under this name `Call.detail` says that a dialect's parts and tools may be marked with `cache_control`."""

COUNTED = "counted_prompt_tokens"
"""Under this name `Call.detail` has what was counted where the messages were at hand."""

NO_PREFERENCES = ProviderPreferences()
NO_ATTRIBUTION = Attribution()


class Call(msgspec.Struct, frozen=True):
    """A parsed inference request. `body` is the caller's JSON object, never changed: a step makes a new one.

    `models` are the slugs to try in order (`model` first, then the fallback list). `prompt_tokens` is an upper
    estimate of the input, of which `media_tokens` are what files, audio and video may come to at the very most.
    `max_tokens` is what the caller allows at most (None: the endpoint's maximum).
    """

    dialect: str
    models: tuple[str, ...]
    body: dict[str, Any]
    is_streamed: bool
    prompt_tokens: int
    max_tokens: int | None
    media_tokens: int = 0
    image_count: int = 0
    choices: int = 1
    parameters: frozenset[str] = frozenset()
    preferences: ProviderPreferences = NO_PREFERENCES
    attribution: Attribution = NO_ATTRIBUTION
    detail: dict[str, Any] = {}
    stages: tuple[Mapping[str, Any], ...] = ()
    """What was done to the request on its way, as the router metadata's `pipeline` shows it."""
    region: str = "global"
    """Where the request arrived (HEADGATE_REGION_HOSTS)."""
    plugins: Mapping[str, Mapping[str, Any] | None] = {}
    """Which plugins run, with their configuration, by slug; None: the request is to go without."""
    plugin_femto: int = 0
    """What plugins cost on top of the endpoint's price, once the request is answered."""
    annotations: tuple[Mapping[str, Any], ...] = ()
    """What plugins have to say beside the answer: where from they know, and what they read."""
