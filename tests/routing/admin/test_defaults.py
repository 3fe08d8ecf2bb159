"""Presets, plugin defaults and routing defaults in the Django admin: forms made of what is declared."""

from __future__ import annotations

import pytest

from accounts.models import Revision
from config.lib.scoping import tenant
from routing import plugin_settings, presets, routing_defaults
from routing.models import PluginSetting, Preset, PresetVersion, RoutingDefaults
from routing.preset_config import Content
from tests.admin_pages import errors_of, page, text_of
from tests.cast import STAGE

pytestmark = pytest.mark.django_db


@pytest.fixture
def preset(acme):
    """A preset of production with two versions."""
    with tenant(acme.organization.pk):
        for temperature in (0.5, 1.0):
            content = Content({"temperature": temperature})
            saved = presets.save_version(workspace=acme.production, slug="brief", content=content, by=STAGE)
        return saved


class TestAPreset:
    def test_is_added_with_its_first_version(self, doors, acme):
        doors["alice"].post(
            page(Preset, "add"),
            {
                "workspace": acme.production.pk,
                "slug": "new",
                "system_prompt": " Be brief.\n",
                "config": '{"temperature": 0.5}',
            },
        )

        with tenant(acme.organization.pk):
            added = Preset.objects.get()
            version = added.designated_version
            revision = Revision.objects.order_by("-pk").first()
        assert (version.config, version.system_prompt) == (
            {"temperature": 0.5},
            " Be brief.\n",
        )
        assert (added.created_by_id, version.created_by_id) == (acme.alice.user_id, acme.alice.user_id)
        assert (revision.door, revision.object_type) == ("admin", "preset")

    @pytest.mark.parametrize(
        "config",
        [
            "[]",
            "{",
            "[" * 5000,
            '{"temperature": "hot"}',
            '{"temperature": NaN}',
            '{"temperature": 1e400}',
            '{"nonsense": 1}',
            '{"messages": []}',
            '{"model": "\\u0000"}',
            '{"model": "\\ud800"}',
            '{"model": "a/b", "model": "c/d"}',
            '{"seed": ' + "9" * 100 + "}",
        ],
    )
    def test_with_parameters_that_are_none_is_an_error_of_the_form(self, doors, acme, config):
        answer = doors["alice"].post(
            page(Preset, "add"), {"workspace": acme.production.pk, "slug": "new", "config": config}
        )

        assert list(errors_of(answer)) == ["config"]

    def test_designates_one_of_its_own_versions(self, doors, acme, preset):
        with tenant(acme.organization.pk):
            first = PresetVersion.objects.get(preset=preset, number=1)
            other = presets.save_version(workspace=acme.research, slug="x", content=Content(), by=STAGE)
        values = {"name": "Brief", "status": "disabled"}
        address = page(Preset, "change", preset.pk)

        refused = doors["alice"].post(address, values | {"designated_version": other.designated_version_id})
        doors["alice"].post(address, values | {"designated_version": first.pk})

        assert "designated_version" in errors_of(refused)
        with tenant(acme.organization.pk):
            changed = Preset.objects.get(pk=preset.pk)
        assert (changed.designated_version_id, changed.status, changed.name) == (
            first.pk,
            "disabled",
            "Brief",
        )

    def test_gets_another_version_but_no_version_is_changed(self, doors, acme, preset):
        doors["alice"].post(page(PresetVersion, "add"), {"preset": preset.pk, "config": '{"top_p": 1}'})

        with tenant(acme.organization.pk):
            version = Preset.objects.get(pk=preset.pk).designated_version
        assert (version.number, version.config) == (3, {"top_p": 1})
        answer = doors["alice"].post(page(PresetVersion, "change", version.pk), {"system_prompt": "x"})
        assert answer.status_code == 403
        assert "top_p" in text_of(doors["alice"].get(page(PresetVersion, "change", version.pk)))

    def test_that_is_archived_takes_none(self, doors, acme, preset):
        with tenant(acme.organization.pk):
            presets.change(preset=preset, by=STAGE, status="archived")

        answer = doors["alice"].post(page(PresetVersion, "add"), {"preset": preset.pk, "config": "{}"})

        assert "archived" in str(errors_of(answer))

    def test_is_deleted(self, doors, acme, preset):
        doors["alice"].post(page(Preset, "delete", preset.pk), {"post": "yes"})

        assert doors["alice"].get(page(Preset, "change", preset.pk)).status_code == 404


