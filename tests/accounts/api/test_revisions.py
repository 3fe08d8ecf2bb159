"""/revisions: reading what was changed, and rolling it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import organizations
from accounts.models import Membership, Revision
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast, acting
from tests.management_api import Api, data_of, error_of
from workspaces import api_keys, workspaces
from workspaces.budgets import set_budget
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db

Rename = Callable[[str], Revision]


@pytest.fixture
def api(acme: Acme) -> Api:
    """acme's management key."""
    return Api(acme.management_key.secret)


@pytest.fixture
def rename(acme: Acme) -> Rename:
    """Renames production as alice, and gives the revision."""

    def to(name: str) -> Revision:
        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.production, by=acting(acme.alice), name=name)
            return Revision.objects.latest("pk")

    return to


def name_of_production(acme: Acme) -> str:
    """What it is called now."""
    with tenant(acme.organization.pk):
        return str(Workspace.objects.get(pk=acme.production.pk).name)


class TestOneRevision:
    def test_says_who_changed_what_when_and_how(self, acme: Acme, api: Api, rename: Rename) -> None:
        number = rename("Live").pk

        shown = data_of(api.get(f"/revisions/{number}"))

        assert shown["actor"] == {
            "user_id": acme.alice.user.public_id,
            "email": "alice@acme.example",
            "management_key": None,
            "api_key_id": None,
            "door": "shell",
            "address": None,
        }
        assert (shown["object_type"], shown["object_public_id"]) == (
            "workspace",
            str(acme.production.public_id),
        )
        assert shown["workspace_id"] == str(acme.production.public_id)
        assert (shown["action"], shown["changed"]) == ("update", ["name"])
        assert shown["diff"]["name"] == {"before": "Production", "after": "Live"}
        assert (shown["before"]["name"], shown["after"]["name"]) == ("Production", "Live")
        assert list(shown["versions"]) == [f"workspace:{acme.production.pk}"]

    def test_of_a_key_holds_neither_its_secret_nor_its_hash(self, acme: Acme, api: Api) -> None:
        rows = data_of(api.get("/revisions", object_type="apikey"))

        for row in rows:
            text = api.get(f"/revisions/{row['id']}").content.decode()
            assert acme.bob_key.secret not in text
            assert acme.bob_key.key.hash not in text
        assert len(rows) == 6

    @pytest.mark.parametrize("number", ["0", "99999999999999999", "9" * 5000, "x", "-1", "1.5", "%00", "٣"])
    def test_that_does_not_exist_is_not_found(self, api: Api, number: str) -> None:
        for path in (f"/revisions/{number}", f"/revisions/{number}/diff"):
            assert error_of(api.get(path)) == (404, "Resource not found")


