"""`fusion`: a panel of models that the answering model may ask, and who stands behind `openrouter/fusion`."""

from __future__ import annotations

from config.lib.declared import Choice
from routing.call import Call
from routing.plugins.bench import Surroundings
from routing.plugins.operator import Missing, Operator
from routing.plugins.plugin import Config, Plugin
from routing.tools.fusion_config import SHARED, SLUG
from routing.tools.fusion_presets import PRESETS
from routing.tools.fusion_question import missing_tool
from routing.tools.fusion_router import with_fusion


class Fusion(Plugin):
    """The server tool of the same name, put into the request."""

    slug = SLUG
    name = "Fusion"
    about = "Lets the model ask a panel of models, whose answers an analyst compares."
    fields = (
        Choice(name="preset", values=tuple(PRESETS), help="A panel and an analyst by name."),
        *SHARED,
    )

    def missing(self, config: Config, operator: Operator) -> Missing | None:
        """A search engine, where the configuration asks for one."""
        return missing_tool(config, operator)

    def arrange(self, call: Call, config: Config | None, around: Surroundings) -> Call:
        """The call with the tool, and real models in the alias's place. Raises RefusedError (404)."""
        return with_fusion(call, config, around)
