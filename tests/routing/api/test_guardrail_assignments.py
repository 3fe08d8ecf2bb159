"""/guardrails/assignments and /guardrails/{id}/assignments."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision, Version
from accounts.organizations import remove_member
from config.lib.scoping import tenant
from routing.guardrail_assignments import assign_keys
from routing.models import Guardrail, KeyAssignment
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from tests.workspaces.api.test_budgets import in_threads
from workspaces.api_keys import issue


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def guardrail(api: Api, name: str = "New", **settings: Any) -> str:
    """The address of a new guardrail."""
    return f"/guardrails/{data_of(api.post('/guardrails', {'name': name} | settings), status=201)['id']}"


def hold_keys(api: Api, path: str, *hashes: str) -> Any:
    """Assign keys to a guardrail."""
    return api.post(f"{path}/assignments/keys", {"key_hashes": list(hashes)})


def hold_members(api: Api, path: str, *user_ids: str) -> Any:
    """Assign members to a guardrail."""
    return api.post(f"{path}/assignments/members", {"member_user_ids": list(user_ids)})


def version_of(kind: str, object_id: int) -> int:
    """How often a scope's settings changed."""
    found = Version.objects.filter(kind=kind, object_id=object_id).first()
    return found.value if found else 0


class TestAssigningKeys:
    def test_holds_them_to_the_guardrail(self, api: Api, acme: Acme):
        path, key = guardrail(api), acme.bob_key.key

        response = hold_keys(api, path, key.hash, acme.research_key.key.hash, key.hash)

        assert json.loads(response.content) == {"assigned_count": 2}
        first = data_of(api.get(f"{path}/assignments/keys"))[0]
        assert uuid.UUID(first.pop("id"))
        assert first.pop("created_at").endswith("Z")
        assert first == {
            "guardrail_id": path.rpartition("/")[2],
            "key_hash": key.hash,
            "key_name": key.name,
            "key_label": key.label,
            "assigned_by": None,
        }

    def test_moves_the_keys_versions_on(self, api: Api, acme: Acme):
        path, key = guardrail(api), acme.bob_key.key
        before = version_of("key", key.pk)

        hold_keys(api, path, key.hash)

        assert version_of("key", key.pk) == before + 1

    def test_replaces_the_guardrail_that_they_had(self, api: Api, acme: Acme):
        first, second, key = guardrail(api), guardrail(api), acme.bob_key.key
        hold_keys(api, first, key.hash)

        hold_keys(api, second, key.hash)

        assert data_of(api.get(f"{first}/assignments/keys")) == []
        assert [row["key_hash"] for row in data_of(api.get(f"{second}/assignments/keys"))] == [key.hash]
        with tenant(acme.organization.pk):
            actions = Revision.objects.filter(object_type="keyassignment").order_by("pk")
            assert list(actions.values_list("action", flat=True)) == ["create", "update"]

    def test_again_changes_nothing(self, api: Api, acme: Acme):
        path, key = guardrail(api), acme.bob_key.key
        hold_keys(api, path, key.hash)
        before = version_of("key", key.pk), data_of(api.get(f"{path}/assignments/keys"))

        assert json.loads(hold_keys(api, path, key.hash).content) == {"assigned_count": 1}

        assert (version_of("key", key.pk), data_of(api.get(f"{path}/assignments/keys"))) == before

    def test_to_a_default_guardrail_writes_it(self, api: Api, acme: Acme):
        path = f"/guardrails/{acme.production.default_guardrail_id}"

        hold_keys(api, path, acme.research_key.key.hash)

        assert [row["key_hash"] for row in data_of(api.get(f"{path}/assignments/keys"))] == [
            acme.research_key.key.hash
        ]

    def test_is_done_for_all_or_for_none(self, api: Api, cast: Cast):
        path = guardrail(api)
        own, foreign = cast.acme.bob_key.key.hash, cast.globex.mallory_key.key.hash

        answers = [error_of(hold_keys(api, path, own, other)) for other in (foreign, "f" * 64)]

        assert [status for status, _ in answers] == [400, 400]
        assert answers[0][1].replace(foreign, "f" * 64) == answers[1][1]
        assert data_of(api.get(f"{path}/assignments/keys")) == []

    def test_refuses_a_deleted_key(self, api: Api, acme: Acme):
        path, key = guardrail(api), acme.bob_key.key
        api.delete(f"/keys/{key.hash}")

        assert error_of(hold_keys(api, path, key.hash))[0] == 400

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"key_hashes": []},
            {"key_hashes": None},
            {"key_hashes": "abc"},
            {"key_hashes": [1]},
            {"key_hashes": [""]},
            {"key_hashes": ["x"] * 1_001},
            {"key_hashes": ["x" * 65_536]},
            {"key_hashes": [{"hash": "x"}]},
            {"key_hashes": ["x"], "force": True},
        ],
    )
    def test_refuses_what_names_no_keys(self, api: Api, body: dict[str, Any]):
        path = guardrail(api)

        for address in ("keys", "keys/remove"):
            assert error_of(api.post(f"{path}/assignments/{address}", body))[0] == 400

    @pytest.mark.django_db(transaction=True)
    def test_at_once_to_two_guardrails_leaves_the_key_with_one(self, api: Api, acme: Acme):
        paths = [guardrail(api, workspace_id=place) for place in ("default", "production")]
        hashes = [acme.bob_key.key.hash, acme.carol_key.key.hash, acme.default_key.key.hash]

        def assign(number: int) -> None:
            own = Api(acme.management_key.secret)
            for turn in range(5):
                mixed = hashes[turn % 3 :] + hashes[: turn % 3]
                response = hold_keys(own, paths[number % 2], *mixed[:: 1 if number < 2 else -1])
                assert response.status_code == 200, response.content

        in_threads([lambda number=number: assign(number) for number in range(4)])

        with tenant(acme.organization.pk):
            assert KeyAssignment.objects.count() == 3
        held = [len(data_of(api.get(f"{path}/assignments/keys"))) for path in paths]
        assert sorted(held) == [0, 3]