class TestTheList:
    def test_is_newest_first_and_goes_on_where_it_ended(self, api: Api, rename: Rename) -> None:
        made = [rename(f"name {number}").pk for number in range(5)]

        first = json.loads(api.get("/revisions", limit=2).content)
        rename("meanwhile")
        second = json.loads(api.get("/revisions", limit=3, before=first["next_before"]).content)

        assert [row["id"] for row in (*first["data"], *second["data"])] == made[::-1]
        assert second["total_count"] == first["total_count"] + 1

    def test_ends(self, api: Api) -> None:
        assert json.loads(api.get("/revisions", limit=100).content)["next_before"] is None

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"object_type": "apikey"}, 6),
            ({"object_type": "apikey", "action": "update"}, 0),
            ({"object_type": "membership", "door": "shell"}, 3),
            ({"door": "dashboard"}, 0),
            ({"user_id": "{bob}"}, 1),
            ({"user_id": "user_999999999"}, 0),
            ({"workspace_id": "production"}, 4),
            ({"workspace_id": "{production}"}, 4),
            ({"object_id": "{production}"}, 1),
            ({"object_type": "workspace", "object_id": "{pk}"}, 1),
            ({"since": "2100-01-01T00:00:00Z"}, 0),
            ({"until": "2000-01-01T00:00:00Z"}, 0),
            ({"version": "workspace:{pk}:1"}, 1),
            ({"version": "workspace:{pk}:99"}, 0),
        ],
    )
    def test_can_be_narrowed(self, acme: Acme, api: Api, query: dict[str, str], count: int) -> None:
        names = {
            "{bob}": acme.bob.user.public_id,
            "{production}": str(acme.production.public_id),
            "{pk}": str(acme.production.pk),
        }
        for name, value in names.items():
            query = {key: text.replace(name, value) for key, text in query.items()}

        body = json.loads(api.get("/revisions", **query).content)

        assert (len(body["data"]), body["total_count"]) == (count, count)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("action", "x" * 41),
            ("action", "\x00"),
            ("door", "window"),
            ("object_type", "A"),
            ("object_id", "\x00"),
            ("object_id", "x" * 65),
            ("workspace_id", "x" * 61),
            ("user_id", "7"),
            ("user_id", "user_" + "9" * 30),
            ("since", "yesterday"),
            ("until", "2026-01-01"),
            ("before", "x"),
            ("before", "9" * 19),
            ("limit", "0"),
            ("limit", "101"),
            ("limit", "x"),
            ("offset", "50"),
            ("version", "workspace"),
            ("version", "workspace:1:" + "9" * 40),
        ],
    )
    def test_refuses_what_makes_no_sense_by_its_name(self, api: Api, name: str, value: str) -> None:
        status, message = error_of(api.get("/revisions", **{name: value}))

        assert (status, message.partition(":")[0]) == (400, name)

    def test_finds_a_deleted_workspace(self, acme: Acme, api: Api) -> None:
        api.post("/workspaces", {"name": "Gone", "slug": "gone"})
        api.delete("/workspaces/gone")

        actions = [row["action"] for row in data_of(api.get("/revisions", workspace_id="gone"))]

        assert actions == ["delete", "create"]

    def test_never_shows_another_organizations(self, cast: Cast) -> None:
        rows = data_of(Api(cast.globex.management_key.secret).get("/revisions", limit=100))

        assert "Acme" not in json.dumps(rows)
        assert {row["object_name"] for row in rows} >= {"Globex"}

    def test_takes_the_same_number_of_queries_for_any_length(self, api: Api, rename: Rename) -> None:
        counts = []
        for name in ("One", "Two"):
            rename(name)
            with CaptureQueriesContext(connection) as queries:
                api.get("/revisions", object_type="workspace", action="update")
            counts.append(len(queries))

        assert counts[0] == counts[1]


class TestADiff:
    def test_is_what_the_revision_changed(self, api: Api, rename: Rename) -> None:
        shown = data_of(api.get(f"/revisions/{rename('Live').pk}/diff"))

        assert shown["name"] == {"before": "Production", "after": "Live"}

    def test_can_be_taken_against_another_revision(self, api: Api, rename: Rename) -> None:
        first = rename("One").pk
        rename("Two")
        third = rename("Three").pk

        shown = data_of(api.get(f"/revisions/{third}/diff", against=first))

        assert shown["name"] == {"before": "One", "after": "Three"}

    def test_is_of_one_object(self, acme: Acme, api: Api, rename: Rename) -> None:
        other = data_of(api.get("/revisions", object_type="apikey"))[0]["id"]

        assert error_of(api.get(f"/revisions/{rename('Live').pk}/diff", against=other)) == (
            400,
            "against: must be a revision of the same object.",
        )

    def test_is_not_taken_against_what_is_foreign_or_unknown(
        self, cast: Cast, api: Api, rename: Rename
    ) -> None:
        with tenant(cast.globex.organization.pk):
            foreign = Revision.objects.latest("pk").pk
        mine = rename("Live").pk

        answers = [api.get(f"/revisions/{mine}/diff", against=number) for number in (foreign, 1, "x")]

        assert {answer.content for answer in answers} == {answers[0].content}
        assert answers[0].status_code == 404


