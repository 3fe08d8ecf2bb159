"""Plugins at every entrance: whether they run, and what becomes of requests and answers."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.db import connections

from config.lib.scoping import tenant
from routing import plugin_settings
from tests.cast import STAGE
from tests.operator_services import services_set_up
from tests.routing.gateway.plugin_bodies import (
    MESSAGES,
    PATHS,
    RESPONSES,
    body,
    stages,
)
from tests.routing.gateway.positions import MODEL
from tests.routing.gateway.process import CHAT
from tests.routing.simulator.process import wait_until
from workspaces import api_keys, workspaces

pytestmark = pytest.mark.usefixtures("plugins_world")

FORM = {"type": "json_object"}


@pytest.fixture
def gateway(equipped):
    """A gateway whose operator has set services up."""
    return equipped


@pytest.fixture
def other(stage, django_db_blocker):
    """A workspace of its own with a key, and what sets its plugins."""
    organization = stage.acme.organization
    with django_db_blocker.unblock():
        with tenant(organization.pk):
            workspace = workspaces.create(
                organization=organization, name="plugins", slug=f"p-{uuid4().hex}", by=STAGE
            )
            secret = api_keys.issue(workspace=workspace, name="plugins", by=STAGE).secret

        def say(plugin, **settings):
            with services_set_up(), tenant(organization.pk):
                plugin_settings.change(workspace=workspace, plugin=plugin, by=STAGE, **settings)
            connections.close_all()

        yield secret, say


class TestHealing:
    @pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
    def test_mends_json_that_is_almost_right(self, gateway, mirror, key, path):
        mirror.says = ("Here you are:\n```json\n{name: 'Eve', \"age\": 40,}\n```",)
        form = {
            CHAT: {"response_format": FORM},
            MESSAGES: {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
            RESPONSES: {"text": {"format": FORM}},
        }[path]

        answer = gateway.post(key, body(path, plugins=[{"id": "response-healing"}], **form), path)

        assert answer.status == 200, answer.body
        assert json.dumps('{"name": "Eve", "age": 40}').encode() in answer.body
        stage = stages(gateway, answer)[0]
        assert (stage["type"], stage["data"]["healed"]) == ("response_healing", True)
        assert stage["data"]["mode"] == ("json_schema" if path == MESSAGES else "json_object")

    @pytest.mark.parametrize("more", [{"stream": True}, {"response_format": {"type": "text"}}, {}])
    def test_leaves_alone_what_is_streamed_or_no_json(self, gateway, mirror, key, more):
        mirror.says = ('{"a": 1,',)
        form = {} if "response_format" in more or not more else {"response_format": FORM}

        answer = gateway.post(key, body(CHAT, plugins=[{"id": "response-healing"}], **form, **more))

        assert answer.status == 200
        assert b'{\\"a\\": 1,' in answer.body

    def test_says_nothing_of_what_is_right(self, gateway, mirror, key):
        mirror.says = ('{"a": 1}',)

        answer = gateway.post(key, body(CHAT, plugins=[{"id": "response-healing"}], response_format=FORM))

        assert answer.json()["choices"][0]["message"]["content"] == '{"a": 1}'
        assert stages(gateway, answer) == []

    def test_gives_up_on_what_is_no_json(self, gateway, mirror, key):
        mirror.says = ("I would rather not.",)

        answer = gateway.post(key, body(CHAT, plugins=[{"id": "response-healing"}], response_format=FORM))

        assert answer.json()["choices"][0]["message"]["content"] == "I would rather not."
        assert stages(gateway, answer)[0]["data"]["healed"] is False


class TestModeration:
    MODERATED = {"plugins": [{"id": "moderation"}]}

    @pytest.mark.parametrize("path", PATHS)
    def test_refuses_what_is_flagged(self, gateway, mirror, services, key, path):
        services.flagged = {"violence": True, "hate": False}

        answer = gateway.post(key, body(path, **self.MODERATED), path)

        assert answer.status == 403
        assert b'"reasons":["violence"]' in answer.body
        assert mirror.asked == []

    def test_lets_the_rest_pass(self, gateway, services, key):
        answer = gateway.post(key, body(CHAT, **self.MODERATED))

        assert answer.status == 200
        assert services.asked[0].body == {"input": "Who won?"}
        assert stages(gateway, answer)[0]["data"] == {"flagged": False}

    def test_refuses_when_nobody_can_judge(self, gateway, mirror, services, key):
        services.status = 500

        answer = gateway.post(key, body(CHAT, **self.MODERATED))

        assert answer.status == 503
        assert mirror.asked == []


class TestTheAutomaticRouter:
    PLUGIN = {"id": "auto-router", "allowed_models": ["test/mirr*"]}

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("slug", ["openrouter/auto", "headgate/auto"])
    def test_chooses_and_says_which(self, gateway, mirror, key, path, slug):
        asked = body(path, plugins=[self.PLUGIN]) | {"model": slug}

        answer = gateway.post(key, asked, path)

        assert answer.status == 200, answer.body
        assert answer.json()["model"] == MODEL
        told = stages(gateway, answer)[0]["data"]
        assert (told["router"], told["models"]) == (slug, [MODEL])

    def test_is_told_in_the_router_metadata(self, gateway, key, mirror):
        given = body(CHAT, plugins=[self.PLUGIN]) | {"model": "openrouter/auto"}

        answer = gateway.post(key, given, CHAT, X_OpenRouter_Metadata="enabled")

        told = answer.json()["openrouter_metadata"]
        assert (told["requested"], told["strategy"]) == ("openrouter/auto", "auto")

    def test_refuses_when_nothing_may_be_chosen(self, gateway, key):
        plugin = {"id": "auto-router", "allowed_models": ["nobody/*"]}

        answer = gateway.post(key, body(CHAT, plugins=[plugin]) | {"model": "openrouter/auto"})

        assert answer.status == 404
        assert answer.json()["error"]["availability"]["code"] == "no_endpoints"


class TestWhatAWorkspaceSays:
    def test_holds_for_requests_that_say_nothing(self, gateway, services, mirror, other):
        secret, say = other
        say("web", is_enabled=True, config={"max_results": 1, "search_prompt": "House:"})

        gateway.post(secret, body(CHAT))

        assert services.asked[0].body["numResults"] == 1
        assert mirror.asked[0]["messages"][0]["content"].startswith("House:")

    def test_is_overridden_field_by_field_and_turned_off(self, gateway, services, mirror, other):
        secret, say = other
        say("web", is_enabled=True, config={"max_results": 1, "search_prompt": "House:"})

        gateway.post(secret, body(CHAT, plugins=[{"id": "web", "search_prompt": "Mine:"}]))
        gateway.post(secret, body(CHAT, plugins=[{"id": "web", "enabled": False}]))

        assert [asked.body["numResults"] for asked in services.asked] == [1]
        assert mirror.asked[0]["messages"][0]["content"].startswith("Mine:")
        assert len(mirror.asked[1]["messages"]) == 1

    def test_cannot_be_overridden_where_that_is_prevented(self, gateway, services, mirror, other):
        secret, say = other
        say("web", is_enabled=True, is_override_prevented=True, config={"max_results": 1})
        say("response-healing", is_enabled=False, is_override_prevented=True)
        mirror.says = ('{"a": 1,',)

        gateway.post(secret, body(CHAT, plugins=[{"id": "web", "enabled": False}]))
        gateway.post(secret, body(CHAT, plugins=[{"id": "web", "max_results": 9}]))
        healing = {"plugins": [{"id": "response-healing"}], "response_format": FORM}
        answer = gateway.post(secret, body(CHAT, **healing))

        assert [asked.body["numResults"] for asked in services.asked] == [1, 1, 1]
        assert answer.json()["choices"][0]["message"]["content"] == '{"a": 1,'

    def test_governs_within_a_second_and_nobody_else(self, gateway, services, key, other):
        secret, say = other
        gateway.post(secret, body(CHAT))
        assert services.asked == []

        say("web", is_enabled=True)
        wait_until(lambda: gateway.post(secret, body(CHAT)).status == 200 and services.asked, what="a search")
        services.reset()
        gateway.post(key, body(CHAT))

        assert services.asked == []


@pytest.mark.parametrize("path", PATHS)
class TestWhatCannotBeSaid:
    @pytest.mark.parametrize(
        ("plugins", "parameter"),
        [
            ([{"id": "altavista"}], "plugins[0].id"),
            ([{}], "plugins[0].id"),
            ([{"id": {"a": 1}}], "plugins[0].id"),
            ([{"id": "web"}, {"id": "web", "max_results": "5"}], "plugins[1].max_results"),
            ([{"id": "web", "colour": "red"}], "plugins[0].colour"),
            ([{"id": "web", "enabled": "yes"}], "plugins[0].enabled"),
            ([{"id": "file-parser", "pdf": {"engine": "x"}}], "plugins[0].pdf.engine"),
            ([{"id": "auto-router", "allowed_models": ["x" * 2000]}], "plugins[0].allowed_models"),
            ([{"id": "web"}] * 100, "plugins"),
            ("web", "plugins"),
            ([1], "plugins"),
        ],
    )
    def test_is_refused_by_its_name(self, gateway, key, path, plugins, parameter):
        answer = gateway.post(key, body(path, plugins=plugins), path)

        assert answer.status == 400
        assert f"'{parameter}'" in json.dumps(answer.json())

    def test_is_accepted_of_routers_that_are_not_asked(self, gateway, key, path):
        answer = gateway.post(key, body(path, plugins=[{"id": "pareto-router", "x": 1}]), path)

        assert answer.status == 200
