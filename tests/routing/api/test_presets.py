"""/presets: from inference bodies to versions, and what is done with them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision
from config.lib.scoping import tenant
from routing import presets
from routing.models import Preset, PresetVersion
from tests.cast import STAGE, Acme, Cast, Globex
from tests.management_api import Api, data_of, error_of
from tests.workspaces.api.test_budgets import in_threads
from workspaces import api_keys, workspaces
from workspaces.models import ApiKey

pytestmark = pytest.mark.django_db

CHAT = {
    "model": "simulator/echo",
    "temperature": 0.7,
    "provider": {"sort": "price"},
    "messages": [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "Hello"},
    ],
    "stream": True,
}


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API; it means the Default workspace unless told otherwise."""
    return Api(acme.management_key.secret)


@pytest.fixture
def production(acme: Acme) -> Api:
    """The API as production's own inference key sees it."""
    return Api(acme.production_key.secret)


def saved(api: Api, slug: str = "brief", dialect: str = "chat/completions", **changes: Any) -> Any:
    """The preset after a version from the body was saved."""
    return data_of(api.post(f"/presets/{slug}/{dialect}", {**CHAT, **changes}))


class TestCreatingAPreset:
    def test_keeps_the_configuration_and_ignores_the_rest(self, api: Api, acme: Acme):
        preset = saved(api, nonsense=1, user="somebody", cache_enabled=True, cache_ttl_seconds=600)

        version = preset["designated_version"]
        assert version["config"] == {
            "model": "simulator/echo",
            "temperature": 0.7,
            "provider": {"sort": "price"},
            "cache_enabled": True,
            "cache_ttl_seconds": 600,
        }
        assert (version["system_prompt"], version["version"]) == ("You are brief.", 1)
        assert (preset["name"], preset["slug"], preset["status"]) == ("brief", "brief", "active")
        assert preset["designated_version_id"] == version["id"]
        assert version["preset_id"] == preset["id"]
        assert preset["workspace_id"] == str(acme.default.public_id)

    def test_again_makes_another_version_and_designates_it(self, api: Api):
        first = saved(api)

        second = saved(api, temperature=0, top_p=None)

        assert second["id"] == first["id"]
        assert (
            second["designated_version"]["version"],
            second["designated_version"]["config"]["temperature"],
        ) == (
            2,
            0,
        )
        assert "top_p" not in second["designated_version"]["config"]

    def test_keeps_the_order_of_a_schemas_properties(self, api: Api):
        names = ["zebra", "a", "longest_of_all", "m"]
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

        preset = saved(api, response_format=form)

        kept = preset["designated_version"]["config"]["response_format"]["json_schema"]["schema"]
        assert list(kept["properties"]) == names

    def test_is_recorded_as_the_keys(self, api: Api, acme: Acme):
        saved(api)

        with tenant(acme.organization.pk):
            revision = Revision.objects.filter(object_type="preset").get()
        assert (revision.door, revision.action, revision.management_key_id) == (
            "api",
            "create",
            acme.management_key.key.pk,
        )
        assert revision.after["version"] == 1

    def test_names_the_person_behind_the_key(self, acme: Acme, api: Api):
        bob = Api(acme.bob_key.secret)

        made = saved(bob)
        nobodys = saved(api)

        assert made["creator_user_id"] == acme.bob.user.public_id
        assert made["designated_version"]["creator_id"] == acme.bob.user.public_id
        assert nobodys["creator_user_id"] is None
        assert nobodys["designated_version"]["creator_id"] == str(acme.default.public_id)

    def test_is_done_once_with_an_idempotency_key(self, api: Api):
        answers = [api.post("/presets/brief/chat/completions", CHAT, Idempotency_Key="1") for _ in range(2)]

        assert answers[0].content == answers[1].content
        assert json.loads(api.get("/presets/brief/versions").content)["total_count"] == 1

    @pytest.mark.parametrize("slug", ["a b", "-a", "a@b", "ä", "a" * 101, "a:b"])
    def test_refuses_a_slug_that_is_none(self, api: Api, slug: str):
        status, message = error_of(api.post(f"/presets/{slug}/chat/completions", CHAT))

        assert (status, message.partition(":")[0]) == (400, "slug")

    def test_is_refused_while_it_is_archived(self, api: Api):
        saved(api)
        api.patch("/presets/brief", {"status": "archived"})

        assert error_of(api.post("/presets/brief/chat/completions", CHAT))[0] == 409

    def test_is_refused_when_there_are_too_many(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(presets, "MOST_PRESETS", 1)
        saved(api)

        assert error_of(api.post("/presets/other/chat/completions", CHAT))[0] == 409
        assert saved(api)["designated_version"]["version"] == 2

    @pytest.mark.django_db(transaction=True)
    def test_by_many_at_once_gives_each_a_number_of_its_own(self, acme: Acme, api: Api):
        in_threads([lambda: [saved(Api(acme.management_key.secret)) for _ in range(3)] for _ in range(4)])

        versions = data_of(api.get("/presets/brief/versions"))
        assert [row["version"] for row in versions] == list(range(1, 13))
        assert data_of(api.get("/presets/brief"))["designated_version_id"] == versions[-1]["id"]


class TestTheBody:
    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"temperature": "hot"}, "temperature"),
            ({"model": 1}, "model"),
            ({"models": ["a", 1]}, "models"),
            ({"models": ["m"] * 17}, "models"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"max_tokens": 2**40}, "max_tokens"),
            ({"tools": {}}, "tools"),
            ({"plugins": ["web"]}, "plugins"),
            ({"provider": []}, "provider"),
            ({"provider": {"sort": "best"}}, "provider.sort"),
            ({"provider": {"max_price": {"prompt": "free"}}}, "provider.max_price.prompt"),
            ({"messages": "Hello"}, "messages"),
            ({"messages": [{"role": "system", "content": 1}]}, "messages"),
            ({"cache_enabled": 1}, "cache_enabled"),
            ({"cache_ttl_seconds": 0}, "cache_ttl_seconds"),
            ({"cache_ttl_seconds": 86_401}, "cache_ttl_seconds"),
            ({"model": "@preset/other"}, "model"),
            ({"models": ["simulator/echo@preset/other"]}, "models"),
        ],
    )
    def test_is_refused_by_the_parameters_name(self, api: Api, change: dict[str, Any], named: str):
        status, message = error_of(api.post("/presets/brief/chat/completions", {**CHAT, **change}))

        assert (status, f"'{named}'" in message) == (400, True), message
        assert api.get("/presets/brief").status_code == 404

    @pytest.mark.parametrize(
        "body",
        [
            b"[]",
            b'"text"',
            b"{",
            b'{"seed": 1e999}',
            b'{"temperature": 1e400}',
            b'{"logit_bias": {"1": 1e400}}',
            b'{"model": "\\u0000"}',
            b'{"model": "\\ud800"}',
            b'{"tools": [' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"]}",
        ],
    )
    def test_that_cannot_be_kept_is_refused(self, api: Api, body: bytes):
        assert error_of(api.send("post", "/presets/brief/chat/completions", body))[0] == 400

    def test_that_is_too_large_is_refused(self, api: Api):
        huge = [{"role": "system", "content": "x" * 300_000}]

        assert error_of(api.post("/presets/brief/chat/completions", {**CHAT, "messages": huge}))[0] == 400
        assert saved(api, messages=[{"role": "user", "content": "x" * 300_000}])["slug"] == "brief"

    def test_of_messages_is_kept_as_chat_completions_would_say_it(self, api: Api):
        preset = data_of(
            api.post(
                "/presets/reviewer/messages",
                {
                    "model": "anthropic/claude",
                    "max_tokens": 1024,
                    "system": [{"type": "text", "text": "Review."}, {"type": "text", "text": "Be kind."}],
                    "messages": [{"role": "user", "content": "Here"}],
                    "metadata": {"user_id": "x"},
                    "stop_sequences": ["END"],
                    "fallbacks": [{"model": "openai/gpt"}],
                    "thinking": {"type": "enabled", "budget_tokens": 2000},
                    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {}}},
                    "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
                    "tools": [
                        {"name": "look", "input_schema": {"type": "object"}, "cache_control": {"type": "x"}},
                        {"type": "openrouter:web_search"},
                    ],
                },
            )
        )

        assert preset["designated_version"]["system_prompt"] == "Review.\n\nBe kind."
        assert preset["designated_version"]["config"] == {
            "model": "anthropic/claude",
            "max_tokens": 1024,
            "stop": ["END"],
            "models": ["openai/gpt"],
            "reasoning": {"max_tokens": 2000},
            "verbosity": "high",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": {}, "strict": True},
            },
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "parallel_tool_calls": False,
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "look", "parameters": {"type": "object"}},
                    "cache_control": {"type": "x"},
                },
                {"type": "openrouter:web_search"},
            ],
        }

    def test_of_responses_is_kept_as_chat_completions_would_say_it(self, api: Api):
        preset = data_of(
            api.post(
                "/presets/classifier/responses",
                {
                    "model": "openai/gpt",
                    "instructions": "Classify.",
                    "input": "Hello",
                    "store": False,
                    "max_output_tokens": 50,
                    "reasoning": {"effort": "low"},
                    "text": {
                        "format": {"type": "json_schema", "name": "label", "schema": {}, "strict": True},
                        "verbosity": "low",
                    },
                    "tools": [{"type": "function", "name": "look", "parameters": {}}, {"type": "web_search"}],
                    "tool_choice": {"type": "function", "name": "look"},
                },
            )
        )

        assert preset["designated_version"]["system_prompt"] == "Classify."
        assert preset["designated_version"]["config"] == {
            "model": "openai/gpt",
            "max_tokens": 50,
            "reasoning": {"effort": "low"},
            "verbosity": "low",
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "label", "schema": {}, "strict": True},
            },
            "tools": [
                {"type": "function", "function": {"name": "look", "parameters": {}}},
                {"type": "web_search"},
            ],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
        }

    @pytest.mark.parametrize(
        ("dialect", "body", "named"),
        [
            ("messages", {"stop_sequences": "END"}, "stop_sequences"),
            ("messages", {"system": 1}, "system"),
            ("messages", {"system": ["text"]}, "system"),
            ("messages", {"fallbacks": [{}]}, "fallbacks"),
            ("messages", {"thinking": "yes"}, "thinking"),
            (
                "messages",
                {"thinking": {"type": "enabled", "budget_tokens": "many"}},
                "thinking.budget_tokens",
            ),
            ("messages", {"output_config": {"effort": 1}}, "output_config.effort"),
            ("messages", {"tools": [{}]}, "tools"),
            ("messages", {"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
            ("messages", {"tool_choice": {"type": ["auto"]}}, "tool_choice.type"),
            ("messages", {"tool_choice": "auto"}, "tool_choice"),
            ("responses", {"instructions": ["text"]}, "instructions"),
            ("responses", {"max_output_tokens": "many"}, "max_output_tokens"),
            ("responses", {"text": {"format": "json"}}, "text.format"),
            ("responses", {"tools": [{"type": "function"}]}, "tools"),
            ("responses", {"tool_choice": {"type": "function"}}, "tool_choice"),
        ],
    )
    def test_of_another_dialect_is_refused_by_its_own_names(
        self, api: Api, dialect: str, body: dict[str, Any], named: str
    ):
        status, message = error_of(api.post(f"/presets/brief/{dialect}", {"model": "a/b", **body}))

        assert (status, f"'{named}'" in message) == (400, True), message

    @pytest.mark.parametrize("dialect", ["chat/completions", "messages", "responses"])
    def test_may_say_nothing(self, api: Api, dialect: str):
        preset = data_of(api.post(f"/presets/empty/{dialect}", {}))

        version = preset["designated_version"]
        assert (version["config"], version["system_prompt"]) == ({}, None)


class TestAnInferenceKey:
    def test_means_its_own_workspace(self, production: Api, api: Api, acme: Acme):
        preset = saved(production)

        assert preset["workspace_id"] == str(acme.production.public_id)
        assert data_of(production.get("/presets/brief", workspace_id="production"))["id"] == preset["id"]
        assert api.get("/presets/brief").status_code == 404
        assert data_of(api.get("/presets/brief", workspace_id="production"))["id"] == preset["id"]

    @pytest.mark.parametrize("caller", ["carol_key", "default_key", "mallory_key"])
    def test_of_another_workspace_finds_nothing(self, cast: Cast, production: Api, caller: str):
        saved(production)
        issued = getattr(cast.acme, caller, None) or getattr(cast.globex, caller)
        other = Api(issued.secret)

        answers = {
            error_of(other.get("/presets/brief")),
            error_of(other.get("/presets/unknown")),
            error_of(other.get("/presets/brief", workspace_id="production")),
            error_of(other.get("/presets/brief", workspace_id=str(cast.acme.production.public_id))),
            error_of(other.get("/presets", workspace_id=str(uuid.uuid4()))),
            error_of(other.post("/presets/brief/chat/completions?workspace_id=production", CHAT)),
            error_of(other.patch("/presets/brief", {"name": "Mine"})),
            error_of(other.delete("/presets/brief")),
        }

        assert answers == {(404, "Resource not found")}
        assert json.loads(other.get("/presets").content) == {"data": [], "total_count": 0}

    @pytest.mark.parametrize("caller", ["bob_key", "production_key"])
    def test_may_do_everything_in_its_own(self, acme: Acme, caller: str):
        own = Api(getattr(acme, caller).secret)

        statuses = [
            own.post("/presets/mine/chat/completions", CHAT).status_code,
            own.get("/presets").status_code,
            own.patch("/presets/mine", {"name": "Mine"}).status_code,
            own.delete("/presets/mine").status_code,
        ]

        assert statuses == [200] * 4

    def test_that_is_disabled_is_unknown(self, acme: Acme, production: Api):
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.production_key.key, by=STAGE, is_disabled=True)

        assert production.get("/presets").status_code == 401


class TestListingPresets:
    def test_shows_the_newest_change_first_a_page_at_a_time(self, api: Api):
        for slug in ("a", "b", "c"):
            saved(api, slug)
        saved(api, "a")

        whole = json.loads(api.get("/presets").content)
        page = json.loads(api.get("/presets", offset="1", limit="1").content)

        assert [row["slug"] for row in whole["data"]] == ["a", "c", "b"]
        assert ([row["slug"] for row in page["data"]], page["total_count"]) == (["c"], 3)

    def test_with_a_management_key_spans_workspaces_unless_one_is_named(self, api: Api, production: Api):
        saved(api, "one")
        saved(production, "two")

        assert {row["slug"] for row in data_of(api.get("/presets"))} == {"one", "two"}
        assert [row["slug"] for row in data_of(api.get("/presets", workspace_id="production"))] == ["two"]

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"offset": "-1"}, {"limit": "x"}])
    def test_refuses_a_page_that_is_none(self, api: Api, query: dict[str, str]):
        assert error_of(api.get("/presets", **query))[0] == 400

    def test_asks_the_database_as_often_however_many_there_are(self, api: Api):
        saved(api, "one")
        with CaptureQueriesContext(connections["default"]) as few:
            api.get("/presets")
        for number in range(5):
            saved(api, f"more{number}")
        with CaptureQueriesContext(connections["default"]) as many:
            api.get("/presets")

        assert len(many) == len(few)