class TestRestoring:
    def test_is_a_revision_of_its_own(self, acme: Acme, api: Api, rename: Rename) -> None:
        number = rename("Live").pk

        made = data_of(api.post(f"/revisions/{number}/restore", {"to": "before", "reason": "typo"}))

        assert name_of_production(acme) == "Production"
        assert (made["restores"], made["reason"]) == (number, f"restores revision {number}: typo")
        assert made["actor"]["management_key"] == str(acme.management_key.key)
        assert (made["actor"]["door"], made["actor"]["address"]) == ("api", "127.0.0.1")
        assert made["diff"]["name"] == {"before": "Live", "after": "Production"}

    def test_can_bring_back_what_came_after(self, acme: Acme, api: Api, rename: Rename) -> None:
        number = rename("Live").pk
        rename("Dead")

        data_of(api.post(f"/revisions/{number}/restore", {"to": "after"}))

        assert name_of_production(acme) == "Live"

    def test_is_a_conflict_when_todays_rules_forbid_it(self, acme: Acme, api: Api) -> None:
        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)
            number = Revision.objects.latest("pk").pk

        status, message = error_of(api.post(f"/revisions/{number}/restore", {"to": "before"}))

        assert (status, message) == (409, "A deleted key stays deleted; issue another one.")

    def test_is_a_conflict_when_it_changes_nothing(self, api: Api, rename: Rename) -> None:
        assert error_of(api.post(f"/revisions/{rename('Live').pk}/restore", {"to": "after"})) == (
            409,
            "It is in this state already.",
        )

    def test_is_a_conflict_when_somebody_was_quicker_and_that_matters(
        self, acme: Acme, api: Api, rename: Rename
    ) -> None:
        number = rename("Live").pk
        rename("Dead")

        status, _ = error_of(api.post(f"/revisions/{number}/restore", {"to": "before", "if_newest": True}))

        assert (status, name_of_production(acme)) == (409, "Dead")

    def test_brings_a_deleted_budget_back(self, acme: Acme, api: Api) -> None:
        with tenant(acme.organization.pk):
            set_budget(workspace=acme.production, interval="d", limit_nano=5 * 10**9, by=STAGE)
        api.delete("/workspaces/production/budgets/daily")
        [newest, *_] = data_of(api.get("/revisions", limit=1))

        data_of(api.post(f"/revisions/{newest['id']}/restore", {"to": "before"}))

        assert data_of(api.get("/workspaces/production/budgets/daily"))["limit_usd"] == 5

    def test_gives_a_management_key_no_way_to_change_roles(self, acme: Acme, api: Api) -> None:
        with tenant(acme.organization.pk):
            organizations.change_role(membership=acme.bob, role=Membership.ADMIN, by=STAGE)
            number = Revision.objects.latest("pk").pk

        status, message = error_of(api.post(f"/revisions/{number}/restore", {"to": "before"}))

        assert (status, message) == (403, "You may not do this: roles.")
        with tenant(acme.organization.pk):
            assert Membership.objects.get(pk=acme.bob.pk).role == Membership.ADMIN

    def test_is_done_once_for_one_idempotency_key(self, api: Api, rename: Rename) -> None:
        path = f"/revisions/{rename('Live').pk}/restore"

        answers = [api.post(path, {"to": "before"}, Idempotency_Key="again") for _ in range(2)]

        assert answers[0].content == answers[1].content
        assert answers[1].status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            None,
            {},
            [],
            {"to": "now"},
            {"to": None},
            {"to": 1},
            {"to": ["before"]},
            {"to": "before", "reason": None},
            {"to": "before", "reason": "x" * 401},
            {"to": "before", "reason": "\x00"},
            {"to": "before", "if_newest": "yes"},
            {"to": "before", "name": "Live"},
        ],
    )
    def test_refuses_what_is_no_request_for_it(self, acme: Acme, api: Api, rename: Rename, body: Any) -> None:
        assert error_of(api.post(f"/revisions/{rename('Live').pk}/restore", body))[0] == 400
        assert name_of_production(acme) == "Live"

    def test_of_somebody_elses_revision_is_like_that_of_an_unknown_one(
        self, acme: Acme, cast: Cast, rename: Rename
    ) -> None:
        mallory, number = Api(cast.globex.management_key.secret), rename("Live").pk

        answers = [mallory.post(f"/revisions/{each}/restore", {"to": "before"}) for each in (number, 1)]

        assert answers[0].content == answers[1].content
        assert answers[0].status_code == 404
        assert name_of_production(acme) == "Live"
