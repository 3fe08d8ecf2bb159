"""GET /audit-log: revisions and events as one list, as an administrator reads it."""

from __future__ import annotations

import json

import pytest

from accounts.audit_events import SIGN_IN_FAILED, SIGNED_IN, note
from accounts.revisions import Actor
from config.lib.scoping import tenant
from tests.cast import Acme, Cast, acting
from tests.management_api import Api, data_of
from workspaces import workspaces

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(acme: Acme) -> Api:
    """acme's management key."""
    return Api(acme.management_key.secret)


@pytest.fixture
def happened(acme: Acme) -> None:
    """bob signs in, alice renames production, somebody fails to sign in as bob."""
    at_home = Actor(door="dashboard", user=acme.bob.user, address="203.0.113.7")
    note(SIGNED_IN, by=at_home, organization_ids=[acme.organization.pk])
    with tenant(acme.organization.pk):
        workspaces.change(workspace=acme.production, by=acting(acme.alice), name="Live", slug="live")
    note(SIGN_IN_FAILED, by=at_home, organization_ids=[acme.organization.pk])


@pytest.mark.usefixtures("happened")
class TestTheLog:
    def test_tells_changes_and_events_in_one_order(self, api: Api) -> None:
        rows = data_of(api.get("/audit-log", limit=3))

        assert [row["summary"] for row in rows] == [
            "bob@acme.example failed to sign in",
            "alice@acme.example changed the workspace “Live” (name, slug)",
            "bob@acme.example signed in",
        ]
        assert [row["type"] for row in rows] == ["event", "revision", "event"]

    def test_says_from_where(self, acme: Acme, api: Api) -> None:
        [row] = data_of(api.get("/audit-log", action="signed_in"))

        assert row["actor"] == {
            "user_id": acme.bob.user.public_id,
            "email": "bob@acme.example",
            "management_key": None,
            "api_key_id": None,
            "door": "dashboard",
            "address": "203.0.113.7",
        }

    def test_goes_on_where_it_ended(self, api: Api) -> None:
        whole = [row["id"] for row in data_of(api.get("/audit-log", limit=100))]

        pages, before = [], None
        while True:
            query = {"limit": 4} | ({"before": before} if before else {})
            body = json.loads(api.get("/audit-log", **query).content)
            pages += [row["id"] for row in body["data"]]
            before = body["next_before"]
            if before is None:
                break

        assert pages == whole == sorted(whole, reverse=True)
        assert body["total_count"] == len(whole)

    @pytest.mark.parametrize(
        ("query", "actions"),
        [
            ({"door": "dashboard"}, ["sign_in_failed", "signed_in"]),
            ({"action": "update"}, ["update"]),
            ({"object_type": "workspace", "action": "update"}, ["update"]),
            ({"workspace_id": "live", "action": "update"}, ["update"]),
            ({"workspace_id": "live", "action": "signed_in"}, []),
        ],
    )
    def test_can_be_narrowed(self, api: Api, query: dict[str, str], actions: list[str]) -> None:
        assert [row["action"] for row in data_of(api.get("/audit-log", **query))] == actions

    def test_leads_to_the_revision(self, api: Api) -> None:
        [row] = data_of(api.get("/audit-log", action="update"))

        assert data_of(api.get(f"/revisions/{row['id']}"))["object_name"] == row["object_name"] == "Live"

    def test_is_not_another_organizations(self, cast: Cast) -> None:
        text = Api(cast.globex.management_key.secret).get("/audit-log", limit=100).content.decode()

        assert "acme" not in text.lower()
        assert "203.0.113.7" not in text
