"""/workspaces/{id}/plugins: defaults of plugins, judged by what each plugin declares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision, Version
from config.lib.environment import environment
from config.lib.scoping import tenant
from routing.models import PluginSetting
from routing.plugins import PLUGINS
from tests.cast import STAGE, Acme
from tests.management_api import Api, data_of, error_of
from tests.operator_services import SERVICES
from workspaces import workspaces

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator_services")]

PLUGINS_PATH = "/workspaces/production/plugins"
WEB = f"{PLUGINS_PATH}/web"


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


@pytest.fixture
def no_services(operator_services: None) -> Iterator[None]:
    """The operator has taken the services away again."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SERVICES:
            patch.delenv(name)
        environment.cache_clear()
        yield
    environment.cache_clear()


class TestThePlugins:
    def test_are_all_listed_off_and_open_until_something_is_said(self, api: Api):
        listed = data_of(api.get(PLUGINS_PATH))

        assert [row["id"] for row in listed] == list(PLUGINS)
        assert {(row["enabled"], row["prevent_overrides"], row["updated_at"]) for row in listed} == {
            (False, False, None)
        }
        assert data_of(api.get(WEB)) == listed[0]

    def test_are_listed_with_as_many_questions_however_much_was_said(self, api: Api):
        with CaptureQueriesContext(connections["default"]) as silent:
            api.get(PLUGINS_PATH)
        for plugin in PLUGINS:
            api.patch(f"{PLUGINS_PATH}/{plugin}", {"enabled": True})
        with CaptureQueriesContext(connections["default"]) as spoken:
            listed = data_of(api.get(PLUGINS_PATH))

        assert all(row["enabled"] for row in listed)
        assert len(spoken) == len(silent)


class TestSettingAPlugin:
    def test_changes_what_is_given_and_keeps_the_rest(self, api: Api):
        api.patch(WEB, {"enabled": True, "config": {"max_results": 3}})

        changed = data_of(api.patch(WEB, {"prevent_overrides": True}))

        assert (changed["enabled"], changed["prevent_overrides"]) == (True, True)
        assert changed["config"] == {"max_results": 3}
        assert data_of(api.get(WEB)) == changed

    @pytest.mark.parametrize("config", [{"mode": "fast"}, {}, None, {"engine": None, "mode": "fast"}])
    def test_replaces_the_configuration_as_a_whole(self, api: Api, config: dict[str, Any] | None):
        api.patch(WEB, {"config": {"engine": "exa"}})

        changed = data_of(api.patch(WEB, {"config": config}))

        assert changed["config"] == {name: value for name, value in (config or {}).items() if value}

    @pytest.mark.parametrize(
        ("plugin", "config"),
        [
            (
                "web",
                {
                    "engine": "searxng",
                    "max_results": 1,
                    "search_prompt": "Found:",
                    "include_domains": ["*.example.com"],
                    "exclude_domains": [],
                    "user_location": {"type": "approximate", "city": "Vienna"},
                    "x_search": {"allowed_x_handles": ["headgate"], "from_date": "2026-01-01"},
                },
            ),
            ("file-parser", {"pdf": {"engine": "pdf-text"}}),
            ("context-compression", {"engine": "middle-out"}),
            ("auto-router", {"allowed_models": ["a/*"], "cost_tier": "low", "pin_model": True}),
            ("response-healing", {}),
            ("moderation", {}),
            (
                "fusion",
                {
                    "preset": "general-budget",
                    "analysis_models": ["a/b", "~c/d-latest"],
                    "model": "e/f:nitro",
                    "max_tool_calls": 16,
                    "tools": [{"type": "openrouter:web_fetch", "parameters": {"engine": "x"}}],
                },
            ),
        ],
    )
    def test_keeps_what_the_plugin_declares(self, api: Api, plugin: str, config: dict[str, Any]):
        path = f"{PLUGINS_PATH}/{plugin}"

        assert data_of(api.patch(path, {"config": config}))["config"] == config

    @pytest.mark.parametrize(
        ("plugin", "body", "named"),
        [
            ("web", {"enabled": None}, "enabled"),
            ("web", {"enabled": "yes"}, "enabled"),
            ("web", {"prevent_overrides": 1}, "prevent_overrides"),
            ("web", {"id": "web"}, "id"),
            ("web", {"updated_at": None}, "updated_at"),
            ("web", {"config": []}, "config"),
            ("web", {"config": "x"}, "config"),
            ("web", {"config": {"engine": "altavista"}}, "config.engine"),
            ("web", {"config": {"engine": ["exa"]}}, "config.engine"),
            ("web", {"config": {"max_results": 0}}, "config.max_results"),
            ("web", {"config": {"max_results": 1.5}}, "config.max_results"),
            ("web", {"config": {"max_results": True}}, "config.max_results"),
            ("web", {"config": {"search_prompt": ""}}, "config.search_prompt"),
            ("web", {"config": {"include_domains": "example.com"}}, "config.include_domains"),
            ("web", {"config": {"include_domains": [1]}}, "config.include_domains"),
            ("web", {"config": {"include_domains": ["x"] * 101}}, "config.include_domains"),
            ("web", {"config": {"user_location": {"planet": "Mars"}}}, "config.user_location.planet"),
            ("web", {"config": {"x_search": {"from_date": "today"}}}, "config.x_search.from_date"),
            ("file-parser", {"config": {"pdf": {"engine": "eyes"}}}, "config.pdf.engine"),
            ("response-healing", {"config": {"engine": "exa"}}, "config.engine"),
            ("auto-router", {"config": {"cost_quality_tradeoff": 11}}, "config.cost_quality_tradeoff"),
            (
                "auto-router",
                {"config": {"allowed_models": [f"{number:01024}" for number in range(65)]}},
                "config.allowed_models",
            ),
            ("auto-router", {"config": {"pin_model": 1}}, "config.pin_model"),
            ("moderation", {"config": {"x" * 200: 1}}, "config." + "x" * 100),
            ("fusion", {"config": {"analysis_models": []}}, "config.analysis_models"),
            ("fusion", {"config": {"analysis_models": ["a b"]}}, "config.analysis_models"),
            ("fusion", {"config": {"model": "openrouter/fusion"}}, "config.model"),
            ("fusion", {"config": {"preset": "best"}}, "config.preset"),
            ("fusion", {"config": {"tools": [{"type": "openrouter:advisor"}]}}, "config.tools[0].type"),
        ],
    )
    def test_refuses_what_it_does_not(self, api: Api, plugin: str, body: dict[str, Any], named: str):
        status, message = error_of(api.patch(f"{PLUGINS_PATH}/{plugin}", body))

        assert (status, message.partition(":")[0]) == (400, named)

    @pytest.mark.parametrize("plugin", ["fusion2", "WEB", "%00", "openrouter"])
    def test_needs_a_plugin_there_is(self, api: Api, plugin: str):
        for method in ("get", "patch", "delete"):
            assert error_of(api.send(method, f"{PLUGINS_PATH}/{plugin}", {}))[0] == 404

    def test_is_recorded_and_moves_the_workspaces_version(self, api: Api, acme: Acme):
        def version() -> int:
            return Version.objects.get(kind="workspace", object_id=acme.production.pk).value

        before = version()

        api.patch(WEB, {"enabled": True})

        with tenant(acme.organization.pk):
            revision = Revision.objects.filter(object_type="pluginsetting").get()
        assert (revision.action, revision.workspace_id) == ("create", acme.production.pk)
        assert version() == before + 1

    def test_leaves_other_workspaces_alone(self, api: Api):
        api.patch(WEB, {"enabled": True})

        assert data_of(api.get("/workspaces/research/plugins/web"))["enabled"] is False


