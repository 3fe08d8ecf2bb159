"""`moderation`: requests are judged before a model sees them."""

from __future__ import annotations

from routing.plugins.plugin import Plugin


class Moderation(Plugin):
    """Judgement of requests."""

    slug = "moderation"
    name = "Moderation"
    about = "Has requests judged before they are answered."
