"""`context-compression`: prompts that are too long for a model are shortened in their middle."""

from __future__ import annotations

from config.lib.declared import Choice
from routing.plugins.plugin import Plugin


class ContextCompression(Plugin):
    """Shortening of prompts."""

    slug = "context-compression"
    name = "Context compression"
    about = "Takes the middle out of prompts that exceed the model's context."
    fields = (Choice(name="engine", values=("middle-out",), help="How prompts are shortened."),)