@pytest.mark.usefixtures("operator_services")
class TestAPluginsDefault:
    def test_is_configured_by_the_fields_that_the_plugin_declares(self, doors, acme):
        doors["alice"].post(
            page(PluginSetting, "add"), {"workspace": acme.production.pk, "plugin": "web", "is_enabled": "on"}
        )
        with tenant(acme.organization.pk):
            row = PluginSetting.objects.get()
        address = page(PluginSetting, "change", row.pk)

        doors["alice"].post(
            address,
            {
                "is_enabled": "on",
                "config_engine": "exa",
                "config_max_results": "3",
                "config_include_domains": "a.example\n\n b.example ",
                "config_user_location": '{"type": "approximate"}',
            },
        )

        with tenant(acme.organization.pk):
            row = PluginSetting.objects.get()
        assert row.config == {
            "engine": "exa",
            "max_results": 3,
            "include_domains": ["a.example", "b.example"],
            "user_location": {"type": "approximate"},
        }
        assert "a.example\nb.example" in text_of(doors["alice"].get(address))

    def test_keeps_what_is_not_touched(self, doors, acme):
        config = {"cost_tier": "low", "pin_model": True, "allowed_models": ["a/*"]}
        with tenant(acme.organization.pk):
            row = plugin_settings.change(
                workspace=acme.production, plugin="auto-router", config=config, by=STAGE
            )
        shown = doors["alice"].get(page(PluginSetting, "change", row.pk)).context["adminform"].form
        values = {bound.name: bound.value() for bound in shown if bound.value() not in (None, False)}

        doors["alice"].post(page(PluginSetting, "change", row.pk), values | {"config_cost_tier": ""})

        with tenant(acme.organization.pk):
            assert PluginSetting.objects.get().config == {"pin_model": True, "allowed_models": ["a/*"]}

    def test_refuses_what_the_plugin_does_not_declare(self, doors, acme):
        with tenant(acme.organization.pk):
            row = plugin_settings.change(workspace=acme.production, plugin="web", is_enabled=True, by=STAGE)

        answers = [
            doors["alice"].post(page(PluginSetting, "change", row.pk), {"is_enabled": "on", **wrong})
            for wrong in (
                {"config_engine": "altavista"},
                {"config_max_results": "0"},
                {"config_user_location": '{"planet": "Mars"}'},
                {"config_user_location": "{"},
            )
        ]

        assert all(errors_of(answer) for answer in answers)

    def test_is_not_turned_on_where_it_cannot_run(self, doors, acme):
        with tenant(acme.organization.pk):
            config = {"engine": "tavily"}
            row = plugin_settings.change(workspace=acme.production, plugin="web", config=config, by=STAGE)
        address = page(PluginSetting, "change", row.pk)

        shown = text_of(doors["alice"].get(address))
        answer = doors["alice"].post(address, {"is_enabled": "on", "config_engine": "tavily"})

        assert "web.engine is tavily, which is not set up here" in shown
        assert errors_of(answer)
        with tenant(acme.organization.pk):
            assert not PluginSetting.objects.get().is_enabled

    def test_is_refused_twice_for_one_plugin(self, doors, acme):
        values = {"workspace": acme.production.pk, "plugin": "web"}
        doors["alice"].post(page(PluginSetting, "add"), values)

        assert errors_of(doors["alice"].post(page(PluginSetting, "add"), values))


class TestRoutingDefaults:
    def test_are_typed_as_they_are_declared(self, doors, acme):
        doors["alice"].post(
            page(RoutingDefaults, "add"),
            {
                "workspace": acme.production.pk,
                "order": "anthropic\nopenai",
                "zdr": "false",
                "data_collection": "deny",
                "quantizations": "fp8",
                "max_price": '{"prompt": 1.5}',
                "preferred_max_latency": "2",
                "is_auto_exacto_enabled": "on",
            },
        )

        with tenant(acme.organization.pk):
            row = RoutingDefaults.objects.get()
        assert (row.order, row.zdr, row.data_collection) == (["anthropic", "openai"], False, "deny")
        assert (row.max_price, row.preferred_max_latency) == ({"prompt": 1.5}, 2.0)
        assert (row.is_auto_exacto_enabled, row.is_stickiness_enabled) == (True, False)
        assert (row.only, row.allow_fallbacks) == (None, None)

    def test_keep_what_is_not_touched(self, doors, acme):
        given = {"zdr": True, "order": ["openai"], "max_price": {"prompt": 0.1}, "allow_fallbacks": False}
        with tenant(acme.organization.pk):
            row = routing_defaults.change(workspace=acme.production, by=STAGE, **given)
        shown = doors["alice"].get(page(RoutingDefaults, "change", row.pk)).context["adminform"].form
        values = {bound.name: bound.value() for bound in shown if bound.value() not in (None, "")}

        doors["alice"].post(page(RoutingDefaults, "change", row.pk), values | {"zdr": "", "only": "openai"})

        with tenant(acme.organization.pk):
            row = RoutingDefaults.objects.get()
        assert {name: getattr(row, name) for name in given} == given | {"zdr": None}
        assert row.only == ["openai"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"quantizations": "int3"},
            {"data_collection": "maybe"},
            {"max_price": "[1]"},
            {"max_price": '{"prompt": -1}'},
            {"max_price": '{"prompt": 1e400}'},
            {"preferred_max_latency": "NaN"},
        ],
    )
    def test_refuse_what_is_not_declared(self, doors, acme, wrong):
        answer = doors["alice"].post(page(RoutingDefaults, "add"), {"workspace": acme.production.pk, **wrong})

        assert errors_of(answer)

    def test_of_another_organization_are_no_choice(self, doors, acme):
        for model in (RoutingDefaults, PluginSetting, Preset):
            values = {"workspace": acme.production.pk, "plugin": "web", "slug": "x"}
            assert "workspace" in errors_of(doors["mallory"].post(page(model, "add"), values))
