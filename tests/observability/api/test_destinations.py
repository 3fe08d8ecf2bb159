"""/observability/destinations and /observability/destinations/{id}."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import privacy
from accounts.models import Revision, Version
from config.lib.scoping import tenant
from observability.destination_config import whole_config
from observability.destinations import DESTINATIONS
from observability.models import Destination
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from tests.observability.destination_kinds import NEW
from workspaces import api_keys, workspaces

pytestmark = pytest.mark.django_db

PATH = "/observability/destinations"
WRITABLE = (
    *(
        "name",
        "enabled",
        "config",
        "api_key_hashes",
        "sampling_rate",
        "privacy_mode",
        "filter_rules",
        "regions",
    ),
    *(
        f"broadcast_generation_{group}"
        for group in ("cost", "identity", "request_context", "cost_allocation")
    ),
    "all_workspaces",
)
RULES = {
    "enabled": True,
    "groups": [
        {
            "logic": "or",
            "rules": [
                {"field": "model", "operator": "regex", "value": "^openai/"},
                {"field": "total_cost", "operator": "gte", "value": 0.5},
                {"field": "user_id", "operator": "not_exists"},
            ],
        }
    ],
}


def made(api: Api, **fields: Any) -> Any:
    """A new destination as the answer shows it."""
    return data_of(api.post(PATH, NEW | fields), status=201)


def patched(api: Api, destination: Any, **fields: Any) -> Any:
    """A destination after a change."""
    return data_of(api.patch(f"{PATH}/{destination['id']}", fields))


def stored(acme: Acme, identifier: str) -> Destination:
    """The row behind an answer, deleted or not."""
    with tenant(acme.organization.pk):
        row: Destination = Destination.objects.get(public_id=identifier)
    return row


def config_of(acme: Acme, destination: Any) -> dict[str, Any]:
    """The configuration with its secrets, opened."""
    return whole_config(stored(acme, destination["id"]))


def revisions_of(acme: Acme) -> int:
    """How many changes were recorded."""
    return int(Revision.objects.for_organization(acme.organization).count())


class TestADestination:
    def test_begins_with_everything_in_the_default_workspace(self, acme: Acme, api: Api):
        destination = made(api)

        assert destination | {"id": "", "created_at": "", "updated_at": ""} == {
            "id": "",
            "workspace_id": str(acme.default.public_id),
            "type": "otel-collector",
            "name": "Ours",
            "enabled": True,
            "config": {
                "endpoint": "https://192.0.2.1/in",
                "apiKey": "sk-N...AbCd",
                "folder": "inbox",
            },
            "api_key_hashes": None,
            "sampling_rate": 1,
            "privacy_mode": False,
            "filter_rules": None,
            "regions": ["global"],
            "broadcast_generation_cost": False,
            "broadcast_generation_identity": False,
            "broadcast_generation_request_context": False,
            "broadcast_generation_cost_allocation": False,
            "all_workspaces": False,
            "source_id": None,
            "created_at": "",
            "updated_at": "",
        }
        assert destination["updated_at"] == destination["created_at"]

    @pytest.mark.parametrize("reference", ["production", "{id}"])
    def test_belongs_to_the_workspace_that_is_named(self, acme: Acme, api: Api, reference: str):
        named = reference.format(id=acme.production.public_id)

        assert made(api, workspace_id=named)["workspace_id"] == str(acme.production.public_id)

    def test_takes_everything_that_can_be_set(self, acme: Acme, api: Api):
        settings = {
            "enabled": False,
            "api_key_hashes": [acme.bob_key.key.hash, acme.default_key.key.hash],
            "sampling_rate": 0.0001,
            "privacy_mode": True,
            "filter_rules": RULES,
            "regions": ["us", "europe"],
            "broadcast_generation_cost": True,
            "broadcast_generation_cost_allocation": True,
        }

        destination = made(api, **settings)

        assert {name: destination[name] for name in settings} == settings
        assert data_of(api.get(f"{PATH}/{destination['id']}")) == destination

    def test_keeps_its_secrets_sealed(self, acme: Acme, api: Api):
        row = stored(
            acme, made(api, config=NEW["config"] | {"headers": {"X-Token": "sk-Never-Seen-1"}})["id"]
        )

        assert "Never" not in f"{row.sealed_secrets}{row.config}"
        assert whole_config(row)["apiKey"] == NEW["config"]["apiKey"]
        assert whole_config(row)["headers"] == {"X-Token": "sk-Never-Seen-1"}

    def test_moves_the_version_of_its_workspace_and_is_recorded_without_secrets(self, acme: Acme, api: Api):
        before = Version.objects.get(kind="workspace", object_id=acme.default.pk).value
        made(api)

        with tenant(acme.organization.pk):
            revision = Revision.objects.latest("pk")
        assert (revision.object_type, revision.action) == ("destination", "create")
        assert revision.versions == {f"workspace:{acme.default.pk}": before + 1}
        assert "Never" not in json.dumps(revision.after)

    def test_takes_eu_for_europe(self, api: Api):
        assert made(api, regions=["eu", "europe", "us"])["regions"] == ["europe", "us"]

    def test_needs_no_value_where_a_rule_asks_whether_there_is_one(self, api: Api):
        rule = {"field": "user_id", "operator": "exists", "value": "whatever"}

        made_rules = made(api, filter_rules={"groups": [{"rules": [rule]}]})["filter_rules"]

        assert made_rules == {
            "enabled": True,
            "groups": [{"logic": "and", "rules": [{"field": "user_id", "operator": "exists"}]}],
        }


LONG = "x" * 70_000


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({"type": "nobody"}, "type"),
            ({"type": 7}, "type"),
            ({"name": ""}, "name"),
            ({"name": LONG}, "name"),
            ({"name": None}, "name"),
            ({"name": "\0"}, "name"),
            ({"config": None}, "config"),
            ({"config": []}, "config"),
            ({"config": {}}, "config.endpoint"),
            ({"config": {"endpoint": "e"}}, "config.apiKey"),
            ({"config": NEW["config"] | {"strange": 1}}, "config.strange"),
            ({"config": NEW["config"] | {LONG: 1}}, "config.xxx"),
            ({"config": NEW["config"] | {"apiKey": "****...AbCd"}}, "config.apiKey"),
            ({"config": NEW["config"] | {"headers": {"Host": "x"}}}, "config.headers"),
            ({"config": NEW["config"] | {"headers": {"content-LENGTH": "1"}}}, "config.headers"),
            ({"config": NEW["config"] | {"headers": {"Connection": "close"}}}, "config.headers"),
            ({"config": NEW["config"] | {"headers": {"X": "a\r\nB: c"}}}, "config.headers"),
            ({"config": NEW["config"] | {"headers": {"X\n": "a"}}}, "config.headers"),
            ({"config": NEW["config"] | {"headers": {"X": 1}}}, "config.headers"),
            ({"config": NEW["config"] | {"headers": []}}, "config.headers"),
            ({"config": NEW["config"] | {"headers": {"X": "********"}}}, "config.headers"),
            ({"enabled": 1}, "enabled"),
            ({"sampling_rate": 0}, "sampling_rate"),
            ({"sampling_rate": 1.01}, "sampling_rate"),
            ({"sampling_rate": "1"}, "sampling_rate"),
            ({"sampling_rate": None}, "sampling_rate"),
            ({"privacy_mode": None}, "privacy_mode"),
            ({"api_key_hashes": []}, "api_key_hashes"),
            ({"api_key_hashes": ["0" * 64]}, "api_key_hashes"),
            ({"api_key_hashes": ["short"]}, "api_key_hashes"),
            ({"api_key_hashes": [LONG]}, "api_key_hashes"),
            ({"regions": []}, "regions"),
            ({"regions": None}, "regions"),
            ({"regions": ["asia"]}, "regions"),
            ({"regions": ["\0"]}, "regions"),
            ({"broadcast_generation_cost": None}, "broadcast_generation_cost"),
            ({"filter_rules": []}, "filter_rules"),
            ({"filter_rules": {}}, "filter_rules.groups"),
            ({"filter_rules": {"groups": [1]}}, "filter_rules.groups[0]"),
            ({"filter_rules": {"groups": [{"rules": [{}]}]}}, "filter_rules.groups[0].rules[0].field"),
            ({"filter_rules": {"groups": [], "logic": "or"}}, "filter_rules.logic"),
            ({"workspace_id": "nowhere"}, "workspace_id"),
            ({"id": str(uuid.uuid4())}, "id"),
            ({"strange": 1}, "strange"),
        ],
    )
    def test_is_named(self, api: Api, fields: dict[str, Any], named: str):
        status, message = error_of(api.post(PATH, NEW | fields))

        assert status == 400
        assert named in message

    def test_regular_expressions_that_are_none_are_named(self, api: Api):
        rules = {"groups": [{"rules": [{"field": "model", "operator": "regex", "value": "(?=a)"}]}]}

        status, message = error_of(api.post(PATH, NEW | {"filter_rules": rules}))

        assert (status, message.partition(":")[0]) == (400, "filter_rules.groups[0].rules[0].value")

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"7", b'{"a":', b"\xff", b"[" * 5000, b'{"name": "\\ud800"}']
    )
    def test_bodies_are_refused_whatever_they_are(self, api: Api, body: bytes):
        identifier = made(api)["id"]

        assert error_of(api.send("post", PATH, body))[0] == 400
        if body != b"":
            assert error_of(api.send("patch", f"{PATH}/{identifier}", body))[0] == 400
            assert error_of(api.send("post", f"{PATH}/test", body))[0] == 400
            assert error_of(api.send("post", f"{PATH}/{identifier}/test", body))[0] == 400

    def test_a_foreign_key_is_an_unknown_one(self, cast: Cast, api: Api):
        foreign = api.post(PATH, NEW | {"api_key_hashes": [cast.globex.mallory_key.key.hash]})
        unknown = api.post(PATH, NEW | {"api_key_hashes": ["0" * 64]})

        assert foreign.content == unknown.content


class TestChanging:
    def test_with_what_was_read_changes_nothing(self, acme: Acme, api: Api):
        config = NEW["config"] | {"password": "short", "headers": {"X-Token": "sk-Never-Seen-1", "X-B": "b"}}
        destination = made(api, config=config, filter_rules=RULES, api_key_hashes=[acme.bob_key.key.hash])
        before = revisions_of(acme)

        again = patched(api, destination, **{name: destination[name] for name in WRITABLE})

        assert again == destination
        assert revisions_of(acme) == before
        assert config_of(acme, destination) == config | {"folder": "inbox"}

    def test_keeps_what_is_left_out(self, acme: Acme, api: Api):
        destination = made(api, api_key_hashes=[acme.bob_key.key.hash], filter_rules=RULES, sampling_rate=0.5)

        changed = patched(api, destination, name="Other", config={"folder": "archive"})

        expected = destination | {"name": "Other", "config": destination["config"] | {"folder": "archive"}}
        assert changed | {"updated_at": ""} == expected | {"updated_at": ""}
        assert changed["updated_at"] > destination["updated_at"]
        assert config_of(acme, destination)["apiKey"] == NEW["config"]["apiKey"]

    def test_clears_what_is_null(self, acme: Acme, api: Api):
        destination = made(
            api,
            api_key_hashes=[acme.bob_key.key.hash],
            filter_rules=RULES,
            config=NEW["config"] | {"password": "sesame", "headers": {"X": "y"}, "folder": "archive"},
        )

        changed = patched(
            api,
            destination,
            api_key_hashes=None,
            filter_rules=None,
            config={"password": None, "headers": None, "folder": None},
        )

        assert (changed["api_key_hashes"], changed["filter_rules"]) == (None, None)
        assert changed["config"].keys() == {"endpoint", "apiKey", "folder"}
        assert changed["config"]["folder"] == "inbox"

    @pytest.mark.parametrize(
        "fields", [{"regions": None}, {"regions": []}, {"api_key_hashes": []}, {"name": None}]
    )
    def test_refuses_to_clear_what_cannot_be(self, api: Api, fields: dict[str, Any]):
        destination = made(api)

        assert error_of(api.patch(f"{PATH}/{destination['id']}", fields))[0] == 400

    @pytest.mark.parametrize("field", ["id", "type", "workspace_id", "created_at", "updated_at", "source_id"])
    def test_refuses_what_only_we_set(self, api: Api, field: str):
        destination = made(api)

        status, message = error_of(api.patch(f"{PATH}/{destination['id']}", {field: destination[field]}))

        assert (status, message.partition(":")[0]) == (400, field)

    def test_replaces_a_secret(self, acme: Acme, api: Api):
        destination = made(api)

        changed = patched(api, destination, config={"apiKey": "glc_another-secret-WxYz"})

        assert changed["config"]["apiKey"] == "glc_...WxYz"
        assert config_of(acme, destination)["apiKey"] == "glc_another-secret-WxYz"

    def test_replaces_all_headers_and_keeps_those_that_are_masked(self, acme: Acme, api: Api):
        headers = {"X-A": "sk-Never-Seen-AAAA", "X-B": "sk-Never-Seen-BBBB"}
        destination = made(api, config=NEW["config"] | {"headers": headers})

        patched(api, destination, config={"headers": {"X-A": "sk-N...AAAA", "X-C": "c"}})

        assert config_of(acme, destination)["headers"] == {"X-A": headers["X-A"], "X-C": "c"}

    def test_of_single_metadata_groups_leaves_the_others(self, api: Api):
        destination = made(api, broadcast_generation_cost=True)

        changed = patched(api, destination, broadcast_generation_identity=True)

        assert (changed["broadcast_generation_cost"], changed["broadcast_generation_identity"]) == (
            True,
            True,
        )
        assert not patched(api, changed, broadcast_generation_cost=False)["broadcast_generation_cost"]


class TestLeadingElsewhere:
    ELSEWHERE = {"endpoint": "https://mallory.example/in"}

    @pytest.mark.parametrize("sent", [{}, {"apiKey": "sk-N...AbCd"}])
    def test_needs_the_secret_again(self, acme: Acme, api: Api, sent: dict[str, str]):
        destination = made(api)

        status, message = error_of(
            api.patch(f"{PATH}/{destination['id']}", {"config": self.ELSEWHERE | sent})
        )

        assert (status, message.partition(":")[0]) == (400, "config.apiKey")
        assert config_of(acme, destination)["endpoint"] == NEW["config"]["endpoint"]

    @pytest.mark.parametrize("kept", [{"password": "sesame"}, {"headers": {"X": "y"}}])
    def test_takes_no_other_secret_along(self, acme: Acme, api: Api, kept: dict[str, Any]):
        destination = made(api, config=NEW["config"] | kept)
        sent = self.ELSEWHERE | {"apiKey": "sk-another-key-7890"}
        (name,) = kept

        status, message = error_of(api.patch(f"{PATH}/{destination['id']}", {"config": sent}))
        patched(api, destination, config=sent | {name: None})

        assert (status, message.partition(":")[0]) == (400, f"config.{name}")
        assert name not in config_of(acme, destination)

    def test_works_with_all_secrets(self, acme: Acme, api: Api):
        destination = made(api, config=NEW["config"] | {"headers": {"X": "y"}})

        patched(api, destination, config=self.ELSEWHERE | {"apiKey": "new", "headers": {"X": "z"}})

        assert config_of(acme, destination)["endpoint"] == self.ELSEWHERE["endpoint"]

    def test_is_no_way_to_try_a_secret_out_elsewhere(self, api: Api, receiver: Any):
        destination = made(api)

        status, _ = error_of(
            api.post(f"{PATH}/{destination['id']}/test", {"config": {"endpoint": f"{receiver.url}/in"}})
        )

        assert status == 400
        assert receiver.requests == []


class TestPrivacy:
    @pytest.fixture
    def locked(self, acme: Acme) -> None:
        """The account keeps content in the house."""
        with tenant(acme.organization.pk):
            privacy.change(organization=acme.organization, is_io_logging_allowed=False, by=STAGE)

    def test_that_is_locked_lets_only_private_destinations_be_made(self, locked: None, api: Api):
        assert error_of(api.post(PATH, NEW)) == (403, "Privacy settings are locked")
        assert made(api, privacy_mode=True)["privacy_mode"] is True

    def test_that_is_locked_keeps_a_private_destination_private(self, locked: None, api: Api):
        destination = made(api, privacy_mode=True)

        refused = api.patch(f"{PATH}/{destination['id']}", {"privacy_mode": False})

        assert error_of(refused) == (403, "Privacy settings are locked")

    def test_that_is_locked_later_makes_destinations_private_and_lets_them_be_changed(
        self, acme: Acme, api: Api
    ):
        destination = made(api)
        with tenant(acme.organization.pk):
            privacy.change(organization=acme.organization, is_io_logging_allowed=False, by=STAGE)

        assert data_of(api.get(f"{PATH}/{destination['id']}"))["privacy_mode"] is True
        assert patched(api, destination, enabled=False)["enabled"] is False

    def test_that_is_changed_elsewhere_leaves_destinations_alone(self, acme: Acme, api: Api):
        destination = made(api)
        with tenant(acme.organization.pk):
            privacy.change(organization=acme.organization, enforce_zdr_xai=True, by=STAGE)

        assert data_of(api.get(f"{PATH}/{destination['id']}")) == destination


class TestTheList:
    def test_is_in_order_of_creation_page_by_page(self, api: Api):
        identifiers = [made(api, name=str(number))["id"] for number in range(4)]

        pages = [api.get(PATH, offset=offset, limit=2) for offset in (0, 2, 4)]

        assert [row["id"] for page in pages for row in data_of(page)] == identifiers
        assert {json.loads(page.content)["total_count"] for page in pages} == {4}

    def test_is_of_one_workspace(self, api: Api):
        made(api)
        there = made(api, workspace_id="production")

        assert [row["id"] for row in data_of(api.get(PATH, workspace_id="production"))] == [there["id"]]

    def test_takes_as_many_queries_however_long_it_is(self, acme: Acme, api: Api):
        made(api, api_key_hashes=[acme.bob_key.key.hash])
        with CaptureQueriesContext(connection) as one:
            api.get(PATH)
        for _ in range(3):
            made(api, api_key_hashes=[acme.default_key.key.hash])

        with CaptureQueriesContext(connection) as four:
            api.get(PATH)

        assert len(four) == len(one)

    def test_leaves_out_types_that_are_not_there(self, api: Api, monkeypatch: pytest.MonkeyPatch):
        identifier = made(api)["id"]
        monkeypatch.delitem(DESTINATIONS, NEW["type"])

        assert data_of(api.get(PATH)) == []
        assert error_of(api.get(f"{PATH}/{identifier}"))[0] == 404

    @pytest.mark.parametrize(
        "query", [{"limit": 0}, {"limit": 101}, {"offset": -1}, {"workspace_id": "nowhere"}]
    )
    def test_says_what_is_wrong_with_the_question(self, api: Api, query: dict[str, Any]):
        assert error_of(api.get(PATH, **query))[0] == 400


class TestDeleting:
    def test_wipes_the_secrets_and_hides_the_rest(self, acme: Acme, api: Api):
        destination = made(api)

        answer = api.delete(f"{PATH}/{destination['id']}")

        assert json.loads(answer.content) == {"deleted": True}
        assert stored(acme, destination["id"]).sealed_secrets == ""
        for method in ("get", "patch", "delete"):
            assert error_of(api.send(method, f"{PATH}/{destination['id']}", {}))[0] == 404
        assert data_of(api.get(PATH)) == []

    def test_happens_with_its_workspace(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            empty = workspaces.create(organization=acme.organization, name="E", slug="empty", by=STAGE)
        destination = made(api, workspace_id="empty")

        with tenant(acme.organization.pk):
            workspaces.delete(workspace=empty, by=STAGE)

        row = stored(acme, destination["id"])
        assert (row.sealed_secrets, row.deleted_at is None) == ("", False)

    def test_of_a_key_leaves_a_filter_that_lets_nothing_through(self, acme: Acme, api: Api):
        destination = made(api, api_key_hashes=[acme.bob_key.key.hash])

        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)

        assert data_of(api.get(f"{PATH}/{destination['id']}"))["api_key_hashes"] == []
        assert stored(acme, destination["id"]).api_key_ids == []
