"""Put fusion into a call: the models that its aliases stand for, and the tool for the model to call. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from routing.call import Call
from routing.errors import Availability, Refusal
from routing.gateway.client import RefusedError
from routing.plugins.bench import Surroundings, with_stage
from routing.selection.permitted import seen_by
from routing.selection.variants import FREE, FREE_MARK, is_free
from routing.tools.fusion_config import ALIASES, FLASH, SLUG, TYPE, is_alias
from routing.tools.fusion_depth import is_fusion, opened
from routing.tools.fusion_presets import FAST, QUALITY, Resolved, resolved

Config = Mapping[str, Any]  # what the plugin declares

FLASHES = tuple(slug for slug in ALIASES if slug.partition("/")[2] == FLASH.partition("/")[2])
RULE = "fusion"


class Alias(NamedTuple):
    """What a request asks for by the name of a router: `openrouter/fusion-flash:free:nitro`."""

    asked: str
    router: str
    variants: tuple[str, ...]

    @property
    def is_costless(self) -> bool:
        """Whether only free models are to answer."""
        return FREE in self.variants

    @property
    def preset(self) -> str:
        """The preset that it stands for, unless something else is said."""
        return FAST if self.router in FLASHES else QUALITY


def alias_of(call: Call) -> Alias | None:
    """The first of a call's models that is an alias of fusion."""
    for slug in call.models:
        if is_alias(slug):
            router, *variants = slug.split(":")
            return Alias(slug, router.lower(), tuple(variants))
    return None


def with_fusion(call: Call, config: Config | None, around: Surroundings) -> Call:
    """The call with real models in place of an alias, and the tool among its own.

    `config` is the plugin's, None where it is off or nothing is said about it: then the alias alone asks for the tool.
    Raises RefusedError (404) where no model can be used.
    """
    alias = alias_of(call)
    if alias is not None and config is None:
        config = _unsaid(call, around)
    if alias is None and config is None:
        return call
    wishes = config or {}
    found = _resolved(call, alias, wishes, around)
    if alias is not None:
        call = replace(call, models=_models(call, alias, wishes, found))
    if config is None:
        return _told(call, alias, "Answers without a panel", ())
    parameters = _parameters(alias, wishes, found)
    panel = parameters["analysis_models"]
    body = {**call.body, "tools": _tools(call, parameters, is_firm=_is_firm(around))}
    call = replace(call, body=body, parameters=call.parameters | {"tools"})
    return _told(call, alias, f"Offers a panel of {len(panel)} models", panel)


def _unsaid(call: Call, around: Surroundings) -> Config | None:
    """What holds for an alias where the plugin is not on: None where the request, or a firm workspace, has it off."""
    default = around.policy.plugins.get(SLUG)
    if default is None:
        return None if _is_turned_off(call) else {}
    return None if default.is_override_prevented or _is_turned_off(call) else default.config


def _is_turned_off(call: Call) -> bool:
    """Whether the request itself has the plugin off; one that has it on comes with a configuration."""
    return any(isinstance(one, dict) and one.get("id") == SLUG for one in opened(call.body, "plugins"))


def _resolved(call: Call, alias: Alias | None, wishes: Config, around: Surroundings) -> Resolved:
    """The preset's models; of none where everything is named."""
    if "analysis_models" in wishes and ("model" in wishes or alias is None):
        return Resolved((), None)
    preset = wishes.get("preset") or (alias.preset if alias else QUALITY)
    is_costless = alias is not None and alias.is_costless
    found = resolved(preset, seen_by(around.policy, around.catalog), around.now, is_costless=is_costless)
    if not found.panel:
        message = "No model that fusion may choose can be used."
        availability = Availability("no_endpoints", call.models)
        raise RefusedError(Refusal(404, "not_found", message, RULE, availability=availability))
    return found


def _models(call: Call, alias: Alias, wishes: Config, found: Resolved) -> tuple[str, ...]:
    """Whom to ask in the alias's place: who is named as the analyst, or the preset's, with the alias's variants."""
    outer = wishes.get("model") or found.analyst or found.panel[0]
    if alias.is_costless and not is_free(outer):
        outer += FREE_MARK
    outer = ":".join([outer, *[name for name in alias.variants if name != FREE]])
    return tuple(dict.fromkeys([outer if is_alias(slug) else slug for slug in call.models]))


def _parameters(alias: Alias | None, wishes: Config, found: Resolved) -> dict[str, Any]:
    """The tool's, of what the plugin says and a preset comes to."""
    parameters = {name: wishes[name] for name in ("model", "max_tool_calls", "tools") if name in wishes}
    if alias is None and "preset" in wishes and found.analyst is not None:
        parameters.setdefault("model", found.analyst)
    return {**parameters, "analysis_models": wishes.get("analysis_models") or list(found.panel)}


def _tools(call: Call, parameters: dict[str, Any], *, is_firm: bool) -> list[Any]:
    """The call's tools with fusion among them, once; its own entry wins unless the plugin is `is_firm`."""
    tools, is_there = [], False
    for tool in opened(call.body, "tools"):
        said = _said(tool) if is_fusion(tool) else None
        if isinstance(said, dict):
            both = {**said, **parameters} if is_firm else {**parameters, **said}
            tool = {"type": tool["type"], "parameters": both}
        tools.append(tool)
        is_there = is_there or is_fusion(tool)
    return tools if is_there else [*tools, {"type": TYPE, "parameters": parameters}]


def _said(tool: dict[str, Any]) -> Any:  # whatever the caller wrote
    """An entry's parameters, which may stand beside its type as well."""
    if tool.get("parameters") is not None:
        return tool["parameters"]
    return {name: value for name, value in tool.items() if name not in ("type", "parameters")}


def _is_firm(around: Surroundings) -> bool:
    """Whether the workspace lets nobody override what it says about the plugin."""
    default = around.policy.plugins.get(SLUG)
    return default is not None and default.is_override_prevented


def _told(call: Call, alias: Alias | None, summary: str, panel: tuple[str, ...] | list[str]) -> Call:
    about: dict[str, Any] = {"analysis_models": list(panel)}
    if alias is not None:
        about["router"] = alias.router
    return with_stage(call, "plugin", SLUG, summary, **about)
