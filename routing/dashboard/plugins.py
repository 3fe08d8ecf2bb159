"""The page of a workspace's plugins and server tools: what runs unasked, how, and what may not be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from config.lib.declared import NotValid
from config.lib.environment import environment
from routing import plugin_settings
from routing.dashboard.plugin_forms import PluginForm, ServerToolsForm, effect_of
from routing.models import PluginSetting
from routing.plugin_services import operator_of
from routing.plugins import PLUGINS
from routing.plugins.plugin import Plugin
from routing.policy_parts.server_tools import disabled_tools_of
from routing.tools import TOOLS
from routing.tools.tool import PREFIXES, ServerTool
from workspaces import workspaces
from workspaces.dashboard.pages import WorkspaceView
from workspaces.locking import WorkspaceGone
from workspaces.models import Workspace


@dataclass(frozen=True)
class PluginLine:
    """A plugin, what the workspace says about it, and what that comes to. `missing`: what keeps it from running."""

    plugin: Plugin
    setting: PluginSetting
    effect: str
    missing: str

    @property
    def is_silent(self) -> bool:
        """Whether the workspace says nothing about it."""
        return self.setting.pk is None


@dataclass(frozen=True)
class ToolLine:
    """A server tool, and whether models may use it here. `missing`: what keeps it from running unconfigured."""

    tool: ServerTool
    type: str
    is_allowed: bool
    missing: str


class PluginsPage(WorkspaceView):
    """What the pages of plugins share."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "plugins"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except WorkspaceGone as gone:
            raise Http404 from gone

    def to_list(self) -> HttpResponse:
        """Go back to the page of all of them."""
        return redirect(
            "dashboard:plugins", organization=self.organization.slug, workspace=self.workspace.slug
        )


class PluginsView(PluginsPage):
    """`/o/{organization}/w/{workspace}/plugins`."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Every plugin and every server tool."""
        return self.page(
            "routing/plugins.html",
            plugins=[_plugin_line(setting) for setting in plugin_settings.settings_of(self.workspace)],
            tools=tool_lines(self.workspace),
        )


class PluginPage(PluginsPage):
    """A page about one plugin."""

    plugin: Plugin
    setting: PluginSetting

    def enter(self) -> None:
        super().enter()
        plugin = PLUGINS.get(self.kwargs["plugin"])
        if plugin is None:
            raise Http404
        self.plugin = plugin
        self.setting = plugin_settings.setting_of(self.workspace, plugin.slug)


class PluginView(PluginPage):
    """`…/plugins/{plugin}`."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The form as the workspace has it."""
        return self.drawn(PluginForm.of(self.setting))

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Change it."""
        form = PluginForm(request.POST, plugin=self.plugin)
        if form.is_valid():
            try:
                changed = plugin_settings.change(
                    workspace=self.workspace, plugin=self.plugin.slug, by=self.actor, **form.changes()
                )
            except NotValid as fault:
                form.refuse(fault)
            else:
                messages.success(request, f"{self.plugin.name}: {effect_of(changed)}")
                return self.to_list()
        return self.drawn(form, status=INVALID_FORM)

    def drawn(self, form: PluginForm, *, status: int = 200) -> HttpResponse:
        """The form, and what is missing here."""
        return self.page("routing/plugin.html", form=form, line=_plugin_line(self.setting), status=status)


class ResetPluginView(PluginPage):
    """`…/plugins/{plugin}/reset`."""

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Make the workspace say nothing about it."""
        plugin_settings.reset(workspace=self.workspace, plugin=self.plugin.slug, by=self.actor)
        messages.success(request, f"{self.plugin.name} is as it was in the beginning.")
        return self.to_list()


class ServerToolsView(PluginsPage):
    """`…/plugins/server-tools`."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Which tools models may use."""
        return self.drawn(ServerToolsForm.of(self.workspace))

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Change it."""
        form = ServerToolsForm(request.POST)
        if not form.is_valid():
            return self.drawn(form, status=INVALID_FORM)
        disabled = form.disabled(self.workspace)
        workspaces.change(workspace=self.workspace, by=self.actor, disabled_server_tools=disabled)
        messages.success(request, "Saved. Gateways heed it within a second.")
        return self.to_list()

    def drawn(self, form: ServerToolsForm, *, status: int = 200) -> HttpResponse:
        """The form."""
        return self.page("routing/server_tools.html", form=form, status=status)


def tool_lines(workspace: Workspace) -> list[ToolLine]:
    """Every server tool there is."""
    disabled, operator = disabled_tools_of(workspace), operator_of(environment())
    found = [(tool, tool.missing({}, operator)) for tool in TOOLS.values()]
    return [
        ToolLine(
            tool, f"{PREFIXES[0]}{tool.slug}", tool.slug not in disabled, missing.reason if missing else ""
        )
        for tool, missing in found
    ]


def _plugin_line(setting: PluginSetting) -> PluginLine:
    missing = plugin_settings.missing_of(setting)
    return PluginLine(
        PLUGINS[setting.plugin],
        setting,
        effect_of(setting),
        f"{missing.field} {missing.reason}".strip() if missing else "",
    )
