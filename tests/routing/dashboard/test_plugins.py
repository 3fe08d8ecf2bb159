"""The page of a workspace's plugins and server tools."""

from __future__ import annotations

import pytest
from django.http import HttpResponseBase
from django.test import Client

from config.lib.scoping import tenant
from routing import plugin_settings
from routing.models import PluginSetting
from routing.plugins import PLUGINS
from routing.tools import TOOLS
from tests.browser.quality import queries_of
from tests.cast import STAGE, Acme
from tests.dashboard_pages import text_of
from workspaces import workspaces
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db

PLUGINS_PAGE = "/o/acme/w/production/plugins"
EVERY_TOOL = list(TOOLS)


def send(client: Client, plugin: str, **fields: object) -> HttpResponseBase:
    """Send a plugin's form."""
    return client.post(f"{PLUGINS_PAGE}/{plugin}", fields)


def said(acme: Acme, plugin: str) -> PluginSetting:
    """What production says about a plugin."""
    with tenant(acme.organization.pk):
        return plugin_settings.setting_of(acme.production, plugin)


def disable(acme: Acme, *tools: str) -> None:
    """Disable server tools in production."""
    with tenant(acme.organization.pk):
        workspaces.change(workspace=acme.production, by=STAGE, disabled_server_tools=list(tools))


def disabled(acme: Acme) -> list[str] | None:
    """What production has disabled."""
    with tenant(acme.organization.pk):
        found: list[str] | None = (
            Workspace.objects.for_organization(acme.organization)
            .get(pk=acme.production.pk)
            .disabled_server_tools
        )
        return found


class TestThePage:
    def test_shows_every_plugin_and_what_it_does_here(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            plugin_settings.change(
                workspace=acme.production,
                plugin="response-healing",
                is_enabled=True,
                is_override_prevented=True,
                by=STAGE,
            )

        answer = viewers["alice"].get(PLUGINS_PAGE)

        effects = {line.plugin.slug: line.effect for line in answer.context["plugins"]}
        assert list(effects) == list(PLUGINS)
        assert effects["response-healing"] == "Runs as it is configured here, whatever a request says."
        assert effects["web"] == "Runs where a request asks for it."

    def test_says_what_the_operator_has_not_set_up(self, viewers: dict[str, Client]) -> None:
        answer = text_of(viewers["alice"].get(PLUGINS_PAGE))

        assert "Cannot be on by default here: needs a search engine, and none is set up here." in answer

    def test_asks_little(self, viewers: dict[str, Client]) -> None:
        assert len(queries_of(viewers["alice"], PLUGINS_PAGE)) <= 12


class TestConfiguringAPlugin:
    def test_keeps_what_its_declaration_reads(self, acme: Acme, viewers: dict[str, Client]) -> None:
        send(
            viewers["alice"],
            "auto-router",
            is_enabled="on",
            allowed_models="a/*\n\n b/c ",
            cost_tier="low",
            cost_quality_tradeoff="",
            pin_model="false",
        )

        setting = said(acme, "auto-router")
        assert (setting.is_enabled, setting.is_override_prevented) == (True, False)
        assert setting.config == {
            "allowed_models": ["a/*", "b/c"],
            "cost_tier": "low",
            "pin_model": False,
        }

    def test_reads_groups(self, acme: Acme, viewers: dict[str, Client]) -> None:
        send(viewers["alice"], "file-parser", is_enabled="on", pdf__engine="pdf-text")

        assert said(acme, "file-parser").config == {"pdf": {"engine": "pdf-text"}}

    def test_keeps_an_empty_list_that_means_none(self, acme: Acme, viewers: dict[str, Client]) -> None:
        send(viewers["alice"], "fusion", tools="[]", analysis_models="a/b")

        assert said(acme, "fusion").config == {"analysis_models": ["a/b"], "tools": []}

    def test_empties_what_is_left_empty(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            plugin_settings.change(
                workspace=acme.production, plugin="web", config={"max_results": 3}, by=STAGE
            )

        send(viewers["alice"], "web", max_results="", is_override_prevented="on")

        setting = said(acme, "web")
        assert (setting.config, setting.is_override_prevented) == ({}, True)

    @pytest.mark.parametrize(
        ("plugin", "fields", "place", "fault"),
        [
            ("web", {"max_results": "500"}, "max_results", "This must be an integer from 1 to 100."),
            ("web", {"is_enabled": "on"}, "is_enabled", "This needs a search engine"),
            (
                "web",
                {"is_enabled": "on", "engine": "exa"},
                "engine",
                "This is exa, which is not set up here",
            ),
            (
                "fusion",
                {"tools": '[{"type": "openrouter:advisor"}]'},
                "tools",
                "This must be one of openrouter:web_search",
            ),
            ("fusion", {"model": "openrouter/fusion"}, "model", "This must not be fusion itself."),
        ],
    )
    def test_says_at_the_field_what_is_wrong(
        self,
        plugin: str,
        fields: dict[str, str],
        place: str,
        fault: str,
        acme: Acme,
        viewers: dict[str, Client],
    ) -> None:
        answer = send(viewers["alice"], plugin, **fields)

        assert answer.status_code == 422
        [told] = answer.context["form"].errors[place]
        assert told.startswith(fault)
        assert said(acme, plugin).pk is None

    def test_can_be_forgotten(self, acme: Acme, viewers: dict[str, Client]) -> None:
        send(viewers["alice"], "response-healing", is_enabled="on")

        viewers["alice"].post(f"{PLUGINS_PAGE}/response-healing/reset")

        assert said(acme, "response-healing").pk is None


class TestServerTools:
    def test_are_all_allowed_in_the_beginning(self, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].get(f"{PLUGINS_PAGE}/server-tools")

        assert answer.context["form"]["tools"].value() == EVERY_TOOL

    def test_that_are_not_checked_are_disabled(self, acme: Acme, viewers: dict[str, Client]) -> None:
        allowed = [slug for slug in EVERY_TOOL if slug not in ("web_fetch", "advisor")]

        viewers["alice"].post(f"{PLUGINS_PAGE}/server-tools", {"tools": allowed})

        assert disabled(acme) == ["openrouter:web_fetch", "openrouter:advisor"]

    def test_keep_how_they_were_spelled_and_what_is_no_tool_here(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        disable(acme, "headgate:web_fetch", "openrouter:bash", "openrouter:advisor")
        allowed = [slug for slug in EVERY_TOOL if slug != "web_fetch"]

        viewers["alice"].post(f"{PLUGINS_PAGE}/server-tools", {"tools": allowed})

        assert disabled(acme) == ["headgate:web_fetch", "openrouter:bash"]

    def test_are_all_allowed_again(self, acme: Acme, viewers: dict[str, Client]) -> None:
        disable(acme, "openrouter:web_fetch")

        viewers["alice"].post(f"{PLUGINS_PAGE}/server-tools", {"tools": EVERY_TOOL})

        assert disabled(acme) is None