class TestAPluginThatCannotRunHere:
    """The operator has set up Exa, an OCR and a moderator, until he takes them away."""

    @pytest.mark.parametrize(
        ("plugin", "config", "named"),
        [
            ("web", {"engine": "tavily"}, "config.engine: is tavily, which is not set up here"),
            (
                "file-parser",
                {"pdf": {"engine": "cloudflare-ai"}},
                "config.pdf.engine: is cloudflare-ai, which is not set up here",
            ),
        ],
    )
    def test_is_not_turned_on(self, api: Api, plugin: str, config: dict[str, Any], named: str):
        path = f"{PLUGINS_PATH}/{plugin}"

        assert error_of(api.patch(path, {"enabled": True, "config": config})) == (400, named)
        assert data_of(api.get(path))["updated_at"] is None

        api.patch(path, {"config": config})
        assert error_of(api.patch(path, {"enabled": True})) == (400, named)
        assert data_of(api.get(path))["enabled"] is False

    @pytest.mark.parametrize(
        ("plugin", "named"),
        [
            ("web", "enabled: needs a search engine, and none is set up here"),
            ("moderation", "enabled: needs a moderation endpoint, and none is set up here"),
        ],
    )
    def test_is_not_turned_on_without_anybody_to_ask(
        self, api: Api, no_services: None, plugin: str, named: str
    ):
        path = f"{PLUGINS_PATH}/{plugin}"

        assert error_of(api.patch(path, {"enabled": True})) == (400, named)

    def test_may_be_left_to_the_models_providers(self, api: Api, no_services: None):
        changed = data_of(api.patch(WEB, {"enabled": True, "config": {"engine": "native"}}))

        assert (changed["enabled"], changed["unavailable_because"]) == (True, None)

    def test_says_so_once_its_service_is_gone_and_can_only_be_mended(
        self, api: Api, request: pytest.FixtureRequest
    ):
        said = data_of(api.patch(WEB, {"enabled": True, "config": {"engine": "exa"}}))
        request.getfixturevalue("no_services")

        shown = data_of(api.get(WEB))
        kept = error_of(api.patch(WEB, {"prevent_overrides": True}))
        mended = data_of(api.patch(WEB, {"enabled": False}))

        reason = "is exa, which is not set up here"
        assert said["unavailable_because"] is None
        assert (shown["enabled"], shown["unavailable_because"]) == (True, f"web.engine {reason}")
        assert kept == (400, f"config.engine: {reason}")
        assert mended["enabled"] is False


class TestResettingAPlugin:
    def test_forgets_what_was_said(self, api: Api):
        silent = data_of(api.get(WEB))
        api.patch(WEB, {"enabled": True, "config": {"engine": "exa"}})

        assert json.loads(api.delete(WEB).content) == {"deleted": True}
        assert data_of(api.get(WEB)) == silent

    def test_of_which_nothing_was_said_succeeds(self, api: Api):
        assert json.loads(api.delete(WEB).content) == {"deleted": True}

    def test_happens_with_the_workspace(self, api: Api, acme: Acme):
        data_of(api.post("/workspaces", {"name": "Empty", "slug": "empty"}), status=201)
        api.patch("/workspaces/empty/plugins/web", {"enabled": True})
        api.patch("/workspaces/empty/routing", {"is_auto_exacto_enabled": False})

        with tenant(acme.organization.pk):
            empty = workspaces.Workspace.objects.get(slug="empty")
            workspaces.delete(workspace=empty, by=STAGE)

            deleted = Revision.objects.filter(action="delete").values_list("object_type", flat=True)
            assert set(deleted) == {"pluginsetting", "routingdefaults", "workspace"}
            assert not PluginSetting.objects.exists()
