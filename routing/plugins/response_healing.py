"""`response-healing`: JSON that a model got almost right is repaired."""

from __future__ import annotations

from routing.plugins.plugin import Plugin


class ResponseHealing(Plugin):
    """Repair of structured outputs."""

    slug = "response-healing"
    name = "Response healing"
    about = "Repairs broken JSON in answers that are not streamed and were to be JSON."
