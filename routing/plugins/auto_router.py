"""`auto-router`: which models the automatic router may choose from, and how thrifty it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.lib.declared import Choice, Flag, NotValid, Texts, Whole
from routing.call import Call
from routing.errors import Availability, Refusal
from routing.gateway.client import RefusedError
from routing.plugins.bench import Surroundings, changed, with_stage
from routing.plugins.plugin import Config, Plugin
from routing.selection.auto_router import SLUGS, NothingFits, choose, is_wild

MOST_PATTERNS = 1024
LONGEST_PATTERN = 1024
LONGEST_PATTERNS = 65_536
MOST_WILD, LONGEST_WILD = 64, 2_048
"""Of patterns with a wildcard elsewhere than at their end, which are matched between other people's requests."""


class AutoRouter(Plugin):
    """Choice of a model by the prompt."""

    slug = "auto-router"
    name = "Auto router"
    about = "Says what the automatic router may choose from."
    fields = (
        Texts(
            name="allowed_models",
            most=MOST_PATTERNS,
            longest=LONGEST_PATTERN,
            help="Patterns of models that it may choose; wildcards are possible.",
        ),
        Texts(
            name="excluded_models",
            most=MOST_PATTERNS,
            longest=LONGEST_PATTERN,
            help="Patterns of models that it must not choose; they win over allowed ones.",
        ),
        Choice(
            name="cost_tier", values=("low", "medium", "high", "xhigh", "max"), help="How much it may cost."
        ),
        Whole(name="cost_quality_tradeoff", maximum=10, help="From quality (0) to thrift (10); superseded."),
        Flag(name="pin_model", help="Stay with the model of the last answer."),
    )

    def read_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Patterns are bounded together, too."""
        config = super().read_config(given)
        for name in ("allowed_models", "excluded_models"):
            if sum(map(len, config.get(name, ()))) > LONGEST_PATTERNS:
                raise NotValid(f"config.{name}", f"may have {LONGEST_PATTERNS} characters in all.")
            wild = [pattern for pattern in config.get(name, ()) if is_wild(pattern)]
            if len(wild) > MOST_WILD or sum(map(len, wild)) > LONGEST_WILD:
                fault = f"may have {MOST_WILD} patterns with * before their end, of {LONGEST_WILD} characters in all."
                raise NotValid(f"config.{name}", fault)
        return config

    def arrange(self, call: Call, config: Config | None, around: Surroundings) -> Call:
        """The call with the models that suit it in the router's place. Raises RefusedError (404)."""
        if SLUGS.isdisjoint(call.models):
            return call
        try:
            chosen = choose(call, config or {}, around.catalog.models.values(), around.policy, around.now)
        except NothingFits:
            raise RefusedError(_nothing_fits(call)) from None
        models = [slug for asked in call.models for slug in (chosen.models if asked in SLUGS else (asked,))]
        return with_stage(
            changed(call, models=tuple(dict.fromkeys(models))),
            "plugin",
            self.slug,
            f"Chose {chosen.models[0]} of {chosen.candidates} models",
            router=next(asked for asked in call.models if asked in SLUGS),
            task_type=chosen.task,
            models=list(chosen.models),
            candidates=chosen.candidates,
        )


def _nothing_fits(call: Call) -> Refusal:
    message = f"No model that {call.models[0]} may choose can serve this request."
    availability = Availability("no_endpoints", call.models)
    return Refusal(404, "not_found", message, "auto_router", availability=availability)