class TestUnassigningKeys:
    def test_frees_those_who_were_held_to_it(self, api: Api, acme: Acme):
        path, other = guardrail(api), guardrail(api)
        mine, others, free = acme.bob_key.key.hash, acme.carol_key.key.hash, acme.default_key.key.hash
        hold_keys(api, path, mine)
        hold_keys(api, other, others)

        response = api.post(f"{path}/assignments/keys/remove", {"key_hashes": [mine, others, free]})

        assert json.loads(response.content) == {"unassigned_count": 1}
        assert data_of(api.get(f"{path}/assignments/keys")) == []
        assert len(data_of(api.get(f"{other}/assignments/keys"))) == 1

    def test_refuses_unknown_ones(self, api: Api, acme: Acme):
        path = guardrail(api)
        hold_keys(api, path, acme.bob_key.key.hash)

        body = {"key_hashes": [acme.bob_key.key.hash, "f" * 64]}

        assert error_of(api.post(f"{path}/assignments/keys/remove", body))[0] == 400
        assert len(data_of(api.get(f"{path}/assignments/keys"))) == 1

    def test_of_an_unwritten_default_guardrail_frees_nobody(self, api: Api, acme: Acme):
        path = f"/guardrails/{acme.production.default_guardrail_id}"

        for kind, body in (
            ("keys", {"key_hashes": [acme.bob_key.key.hash]}),
            ("members", {"member_user_ids": [acme.bob.user.public_id]}),
        ):
            response = api.post(f"{path}/assignments/{kind}/remove", body)
            assert json.loads(response.content) == {"unassigned_count": 0}
        with tenant(acme.organization.pk):
            assert not Guardrail.objects.exists()


class TestAssigningMembers:
    def test_holds_them_to_the_guardrail(self, api: Api, acme: Acme):
        path = guardrail(api)

        response = hold_members(api, path, acme.bob.user.public_id, acme.carol.user.public_id)

        assert json.loads(response.content) == {"assigned_count": 2}
        first = data_of(api.get(f"{path}/assignments/members"))[0]
        assert uuid.UUID(first.pop("id"))
        assert first.pop("created_at").endswith("Z")
        assert first == {
            "guardrail_id": path.rpartition("/")[2],
            "organization_id": str(acme.organization.public_id),
            "user_id": acme.bob.user.public_id,
            "assigned_by": None,
        }

    def test_moves_the_persons_version_on(self, api: Api, acme: Acme):
        path = guardrail(api)
        before = version_of("user", acme.bob.user_id)

        hold_members(api, path, acme.bob.user.public_id)

        assert version_of("user", acme.bob.user_id) == before + 1

    def test_replaces_the_guardrail_that_they_had(self, api: Api, acme: Acme):
        first, second, bob = guardrail(api), guardrail(api), acme.bob.user.public_id
        hold_members(api, first, bob)

        hold_members(api, second, bob)

        assert data_of(api.get(f"{first}/assignments/members")) == []
        assert [row["user_id"] for row in data_of(api.get(f"{second}/assignments/members"))] == [bob]

    def test_is_done_for_all_or_for_none(self, api: Api, cast: Cast):
        path = guardrail(api)
        own, foreign = cast.acme.bob.user.public_id, cast.globex.mallory.user.public_id

        answers = [error_of(hold_members(api, path, own, other)) for other in (foreign, "user_0", "bob")]

        assert {status for status, _ in answers} == {400}
        assert answers[0][1] == f"member_user_ids: {foreign}: no such member of the organization."
        assert data_of(api.get(f"{path}/assignments/members")) == []

    def test_may_be_undone(self, api: Api, acme: Acme):
        path, bob = guardrail(api), acme.bob.user.public_id
        hold_members(api, path, bob)

        body = {"member_user_ids": [bob, acme.carol.user.public_id]}
        response = api.post(f"{path}/assignments/members/remove", body)

        assert json.loads(response.content) == {"unassigned_count": 1}
        assert data_of(api.get("/guardrails/assignments/members")) == []


