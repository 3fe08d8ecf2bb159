"""Names of models that are none of the catalog's: variants (`author/slug:nitro`), aliases of the newest, routers.

A slug of the catalog always means itself, whatever it contains.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot, ModelEntry

UNKNOWN_MODEL, NO_ENDPOINTS, FREE_ENDED = "model_not_found", "no_endpoints", "free_variant_ended"
FREE, ONLINE, THINKING = "free", "online", "thinking"
FREE_MARK = f":{FREE}"
LATEST = "-latest"
WEB = {"id": "web"}
REASONING = {"enabled": True, "effort": "medium"}

_VERSION = re.compile(r"v?\d+([.-]\d+)*|preview|exp|latest")
"""What of a model's name says which of its family it is."""

_NUMBERS = re.compile(r"(?:^|-)v?(\d{1,2}(?:[.]\d{1,3})*)(?=-|$)", re.ASCII)


class Variant(NamedTuple):
    """What a variant asks of routing: a sort, and service tiers that may serve though nobody named them."""

    sort: str | None = None
    tier: str | None = None


PLAIN = Variant()
VARIANTS: dict[str, Variant] = {
    "nitro": Variant("throughput", "priority"),
    "floor": Variant("price", "flex"),
    "exacto": Variant("exacto"),
    ONLINE: PLAIN,
    THINKING: PLAIN,
}
"""Those that any model may be named with; all others have to be in the catalog."""


class Named(NamedTuple):
    """What a name means: a model and a variant of it, or why it is none."""

    model: ModelEntry | None
    variant: Variant = PLAIN
    reason: str = UNKNOWN_MODEL
    instead: str | None = None
    """The model that the name would mean without its variant."""


def resolve(slug: str, catalog: CatalogSnapshot) -> Named:
    """What a name means that is no routable model's slug."""
    base, variants = _split(slug, catalog)
    if base in catalog.unroutable:
        return Named(None, reason=NO_ENDPOINTS)
    model = catalog.models.get(base) or _latest(base, catalog)
    if model is not None:
        sort = next((VARIANTS[name] for name in variants if VARIANTS[name].sort), PLAIN)
        return Named(model, sort)
    paid, _, suffix = base.rpartition(":")
    if suffix == FREE and (paid in catalog.models or paid in catalog.unroutable):
        return Named(None, reason=FREE_ENDED, instead=paid)
    return Named(None)


def is_free(slug: str) -> bool:
    """Whether the name is a free model's, with whatever other variants behind it."""
    return slug.endswith(FREE_MARK) or f"{FREE_MARK}:" in slug


def applied(call: Call, catalog: CatalogSnapshot) -> Call:
    """The call with what the variants of its first model ask for beside routing: a search, or to think."""
    if not call.models or ":" not in call.models[0] or call.models[0] in catalog.models:
        return call
    _, variants = _split(call.models[0], catalog)
    if ONLINE in variants:
        call = _searching(call)
    return _thinking(call) if THINKING in variants else call


def _split(slug: str, catalog: CatalogSnapshot) -> tuple[str, tuple[str, ...]]:
    """The slug as the catalog may have it, and the variants that were behind it."""
    base, variants = _router(slug), []
    while base not in catalog.models and base not in catalog.unroutable:
        shorter, _, name = base.rpartition(":")
        if not shorter or name not in VARIANTS:
            break
        base = shorter
        variants.append(name)
    return base, tuple(variants)


def _router(slug: str) -> str:
    """`headgate/…` and `openrouter/…` are the same routers."""
    return "openrouter/" + slug[len("headgate/") :] if slug.startswith("headgate/") else slug


def _latest(slug: str, catalog: CatalogSnapshot) -> ModelEntry | None:
    """The newest model of the family that `~author/family-latest` names."""
    if not slug.startswith("~") or not slug.endswith(LATEST):
        return None
    author, _, family = slug[1 : -len(LATEST)].partition("/")
    found = [
        model
        for name, model in catalog.models.items()
        if name.startswith(author + "/") and family_of(name) == family
    ]
    return max(found, key=lambda model: (model.created_at, _version_of(model.slug), model.slug), default=None)


def _version_of(slug: str) -> tuple[int, ...]:
    """The first version in a model's name: what tells models apart that came into the catalog together."""
    found = _NUMBERS.search(slug.partition("/")[2])
    return tuple(map(int, found[1].split("."))) if found else ()


def family_of(slug: str) -> str:
    """The family of a model's slug: its name without versions. A variant is no family's."""
    name = slug.partition("/")[2]
    if ":" in name:
        return ""
    return "-".join([word for word in name.split("-") if not _VERSION.fullmatch(word)])


def _searching(call: Call) -> Call:
    plugins: Any = call.body.get("plugins") or []
    if isinstance(plugins, msgspec.Raw):  # of a body that was read in another process
        plugins = msgspec.json.decode(plugins)
    if any(isinstance(one, dict) and one.get("id") == WEB["id"] for one in plugins):
        return call
    return replace(call, body={**call.body, "plugins": [*plugins, dict(WEB)]})


def _thinking(call: Call) -> Call:
    given: Any = call.body.get("reasoning")
    if given is not None or call.body.get("reasoning_effort") is not None:
        return call  # whoever says how to think knows better
    body = {**call.body, "reasoning": dict(REASONING)}
    return replace(call, body=body, parameters=call.parameters | {"reasoning"})