class TestTheVersions:
    def test_are_listed_the_oldest_first(self, api: Api):
        for temperature in (0, 0.5, 1):
            saved(api, temperature=temperature)

        whole = json.loads(api.get("/presets/brief/versions").content)
        page = json.loads(api.get("/presets/brief/versions", offset="1", limit="1").content)

        assert [row["config"]["temperature"] for row in whole["data"]] == [0, 0.5, 1]
        assert (page["data"], page["total_count"]) == (whole["data"][1:2], 3)
        assert data_of(api.get("/presets/brief/versions/2")) == whole["data"][1]

    @pytest.mark.parametrize("number", ["0", "2", "-1", "one", "1.0", "9" * 30, "٣"])
    def test_that_do_not_exist_are_not_found(self, api: Api, number: str):
        saved(api)

        assert error_of(api.get(f"/presets/brief/versions/{number}")) == (404, "Resource not found")

    def test_say_what_they_changed(self, api: Api):
        saved(api)
        saved(api, temperature=None, top_p=0.5, messages=[])
        saved(api)

        changed = data_of(api.get("/presets/brief/versions/2/diff"))
        nothing = data_of(api.get("/presets/brief/versions/3/diff?from=1"))
        first = data_of(api.get("/presets/brief/versions/1/diff"))

        assert changed == {
            "from_version": 1,
            "to_version": 2,
            "changes": [
                {"field": "system_prompt", "before": "You are brief.", "after": None},
                {"field": "temperature", "before": 0.7, "after": None},
                {"field": "top_p", "before": None, "after": 0.5},
            ],
        }
        assert (nothing["from_version"], nothing["changes"]) == (1, [])
        assert (first["from_version"], len(first["changes"])) == (None, 4)
        assert error_of(api.get("/presets/brief/versions/1/diff?from=9"))[0] == 400

    def test_are_never_changed_not_even_by_hand(self, api: Api, acme: Acme):
        saved(api)
        with (
            tenant(acme.organization.pk),
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
        ):
            PresetVersion.objects.update(system_prompt="changed")


