"""/workspaces/{id}/members."""

from __future__ import annotations

import json

import pytest

from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from workspaces import api_keys
from workspaces.members import is_member


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


class TestListingMembers:
    def test_of_the_default_workspace_shows_everybody(self, acme: Acme, api: Api):
        rows = data_of(api.get("/workspaces/default/members"))

        people = {row["user_id"]: row["role"] for row in rows}
        assert people == {
            acme.alice.user.public_id: "admin",
            acme.bob.user.public_id: "member",
            acme.carol.user.public_id: "member",
        }

    def test_of_another_shows_who_was_added(self, acme: Acme, api: Api):
        (row,) = data_of(api.get("/workspaces/production/members"))

        assert (row["user_id"], row["workspace_id"]) == (
            acme.bob.user.public_id,
            str(acme.production.public_id),
        )

    def test_pages(self, api: Api):
        body = json.loads(api.get("/workspaces/default/members", offset=2, limit=2).content)

        assert (len(body["data"]), body["total_count"]) == (1, 3)


class TestAddingMembers:
    def test_gives_them_the_role_that_they_have_in_the_organization(self, acme: Acme, api: Api):
        ids = [acme.carol.user.public_id, acme.alice.user.public_id]

        body = json.loads(api.post("/workspaces/production/members/add", {"user_ids": ids}).content)

        assert body["added_count"] == 2
        assert [(row["user_id"], row["role"]) for row in body["data"]] == list(
            zip(ids, ["member", "admin"], strict=True)
        )

    def test_twice_changes_nothing(self, acme: Acme, api: Api):
        first = data_of(
            api.post("/workspaces/production/members/add", {"user_ids": [acme.carol.user.public_id] * 2})
        )

        second = data_of(
            api.post("/workspaces/production/members/add", {"user_ids": [acme.carol.user.public_id]})
        )

        assert first == second

    def test_refuses_strangers_and_unknown_people_alike_and_adds_nobody(self, cast: Cast, api: Api):
        carol = cast.acme.carol.user.public_id
        strangers = [cast.globex.mallory.user.public_id, "user_999999", "user_x"]

        answers = {
            name: error_of(api.post("/workspaces/production/members/add", {"user_ids": [carol, name]}))
            for name in strangers
        }

        assert answers == {
            name: (400, f"user_ids: {name}: no such member of the organization.") for name in strangers
        }
        with tenant(cast.acme.organization.pk):
            assert not is_member(cast.acme.carol, cast.acme.production)

    @pytest.mark.parametrize("ids", [[], ["user_1"] * 101, "user_1", [1], None])
    def test_refuses_lists_that_make_no_sense(self, api: Api, ids: object):
        assert error_of(api.post("/workspaces/production/members/add", {"user_ids": ids}))[0] == 400

    def test_to_the_default_workspace_is_refused(self, acme: Acme, api: Api):
        body = {"user_ids": [acme.bob.user.public_id]}

        assert error_of(api.post("/workspaces/default/members/add", body))[0] == 400


class TestRemovingMembers:
    def test_with_active_keys_is_refused_naming_them_and_removes_nobody(self, acme: Acme, api: Api):
        api.post("/workspaces/production/members/add", {"user_ids": [acme.carol.user.public_id]})
        ids = [acme.carol.user.public_id, acme.bob.user.public_id]

        status, message = error_of(api.post("/workspaces/production/members/remove", {"user_ids": ids}))

        assert (status, "bob's key" in message) == (400, True)
        with tenant(acme.organization.pk):
            assert is_member(acme.carol, acme.production)

    def test_counts_those_who_were_in_it(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)
        ids = [acme.carol.user.public_id, acme.bob.user.public_id]

        response = api.post("/workspaces/production/members/remove", {"user_ids": ids})

        assert json.loads(response.content) == {"removed_count": 1}
        assert data_of(api.get("/workspaces/production/members")) == []
