"""A request as the decision sees it: whatever dialect it came in, the same frozen value.

What is made for every request is a Struct: a frozen dataclass takes ten times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

Cutoffs: TypeAlias = tuple[tuple[str, float], ...]
"""Percentiles (`p50`, `p75`, `p90`, `p99`) and what each of them has to keep to."""


class ProviderPreferences(msgspec.Struct, frozen=True):
    """The `provider` object of a request (SPEC §6); empty and None mean no preference.

    `partition` is `model` or `none`. Throughputs are tokens per second, latencies seconds.
    """

    order: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    allow_fallbacks: bool | None = None
    sort: str | None = None
    partition: str | None = None
    require_parameters: bool = False
    data_collection: str | None = None
    zdr: bool | None = None
    enforce_distillable_text: bool = False
    quantizations: tuple[str, ...] = ()
    max_price: dict[str, float] | None = None
    preferred_min_throughput: Cutoffs = ()
    preferred_max_latency: Cutoffs = ()


class Attribution(msgspec.Struct, frozen=True):
    """Who is behind a request, as the caller says: carried to the generation, never trusted."""

    app_title: str | None = None
    app_url: str | None = None
    user: str | None = None
    session_id: str | None = None
    app_categories: tuple[str, ...] = ()
    user_agent: str | None = None
    trace: dict[str, Any] | None = None
    """What the caller's own observability calls the request; told to it as it is."""


class PresetUse(msgspec.Struct, frozen=True):
    """Which version of which preset a call was merged with, and what that says about keeping answers (None: nothing).

    `id` and `version_id` are public.
    """

    id: str
    slug: str
    version: int
    version_id: str
    is_cached: bool | None = None
    cache_seconds: int | None = None


class CacheUse(msgspec.Struct, frozen=True):
    """How the answer to a call is cached: under which key (32 bytes), for how long, and whether it is made anew."""

    key: bytes
    seconds: int
    is_cleared: bool = False


class Origin(msgspec.Struct, frozen=True):
    """Which request a model is asked for that had a generation before this one: server tools ask more than once.

    `request` is the id of that request's first generation, `step` counts the answers of its model from 1, and `tool`
    is the server tool that asks, empty where the request's own model goes on. `provider` is whose service the tool
    asks, where that is no model's.
    """

    request: str
    step: int
    tool: str = ""
    provider: str = ""


CACHE_MARKERS = "cache_markers"
"""Under this name `Call.detail` says that a dialect's parts and tools may be marked with `cache_control`."""

DEFAULT_REGION = "global"
"""Where requests arrive that were sent to no host of HEADGATE_REGION_HOSTS."""

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
    dropped: tuple[str, ...] = ()
    """Parameters that the caller sent and Chat Completions has no words for."""
    stages: tuple[Mapping[str, Any], ...] = ()
    """What was done to the request on its way, as the router metadata's `pipeline` shows it."""
    preset: PresetUse | None = None
    """What the caller's request was merged with; it is in `body` by then."""
    caching: CacheUse | None = None
    """Set where the answer may be one that was given before, and may be given again."""
    region: str = DEFAULT_REGION
    """Where the request arrived (HEADGATE_REGION_HOSTS)."""
    plugins: Mapping[str, Mapping[str, Any] | None] = {}
    """Which plugins run, with their configuration, by slug; None: the request is to go without."""
    plugin_femto: int = 0
    """What plugins cost on top of the endpoint's price, once the request is answered."""
    origin: Origin | None = None
    """Set where this is not the first generation of a request."""
    annotations: tuple[Mapping[str, Any], ...] = ()
    """What plugins have to say beside the answer: where from they know, and what they read."""
