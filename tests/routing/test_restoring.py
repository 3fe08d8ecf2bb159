"""Presets and defaults brought back to what a revision recorded."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Revision
from accounts.restoring import CannotRestore, Recorded, restorers
from config.lib.scoping import tenant
from routing import plugin_settings, presets, routing_defaults
from routing.models import PluginSetting, Preset, RoutingDefaults
from routing.preset_config import Content
from tests.cast import STAGE, Acme
from workspaces import workspaces

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scope(acme: Acme) -> Any:
    """Work inside acme, as whoever rolls back does."""
    with tenant(acme.organization.pk):
        yield


def roll_back(acme: Acme, kind: str, *, by: str = "before", steps: int = 1) -> None:
    """Restore what the newest revision but `steps - 1` of a kind says."""
    revision = Revision.objects.filter(object_type=kind).order_by("-pk")[steps - 1]
    recorded = Recorded(acme.organization.pk, revision.object_id, getattr(revision, by))
    restorers.at(kind)(recorded, STAGE)


def save(acme: Acme, temperature: float = 0.5) -> Preset:
    """A version of production's preset."""
    content = Content({"temperature": temperature})
    return presets.save_version(workspace=acme.production, slug="brief", content=content, by=STAGE)


class TestAPreset:
    def test_gets_its_name_and_its_designated_version_back(self, acme: Acme):
        save(acme)
        presets.change(preset=save(acme, 1.0), by=STAGE, name="Short", status="disabled")

        roll_back(acme, "preset", by="after", steps=3)

        preset = Preset.objects.get()
        assert (preset.name, preset.status, preset.designated_version.number) == ("brief", "active", 1)

    def test_comes_back_after_its_deletion_with_its_versions(self, acme: Acme):
        save(acme)
        presets.delete(preset=save(acme), by=STAGE)

        roll_back(acme, "preset")

        preset = presets.presets_of(acme.production).get()
        assert preset.designated_version.number == 2
        assert save(acme).designated_version.number == 3

    def test_is_deleted_where_it_was_not_there(self, acme: Acme):
        save(acme)

        roll_back(acme, "preset")

        assert not presets.presets_of(acme.production).exists()

    def test_stays_away_when_its_slug_is_another_presets(self, acme: Acme):
        presets.delete(preset=save(acme), by=STAGE)
        save(acme)

        with pytest.raises(CannotRestore, match="slug"):
            roll_back(acme, "preset", steps=2)

    def test_stays_away_when_its_workspace_is_gone(self, acme: Acme):
        empty = workspaces.create(organization=acme.organization, name="E", slug="empty", by=STAGE)
        presets.save_version(workspace=empty, slug="x", content=Content(), by=STAGE)
        workspaces.delete(workspace=empty, by=STAGE)

        with pytest.raises(CannotRestore, match="workspace"):
            roll_back(acme, "preset")


@pytest.mark.usefixtures("operator_services")
class TestAPluginsDefault:
    def test_goes_back_and_away(self, acme: Acme):
        plugin_settings.change(workspace=acme.production, plugin="web", is_enabled=True, by=STAGE)
        plugin_settings.change(workspace=acme.production, plugin="web", config={"engine": "exa"}, by=STAGE)

        roll_back(acme, "pluginsetting")
        assert (PluginSetting.objects.get().is_enabled, PluginSetting.objects.get().config) == (True, {})

        roll_back(acme, "pluginsetting", steps=3)
        assert not PluginSetting.objects.exists()

    def test_comes_back_after_its_deletion(self, acme: Acme):
        plugin_settings.change(workspace=acme.production, plugin="web", is_enabled=True, by=STAGE)
        plugin_settings.reset(workspace=acme.production, plugin="web", by=STAGE)

        roll_back(acme, "pluginsetting")

        assert PluginSetting.objects.get().is_enabled

    @pytest.mark.parametrize(
        "wrong", [{"plugin": "gone"}, {"config": {"engine": "altavista"}}, {"config": {"engine": "tavily"}}]
    )
    def test_stays_away_when_it_is_no_longer_understood_or_cannot_run_here(
        self, acme: Acme, wrong: dict[str, Any]
    ):
        plugin_settings.change(workspace=acme.production, plugin="web", is_enabled=True, by=STAGE)
        revision = Revision.objects.get(object_type="pluginsetting")
        recorded = Recorded(acme.organization.pk, revision.object_id, {**revision.after, **wrong})

        with pytest.raises(CannotRestore):
            restorers.at("pluginsetting")(recorded, STAGE)


class TestRoutingDefaults:
    def test_go_back_and_away(self, acme: Acme):
        routing_defaults.change(workspace=acme.production, by=STAGE, order=["openai"])
        routing_defaults.change(workspace=acme.production, by=STAGE, order=None, is_stickiness_enabled=False)

        roll_back(acme, "routingdefaults")
        row = RoutingDefaults.objects.get()
        assert (row.order, row.is_stickiness_enabled) == (["openai"], True)

        roll_back(acme, "routingdefaults", steps=3)
        assert not RoutingDefaults.objects.exists()

    def test_stay_away_when_their_workspace_is_gone(self, acme: Acme):
        empty = workspaces.create(organization=acme.organization, name="E", slug="empty", by=STAGE)
        routing_defaults.change(workspace=empty, by=STAGE, zdr=True)
        workspaces.delete(workspace=empty, by=STAGE)

        with pytest.raises(CannotRestore, match="workspace"):
            roll_back(acme, "routingdefaults")
