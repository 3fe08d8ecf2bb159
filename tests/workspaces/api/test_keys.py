"""/keys and /keys/{hash}."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from config.lib.keys import hash_of
from config.lib.scoping import tenant, unscoped
from config.lib.subjects import api_key_subject, workspace_subject
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from workspaces import api_keys
from workspaces.models import ApiKey, Purse

PARTNER_SECRET = "p4rtner-Ab9xQ2mLk7Zr0tYw3eUi8oPs5dFg1hJ"


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def created(api: Api, **body: Any) -> dict[str, Any]:
    """A new key as the API describes it."""
    described: dict[str, Any] = data_of(api.post("/keys", {"name": "New"} | body), status=201)
    return described


class TestCreatingAKey:
    def test_shows_its_secret_once(self, acme: Acme, api: Api):
        response = api.post("/keys", {"name": "New"})

        secret, data = response.json()["key"], response.json()["data"]
        assert data["hash"] == hash_of(secret)
        assert data["label"] == f"{secret[:12]}...{secret[-3:]}"
        assert secret not in api.get(f"/keys/{data['hash']}").content.decode()
        assert Api(secret).get("/key").status_code == 200

    def test_gives_everything_the_contract_names_with_its_defaults(self, acme: Acme, api: Api):
        data = created(api)

        for name in ("hash", "label", "created_at"):
            assert data.pop(name)
        usage = dict.fromkeys(("usage", "usage_daily", "usage_weekly", "usage_monthly"), 0)
        assert data == {
            "name": "New",
            "disabled": False,
            "limit": None,
            "limit_remaining": None,
            "limit_reset": None,
            "include_byok_in_limit": False,
            "expires_at": None,
            "external_user": None,
            "creator_user_id": None,
            "requests_per_minute": None,
            "tokens_per_minute": None,
            "concurrent_requests": None,
            "workspace_id": str(acme.default.public_id),
            "updated_at": None,
            "last_used_at": None,
            **usage,
            **{f"byok_{name}": 0 for name in usage},
        }

    def test_takes_every_setting(self, acme: Acme, api: Api):
        settings = {
            "limit": 12.000000001,
            "limit_reset": "weekly",
            "include_byok_in_limit": True,
            "expires_at": "2999-12-31T23:59:59Z",
            "creator_user_id": acme.bob.user.public_id,
            "workspace_id": str(acme.production.public_id),
        }

        data = created(api, external={"user": "customer-7"}, **settings)

        assert {name: data[name] for name in settings} == settings
        assert (data["limit_remaining"], data["external_user"]) == (12.000000001, "customer-7")

    def test_finds_the_workspace_by_its_slug_too(self, acme: Acme, api: Api):
        assert created(api, workspace_id="research")["workspace_id"] == str(acme.research.public_id)

    def test_sets_the_limit_that_is_enforced(self, acme: Acme, api: Api):
        data = created(api, limit=0, limit_reset="daily")

        with tenant(acme.organization.pk):
            key = ApiKey.objects.get(hash=data["hash"])
            assert Purse.objects.get(subject=api_key_subject(key.pk), interval="d").limit_nano == 0

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": None}, "name"),
            ({"name": ["x"]}, "name"),
            ({"name": "x" * 256}, "name"),
            ({"limit": -0.01}, "limit"),
            ({"limit": 0.0000000001}, "limit"),
            ({"limit": 9_000_000_001}, "limit"),
            ({"limit": "5"}, "limit"),
            ({"limit": False}, "limit"),
            ({"limit_reset": "yearly"}, "limit_reset"),
            ({"limit_reset": ""}, "limit_reset"),
            ({"include_byok_in_limit": None}, "include_byok_in_limit"),
            ({"expires_at": "2999-12-31T23:59:59"}, "expires_at"),
            ({"expires_at": "2999-12-31T23:59Z"}, "expires_at"),
            ({"expires_at": "2999-12-31T23:59:59+02:00"}, "expires_at"),
            ({"expires_at": "2999-13-31T23:59:59Z"}, "expires_at"),
            ({"expires_at": 4_000_000_000}, "expires_at"),
            ({"workspace_id": None}, "workspace_id"),
            ({"workspace_id": "\N{BLACK STAR}"}, "workspace_id"),
            ({"creator_user_id": ""}, "creator_user_id"),
            ({"external": {}}, "external.user"),
            ({"external": {"user": "u", "api_key": "short"}}, "external.api_key"),
            ({"external": {"user": "u", "api_key": "a" * 64}}, "external.api_key"),
            ({"external": {"user": "u", "extra": 1}}, "external.extra"),
            ({"hash": "0" * 64}, "hash"),
            ({"disabled": True}, "disabled"),
            ({"usage": 0}, "usage"),
        ],
    )
    def test_refuses_naming_the_field(self, api: Api, body: dict[str, Any], field: str):
        status, message = error_of(api.post("/keys", {"name": "New"} | body))

        assert status == 400
        assert message.startswith(f"{field}:"), message

    def test_for_a_member_needs_him_in_the_workspace(self, acme: Acme, api: Api):
        body = {"name": "New", "workspace_id": "research", "creator_user_id": acme.bob.user.public_id}

        assert error_of(api.post("/keys", body))[0] == 400

    def test_refuses_a_stranger_and_an_unknown_person_alike(self, cast: Cast, api: Api):
        answers = {
            error_of(api.post("/keys", {"name": "New", "creator_user_id": name}))
            for name in (cast.globex.mallory.user.public_id, "user_999999", "somebody")
        }

        assert answers == {(400, "creator_user_id: no such member of the organization.")}


class TestAPartnersSecret:
    def test_opens_the_key_as_well(self, api: Api):
        data = created(api, external={"user": "customer-7", "api_key": PARTNER_SECRET})

        own = data_of(Api(PARTNER_SECRET).get("/key"))

        assert own["label"] == data["label"]

    def test_is_never_shown_or_recorded(self, acme: Acme, api: Api):
        response = api.post("/keys", {"name": "New", "external": {"user": "u", "api_key": PARTNER_SECRET}})

        with tenant(acme.organization.pk), connections["default"].cursor() as cursor:
            cursor.execute("SELECT string_agg(revision::text, '') FROM revision")
            (recorded,) = cursor.fetchone()
        assert PARTNER_SECRET not in response.content.decode()
        assert hash_of(PARTNER_SECRET) not in recorded

    def test_opens_one_key_only(self, cast: Cast, api: Api):
        external = {"user": "u", "api_key": PARTNER_SECRET}
        created(api, external=external)

        answers = [
            error_of(Api(secret).post("/keys", {"name": "New", "external": external}))
            for secret in (cast.acme.management_key.secret, cast.globex.management_key.secret)
        ]

        assert answers == [(400, "external.api_key: cannot be used.")] * 2

    def test_must_not_look_like_one_of_ours(self, acme: Acme, api: Api):
        external = {"user": "u", "api_key": acme.bob_key.secret}

        assert error_of(api.post("/keys", {"name": "New", "external": external}))[0] == 400


class TestListingKeys:
    def names(self, api: Api, **query: Any) -> list[str]:
        """The names on the page."""
        return [row["name"] for row in data_of(api.get("/keys", **query))]

    def test_shows_the_default_workspaces_keys_newest_first(self, acme: Acme, api: Api):
        created(api, name="Newest")
        with tenant(acme.organization.pk):
            ApiKey.objects.filter(name="Newest").update(created_at=datetime.now(UTC) + timedelta(seconds=1))

        assert self.names(api) == ["Newest", "default system key", "alice's key"]

    @pytest.mark.parametrize("by", ["id", "slug"])
    def test_filters_by_workspace(self, acme: Acme, api: Api, by: str):
        reference = str(acme.production.public_id) if by == "id" else "production"

        assert set(self.names(api, workspace_id=reference)) == {"bob's key", "production system key"}

    def test_leaves_out_disabled_and_expired_ones_unless_asked(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.alice_key.key, by=STAGE, is_disabled=True)
            past = datetime.now(UTC) - timedelta(days=1)
            api_keys.change(key=acme.default_key.key, by=STAGE, expires_at=past)

        assert self.names(api) == []
        assert self.names(api, include_disabled="true") == ["alice's key"]
        assert self.names(api, include_expired="true") == ["default system key"]
        assert len(self.names(api, include_disabled="true", include_expired="true")) == 2

    def test_pages_by_a_hundred(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            for number in range(101):
                api_keys.issue(workspace=acme.production, name=f"key {number}", by=STAGE)

        first = self.names(api, workspace_id="production")
        rest = self.names(api, workspace_id="production", offset=100)

        assert (len(first), len(rest)) == (100, 3)
        assert not set(first) & set(rest)

    def test_asks_the_database_no_more_for_more_keys(
        self, acme: Acme, api: Api, django_assert_max_num_queries: Any
    ):
        for _ in range(5):
            created(api)

        with django_assert_max_num_queries(30):
            self.names(api)

    @pytest.mark.parametrize("query", [{"include_disabled": "maybe"}, {"offset": "-1"}])
    def test_refuses_queries_that_make_no_sense(self, api: Api, query: dict[str, str]):
        assert error_of(api.get("/keys", **query))[0] == 400


class TestUsageOfAKey:
    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    def test_counts_by_window_and_leaves_the_rest_of_the_limit(self, acme: Acme, api: Api):
        key = acme.bob_key.key
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        with tenant(acme.organization.pk):
            api_keys.change(
                key=key, by=STAGE, limit_nano=10 * 10**9, limit_interval="d", is_byok_in_limit=True
            )
        for hour, cost in ((now, 1_000_000_001), (now - timedelta(days=40), 5 * 10**9)):
            book(acme, key, hour=hour, cost_nano=cost, byok_nano=2 * 10**9)

        data = data_of(api.get(f"/keys/{key.hash}"))

        assert (data["usage"], data["usage_daily"], data["usage_monthly"]) == (
            6.000000001,
            1.000000001,
            1.000000001,
        )
        assert (data["byok_usage"], data["byok_usage_daily"]) == (4, 2)
        assert data["limit_remaining"] == 6.999999999
        assert data["last_used_at"] == now.isoformat().replace("+00:00", "Z")

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    def test_beyond_the_limit_leaves_nothing(self, acme: Acme, api: Api):
        key = acme.bob_key.key
        with tenant(acme.organization.pk):
            api_keys.change(key=key, by=STAGE, limit_nano=1)
        book(
            acme,
            key,
            hour=datetime.now(UTC).replace(minute=0, second=0, microsecond=0),
            cost_nano=2,
            byok_nano=0,
        )

        assert data_of(api.get(f"/keys/{key.hash}"))["limit_remaining"] == 0


class TestChangingAKey:
    def test_changes_what_is_named_and_nothing_else(self, acme: Acme, api: Api):
        hash_ = acme.bob_key.key.hash
        before = data_of(api.patch(f"/keys/{hash_}", {"limit": 5, "limit_reset": "monthly"}))

        after = data_of(api.patch(f"/keys/{hash_}", {"name": "Renamed", "disabled": True}))

        changed = {name: after[name] for name in after if after[name] != before[name]} | {"updated_at": None}
        assert changed == {"name": "Renamed", "disabled": True, "updated_at": None}

    def test_lifts_a_limit_with_null(self, acme: Acme, api: Api):
        hash_ = acme.bob_key.key.hash
        api.patch(f"/keys/{hash_}", {"limit": 5, "limit_reset": "monthly"})

        after = data_of(api.patch(f"/keys/{hash_}", {"limit": None}))

        assert (after["limit"], after["limit_remaining"], after["limit_reset"]) == (None, None, "monthly")

    def test_moves_it_to_another_workspace(self, acme: Acme, api: Api):
        hash_ = acme.production_key.key.hash

        after = data_of(api.patch(f"/keys/{hash_}", {"workspace_id": "research"}))

        assert after["workspace_id"] == str(acme.research.public_id)

    def test_does_not_move_it_where_its_owner_is_not(self, acme: Acme, api: Api):
        response = api.patch(f"/keys/{acme.bob_key.key.hash}", {"workspace_id": "research"})

        assert error_of(response)[0] == 409

    def test_does_not_move_it_to_another_organization(self, cast: Cast, api: Api):
        body = {"workspace_id": str(cast.globex.default.public_id)}

        response = api.patch(f"/keys/{cast.acme.production_key.key.hash}", body)

        assert error_of(response) == (400, "workspace_id: there is no such workspace.")

    @pytest.mark.parametrize(
        "body",
        [
            {"expires_at": None},
            {"hash": "x"},
            {"workspace_id": None},
            {"name": ""},
            {"external": {"user": "u"}},
        ],
    )
    def test_refuses_what_cannot_be_changed(self, acme: Acme, api: Api, body: dict[str, Any]):
        assert error_of(api.patch(f"/keys/{acme.bob_key.key.hash}", body))[0] == 400

    def test_that_is_refused_changes_nothing(self, acme: Acme, api: Api):
        hash_ = acme.bob_key.key.hash
        before = api.get(f"/keys/{hash_}").content

        api.patch(f"/keys/{hash_}", {"name": "Renamed", "limit": -1})

        assert api.get(f"/keys/{hash_}").content == before


class TestDeletingAKey:
    def test_ends_it(self, acme: Acme, api: Api):
        path = f"/keys/{acme.bob_key.key.hash}"

        response = api.delete(path)

        assert json.loads(response.content) == {"deleted": True}
        assert api.delete(path).status_code == 404
        assert Api(acme.bob_key.secret).get("/key").status_code == 401

    @pytest.mark.parametrize("hash_", ["x", "0" * 64, "0" * 63, "%00", "A" * 64])
    def test_answers_404_for_what_names_none(self, api: Api, hash_: str):
        assert error_of(api.delete(f"/keys/{hash_}")) == (404, "Resource not found")


def book(acme: Acme, key: ApiKey, *, hour: datetime, cost_nano: int, byok_nano: int) -> None:
    """Usage of a key, as ingest books it, in the purses that there are, too."""
    row = [acme.organization.pk, key.workspace_id, key.pk, hour, cost_nano, byok_nano]
    with (
        unscoped(reason="ingest books for everybody", using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO usage_hour (organization_id, workspace_id, api_key_id, hour, cost_nano, byok_nano,"
            " member_id, model, provider) VALUES (%s, %s, %s, %s, %s, %s, 0, 'm', 'p')",
            row,
        )
        cursor.execute(
            "INSERT INTO api_key_use (api_key_id, organization_id, last_used_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (api_key_id) DO UPDATE SET"
            " last_used_at = greatest(api_key_use.last_used_at, excluded.last_used_at)",
            [key.pk, acme.organization.pk, hour],
        )
        cursor.execute(
            "UPDATE purse SET spent_nano = spent_nano + %s, byok_nano = byok_nano + %s"
            " WHERE subject = ANY(%s) AND window_start <= %s",
            [cost_nano, byok_nano, [api_key_subject(key.pk), workspace_subject(key.workspace_id)], hour],
        )