class TestListingAssignments:
    def test_of_the_whole_organization_pages_in_a_stable_order(self, api: Api, acme: Acme):
        hashes = [acme.bob_key.key.hash, acme.carol_key.key.hash, acme.default_key.key.hash]
        for text in hashes:
            hold_keys(api, guardrail(api), text)

        pages = [
            json.loads(api.get("/guardrails/assignments/keys", offset=n, limit=1).content) for n in range(3)
        ]

        assert [row["key_hash"] for page in pages for row in page["data"]] == hashes
        assert {page["total_count"] for page in pages} == {3}

    def test_shows_nothing_of_another_organization(self, cast: Cast, api: Api):
        hold_keys(api, guardrail(api), cast.acme.bob_key.key.hash)
        hold_members(api, guardrail(api), cast.acme.bob.user.public_id)

        for kind in ("keys", "members"):
            response = Api(cast.globex.management_key.secret).get(f"/guardrails/assignments/{kind}")
            assert json.loads(response.content) == {"data": [], "total_count": 0}

    @pytest.mark.parametrize("kind", ["keys", "members"])
    def test_takes_the_same_queries_however_many_there_are(self, api: Api, acme: Acme, kind: str):
        path = guardrail(api)
        counts = []
        for size in (1, 3):
            members = [acme.alice, acme.bob, acme.carol][:size]
            hold_members(api, path, *[row.user.public_id for row in members])
            hold_keys(api, path, *[key["hash"] for key in data_of(api.get("/keys"))][:size])
            with CaptureQueriesContext(connection) as queries:
                api.get(f"{path}/assignments/{kind}")
            counts.append(len(queries))

        assert counts[0] == counts[1]


class TestAnAssignmentEnds:
    def test_with_its_key(self, api: Api, acme: Acme):
        path, key = guardrail(api), acme.bob_key.key
        hold_keys(api, path, key.hash)

        api.delete(f"/keys/{key.hash}")

        assert data_of(api.get(f"{path}/assignments/keys")) == []
        assert self.deleted(acme) == ["keyassignment", "apikey"]

    def test_when_the_member_leaves_the_organization(self, api: Api, acme: Acme):
        path = guardrail(api)
        hold_members(api, path, acme.bob.user.public_id)

        with tenant(acme.organization.pk):
            remove_member(membership=acme.bob, by=STAGE)

        assert data_of(api.get(f"{path}/assignments/members")) == []
        assert self.deleted(acme) == ["workspacemember", "memberassignment"]

    def test_with_its_guardrail_which_frees_keys_of_every_workspace(self, api: Api, acme: Acme):
        path, key = guardrail(api), acme.research_key.key
        hold_keys(api, path, key.hash)
        hold_members(api, path, acme.bob.user.public_id)
        before = version_of("key", key.pk)

        api.delete(path)

        assert version_of("key", key.pk) == before + 1
        assert self.deleted(acme) == ["keyassignment", "memberassignment", "guardrail"]

    def test_not_when_the_key_moves_to_another_workspace(self, api: Api, acme: Acme):
        path = guardrail(api)
        with tenant(acme.organization.pk):
            key = issue(workspace=acme.production, name="mover", by=STAGE).key
        hold_keys(api, path, key.hash)

        api.patch(f"/keys/{key.hash}", {"workspace_id": "research"})

        assert len(data_of(api.get(f"{path}/assignments/keys"))) == 1

    @staticmethod
    def deleted(acme: Acme) -> list[str]:
        """What was recorded as deleted, in order."""
        with tenant(acme.organization.pk):
            rows = Revision.objects.filter(action="delete").order_by("pk")
            return list(rows.values_list("object_type", flat=True))


class TestChangingAnAssignedGuardrail:
    def test_moves_the_organizations_version_on(self, api: Api, acme: Acme):
        path = guardrail(api)
        hold_keys(api, path, acme.bob_key.key.hash)
        before = version_of("organization", acme.organization.pk)

        api.patch(path, {"enforce_zdr": True})

        assert version_of("organization", acme.organization.pk) == before + 1


class TestAssigningWhileTheOldGuardrailIsDeleted:
    @pytest.mark.django_db(transaction=True)
    def test_leaves_the_key_with_the_new_one(self, api: Api, acme: Acme):
        old, new = guardrail(api), guardrail(api, workspace_id="production")
        hold_keys(api, old, acme.bob_key.key.hash)
        deleting = threading.Thread(target=deleted_by, args=(acme, old))

        with tenant(acme.organization.pk):
            target = Guardrail.objects.get(public_id=new.rpartition("/")[2])
            assign_keys(guardrail=target, keys=[acme.bob_key.key], by=STAGE)
            deleting.start()
            until_somebody_waits_for_a_row()
        deleting.join(60)

        assert api.get(old).status_code == 404
        assert len(data_of(api.get(f"{new}/assignments/keys"))) == 1


def deleted_by(acme: Acme, path: str) -> None:
    """Delete a guardrail on a connection of this thread's own."""
    try:
        Api(acme.management_key.secret).delete(path)
    finally:
        connections.close_all()


def until_somebody_waits_for_a_row() -> None:
    """Return once another connection is held up by this one's transaction."""
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits")
