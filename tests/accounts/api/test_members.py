"""/organization/members."""

from __future__ import annotations

import json

import pytest

from accounts.models import Membership
from accounts.organizations import add_member, change_role
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast, acting
from tests.management_api import Api, data_of, error_of
from workspaces.models import ApiKey, WorkspaceMember

PATH = "/organization/members"


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


class TestListing:
    def test_shows_everybody_with_role_and_name(self, acme: Acme, api: Api):
        user = acme.bob.user
        user.name = "Bob van Tile"
        user.save()

        rows = data_of(api.get(PATH))

        assert [(row["email"], row["role"]) for row in rows] == [
            ("alice@acme.example", "org:admin"),
            ("bob@acme.example", "org:member"),
            ("carol@acme.example", "org:member"),
        ]
        assert rows[1] == {
            "id": user.public_id,
            "first_name": "Bob",
            "last_name": "van Tile",
            "email": user.email,
            "role": "org:member",
            "requests_per_minute": None,
            "tokens_per_minute": None,
            "concurrent_requests": None,
        }
        assert rows[2]["last_name"] is None

    def test_pages(self, api: Api):
        body = json.loads(api.get(PATH, offset=1, limit=1).content)

        assert ([row["email"] for row in body["data"]], body["total_count"]) == (["bob@acme.example"], 3)

    def test_tells_nobody_of_another_organization(self, cast: Cast):
        rows = data_of(Api(cast.globex.management_key.secret).get(PATH))

        assert [row["email"] for row in rows] == ["mallory@globex.example"]


class TestRemoving:
    def test_ends_the_members_keys(self, acme: Acme, api: Api):
        api.delete(f"{PATH}/{acme.bob.user.public_id}")

        assert error_of(Api(acme.bob_key.secret).get("/key")) == (401, "Invalid API key")
        assert [row["email"] for row in data_of(api.get(PATH))] == [
            "alice@acme.example",
            "carol@acme.example",
        ]

    def test_leaves_keys_disabled_and_seats_empty_for_the_day_of_his_return(self, acme: Acme, api: Api):
        api.delete(f"{PATH}/{acme.bob.user.public_id}")

        with tenant(acme.organization.pk):
            add_member(organization=acme.organization, user=acme.bob.user, role="member", by=STAGE)
            assert ApiKey.objects.get(pk=acme.bob_key.key.pk).is_disabled
            assert not WorkspaceMember.objects.filter(membership=acme.bob).exists()
        assert Api(acme.bob_key.secret).get("/key").status_code == 401

    def test_leaves_the_keys_of_others_alone(self, acme: Acme, api: Api):
        api.delete(f"{PATH}/{acme.bob.user.public_id}")

        assert Api(acme.production_key.secret).get("/key").status_code == 200
        assert Api(acme.carol_key.secret).get("/key").status_code == 200

    def test_the_last_administrator_is_refused_with_the_reason(self, acme: Acme, api: Api):
        answer = error_of(api.delete(f"{PATH}/{acme.alice.user.public_id}"))

        assert answer == (400, "An organization needs at least one administrator.")

    def test_one_of_two_administrators_is_not(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            change_role(membership=acme.bob, role=Membership.ADMIN, by=acting(acme.alice))

        assert api.delete(f"{PATH}/{acme.alice.user.public_id}").status_code == 200

    def test_judges_by_the_roles_as_they_are_and_not_as_somebody_read_them(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            stale = Membership.objects.select_related("user").get(pk=acme.bob.pk)
            change_role(membership=acme.bob, role=Membership.ADMIN, by=STAGE)
            change_role(membership=acme.alice, role=Membership.MEMBER, by=STAGE)
            assert stale.role == Membership.MEMBER

        assert error_of(api.delete(f"{PATH}/{stale.user.public_id}"))[0] == 400

    def test_a_stranger_and_nobody_are_not_found_alike(self, cast: Cast, api: Api):
        names = [cast.globex.mallory.user.public_id, "user_999999", "user_" + "9" * 30, "x", "\x00"]

        answers = [api.delete(f"{PATH}/{name}") for name in names]

        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1

    def test_gives_nobody_a_role(self, acme: Acme, api: Api):
        assert api.patch(f"{PATH}/{acme.bob.user.public_id}", {"role": "org:admin"}).status_code == 400


class TestRates:
    def test_are_set_and_taken_away(self, acme: Acme, api: Api):
        path = f"{PATH}/{acme.bob.user.public_id}"

        limited = data_of(api.patch(path, {"requests_per_minute": 60, "tokens_per_minute": 0}))
        freed = data_of(api.patch(path, {"requests_per_minute": None}))

        assert (limited["requests_per_minute"], limited["tokens_per_minute"]) == (60, 0)
        assert (freed["requests_per_minute"], freed["tokens_per_minute"]) == (None, 0)
        assert freed == data_of(api.get(path))

    @pytest.mark.parametrize("value", [-1, 2**31, "60", True, 1.5, []])
    def test_are_whole_numbers(self, acme: Acme, api: Api, value: object):
        status, message = error_of(
            api.patch(f"{PATH}/{acme.bob.user.public_id}", {"concurrent_requests": value})
        )

        assert status == 400
        assert "concurrent_requests" in message