class TestChangingAPreset:
    def test_designates_another_version(self, api: Api):
        first = saved(api)
        saved(api, temperature=0)

        changed = data_of(api.patch("/presets/brief", {"designated_version": 1}))

        assert changed["designated_version"] == first["designated_version"]
        assert changed["name"] == "brief"

    def test_says_when_its_status_changed(self, api: Api):
        saved(api)

        named = data_of(api.patch("/presets/brief", {"name": "Short", "description": "Answers in a line"}))
        disabled = data_of(api.patch("/presets/brief", {"status": "disabled", "description": None}))

        assert (named["status_updated_at"], named["name"]) == (None, "Short")
        assert (disabled["status"], disabled["description"], disabled["name"]) == ("disabled", None, "Short")
        assert disabled["status_updated_at"] == disabled["updated_at"]

    def test_with_nothing_changes_nothing(self, api: Api):
        before = saved(api)

        after = data_of(api.patch("/presets/brief", {}))

        assert {**after, "updated_at": None} == {**before, "updated_at": None}

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"name": None}, "name"),
            ({"name": ""}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"description": "x" * 1001}, "description"),
            ({"description": []}, "description"),
            ({"status": None}, "status"),
            ({"status": "gone"}, "status"),
            ({"status": ["active"]}, "status"),
            ({"designated_version": None}, "designated_version"),
            ({"designated_version": 2}, "designated_version"),
            ({"designated_version": 0}, "designated_version"),
            ({"designated_version": 2**40}, "designated_version"),
            ({"designated_version": "1"}, "designated_version"),
            ({"designated_version": True}, "designated_version"),
            ({"slug": "other"}, "slug"),
            ({"config": {}}, "config"),
        ],
    )
    def test_refuses_what_cannot_be_set(self, api: Api, body: dict[str, Any], named: str):
        saved(api)

        status, message = error_of(api.patch("/presets/brief", body))

        assert (status, message.partition(":")[0]) == (400, named)


