"""Run plugins in their order at each moment of a request."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from routing.call import Call
from routing.plugins import PLUGINS
from routing.plugins.auto_router import AutoRouter
from routing.plugins.bench import Bench, Surroundings, changed
from routing.plugins.context_compression import ContextCompression, may_be_needed
from routing.plugins.file_parser import FileParser
from routing.plugins.fusion import Fusion
from routing.plugins.moderation import Moderation
from routing.plugins.response_healing import ResponseHealing
from routing.plugins.web import Web
from routing.selection.auto_router import SLUGS
from routing.tools.fusion_config import is_alias

ARRANGING = (
    Fusion.slug,
    AutoRouter.slug,
    FileParser.slug,
    Moderation.slug,
    Web.slug,
    ContextCompression.slug,
)
"""The model first, on which the rest depends; what is to be added before it is made to fit."""
BEFORE = (FileParser.slug, Moderation.slug, Web.slug)
"""Files are judged with the rest, and nobody searches for what may not be asked."""
AFTER = (ResponseHealing.slug,)
SHORT_PROMPT = 1_024
"""Tokens that fit every model there is."""


def arrange(call: Call, around: Surroundings) -> Call:
    """The call to decide on; the very one where no plugin has a say. Raises RefusedError (400, 404)."""
    default = around.policy.default_text_model
    if not call.models and default is not None and is_router(default):
        call = changed(call, models=(default,))
    plugins = call.plugins
    if Fusion.slug in plugins or any(
        map(is_alias, call.models)
    ):  # before others, whom it may name: the auto router
        call = PLUGINS[Fusion.slug].arrange(call, plugins.get(Fusion.slug), around)
    if not SLUGS.isdisjoint(call.models) and plugins.get(AutoRouter.slug) is None:
        call = PLUGINS[AutoRouter.slug].arrange(call, {}, around)
    for slug in ARRANGING if plugins else ():
        if slug in plugins:
            call = PLUGINS[slug].arrange(call, plugins[slug], around)
    is_unsaid = ContextCompression.slug not in plugins and call.prompt_tokens > SHORT_PROMPT
    if is_unsaid and may_be_needed(call, around.catalog):
        call = PLUGINS[ContextCompression.slug].arrange(call, {}, around)
    return call


@lru_cache(maxsize=1024)
def is_router(slug: str) -> bool:
    """Whether a model's name is a router's, which is to be replaced by models before anybody is asked.

    Every request asks, and most for the same few models.
    """
    return slug in SLUGS or is_alias(slug)


async def before(call: Call, bench: Bench) -> Call:
    """The call to send. Raises RefusedError."""
    for slug in BEFORE:
        config = call.plugins.get(slug)
        if config is not None:
            call = await PLUGINS[slug].before(call, config, bench)
    return call


async def after(call: Call, body: dict[str, Any], bench: Bench) -> Call:
    """The call with what was done to its answer."""
    for slug in AFTER:
        config = call.plugins.get(slug)
        if config is not None:
            call = await PLUGINS[slug].after(call, config, body, bench)
    return call
