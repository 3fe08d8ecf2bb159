"""Forms about plugins and server tools, built from what they declare."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from config.lib.declared import Group, NotValid, Texts
from config.lib.declared_forms import field_at, form_fields, initial_of, values_of
from routing.models import PluginSetting
from routing.plugins import PLUGINS
from routing.plugins.plugin import Plugin
from routing.policy_parts.server_tools import disabled_tools_of
from routing.tools import TOOLS, tool_named
from workspaces.models import Workspace

WITHIN: Final = "config."
SPELLED: Final = "openrouter:"


class PluginForm(forms.Form):
    """Whether a plugin runs unasked, whether requests may say otherwise, and its configuration."""

    is_enabled = forms.BooleanField(label="On by default", required=False)
    is_override_prevented = forms.BooleanField(label="Prevent overrides", required=False)

    def __init__(self, *args: Any, plugin: Plugin, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plugin = plugin
        self.fields |= form_fields(plugin.fields)

    @classmethod
    def of(cls, setting: PluginSetting) -> PluginForm:
        """The form filled in with what the workspace says."""
        plugin = PLUGINS[setting.plugin]
        switches = {
            "is_enabled": setting.is_enabled,
            "is_override_prevented": setting.is_override_prevented,
        }
        return cls(initial={**initial_of(plugin.fields, setting.config), **switches}, plugin=plugin)

    @property
    def declared(self) -> list[forms.BoundField]:
        """The configuration's own fields."""
        return [self[field.name] for field in self.plugin.fields if not isinstance(field, Group)]

    @property
    def groups(self) -> list[tuple[Group, list[forms.BoundField]]]:
        """The fields that are within another, by that one."""
        groups = [field for field in self.plugin.fields if isinstance(field, Group)]
        return [(group, [self[name] for name in form_fields([group])]) for group in groups]

    def changes(self) -> dict[str, Any]:
        """As the domain wants them; an empty list of anything but words is one, as it means none of them."""
        given = self.cleaned_data
        config = values_of(self.plugin.fields, given)
        none_of: dict[str, list[Any]] = {
            field.name: []
            for field in self.plugin.fields
            if given.get(field.name) == [] and not isinstance(field, Texts)
        }
        return {
            "is_enabled": given["is_enabled"],
            "is_override_prevented": given["is_override_prevented"],
            "config": config | none_of,
        }

    def refuse(self, fault: NotValid) -> None:
        """Say what is wrong at its field; what is missing for the whole plugin, at the switch."""
        path = fault.path.removeprefix(WITHIN).partition("[")[0]
        place = "is_enabled" if fault.path == "enabled" else field_at(self, path)
        self.add_error(place, f"This {fault.fault}" if place else str(fault))


class ServerToolsForm(forms.Form):
    """Which tools the gateway may run for a model."""

    tools = forms.MultipleChoiceField(
        label="Models may use",
        required=False,
        choices=[(slug, tool.name) for slug, tool in TOOLS.items()],
        widget=forms.CheckboxSelectMultiple,
    )

    @classmethod
    def of(cls, workspace: Workspace) -> ServerToolsForm:
        """With those checked that the workspace has not disabled."""
        disabled = disabled_tools_of(workspace)
        return cls(initial={"tools": [slug for slug in TOOLS if slug not in disabled]})

    def disabled(self, workspace: Workspace) -> list[str] | None:
        """The list to keep: names as they are spelled, also of what is no tool here, without what is allowed now."""
        allowed = set(self.cleaned_data["tools"])
        known = [name for name in workspace.disabled_server_tools or () if isinstance(name, str)]
        kept = [name for name in known if (tool := tool_named(name)) is None or tool.slug not in allowed]
        named = {tool.slug for name in kept if (tool := tool_named(name))}
        return [*kept, *(f"{SPELLED}{slug}" for slug in TOOLS if slug not in allowed | named)] or None


def effect_of(setting: PluginSetting) -> str:
    """What becomes of a plugin, in a sentence: the table of docs/presets.md."""
    if setting.is_enabled and setting.is_override_prevented:
        return "Runs as it is configured here, whatever a request says."
    if setting.is_enabled:
        return "Runs, unless a request says otherwise."
    return "Never runs." if setting.is_override_prevented else "Runs where a request asks for it."