class TestDeletingAPreset:
    def test_frees_its_slug(self, api: Api):
        first = saved(api)

        assert json.loads(api.delete("/presets/brief").content) == {"deleted": True}
        assert error_of(api.get("/presets/brief"))[0] == 404
        assert error_of(api.delete("/presets/brief"))[0] == 404

        second = saved(api)
        assert (second["id"] != first["id"], second["designated_version"]["version"]) == (True, 1)

    def test_happens_with_its_workspace(self, acme: Acme, production: Api, api: Api):
        saved(production)
        with tenant(acme.organization.pk):
            for key in ApiKey.objects.for_workspace(acme.production).active():
                api_keys.delete(key=key, by=STAGE)
            workspaces.delete(workspace=acme.production, by=STAGE)

            preset = Preset.objects.get()
            revision = Revision.objects.filter(object_type="preset", action="delete").get()
        assert preset.deleted_at is not None
        assert revision.object_id == str(preset.pk)
        assert data_of(api.get("/presets")) == []


class TestSomebodyElsesPreset:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("get", "/presets/{}", None),
            ("patch", "/presets/{}", {"name": "Mine"}),
            ("patch", "/presets/{}", {"nonsense": 1}),
            ("delete", "/presets/{}", None),
            ("get", "/presets/{}/versions", None),
            ("get", "/presets/{}/versions/1", None),
            ("get", "/presets/{}/versions/1/diff", None),
        ],
    )
    def test_is_like_an_unknown_one_to_the_byte_and_the_statement(
        self, cast: Cast, globex: Globex, method: str, path: str, body: Any
    ):
        saved(Api(cast.acme.management_key.secret))
        mallory, answers = Api(globex.management_key.secret), []
        for slug in ("brief", "unknown"):
            with CaptureQueriesContext(connections["default"]) as queries:
                response = mallory.send(method, path.format(slug), body)
            answers.append((response.status_code, response.content, len(queries)))

        assert answers[0] == answers[1]
        assert answers[0][0] == 404

    @pytest.mark.parametrize("slug", ["%00", "a%2Fb", "..", "%ed%a0%80"])
    def test_with_an_impossible_slug_is_not_found(self, api: Api, slug: str):
        assert api.get(f"/presets/{slug}").status_code == 404
