"""/management-keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from accounts.management_keys import IssuedManagementKey, issue
from config.lib.scoping import tenant
from tests.cast import Acme, Cast, acting
from tests.management_api import Api, data_of, error_of

PATH = "/management-keys"


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


@pytest.fixture
def other(acme: Acme) -> IssuedManagementKey:
    """A second key of acme's, made by alice."""
    until = datetime(2099, 1, 1, tzinfo=UTC)
    with tenant(acme.organization.pk):
        return issue(organization=acme.organization, name="other", expires_at=until, by=acting(acme.alice))


class TestListing:
    def test_shows_labels_and_no_secrets(self, acme: Acme, api: Api, other: IssuedManagementKey):
        response = api.get(PATH)

        rows = json.loads(response.content)["data"]
        assert [row["name"] for row in rows] == ["other", "acme management"]
        assert rows[0]["creator_user_id"] == acme.alice.user.public_id
        assert rows[0]["expires_at"] == "2099-01-01T00:00:00Z"
        assert other.secret not in response.content.decode()

    def test_pages(self, api: Api, other: IssuedManagementKey):
        body = json.loads(api.get(PATH, offset=1, limit=1).content)

        assert ([row["name"] for row in body["data"]], body["total_count"]) == (["acme management"], 2)


class TestRevoking:
    def test_stops_the_key_at_once(self, api: Api, other: IssuedManagementKey):
        api.delete(f"{PATH}/{other.key.hash}")

        assert error_of(Api(other.secret).get(PATH)) == (401, "Invalid API key")
        assert api.get(f"{PATH}/{other.key.hash}").status_code == 404

    def test_may_be_done_to_oneself(self, acme: Acme, api: Api):
        answers = [
            api.delete(f"{PATH}/{acme.management_key.key.hash}").status_code,
            api.get(PATH).status_code,
        ]

        assert answers == [200, 401]

    def test_is_refused_for_somebody_elses_as_for_an_unknown_one(self, cast: Cast, api: Api):
        names = [cast.globex.management_key.key.hash, "f" * 64, "x", "\x00"]

        answers = [api.delete(f"{PATH}/{name}") for name in names]

        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert Api(cast.globex.management_key.secret).get(PATH).status_code == 200


class TestMaking:
    def test_is_for_people(self, api: Api):
        assert api.post(PATH, {"name": "mine"}).status_code == 405

    def test_tells_a_key_about_itself(self, api: Api):
        assert data_of(api.get("/key"))["is_management_key"] is True
