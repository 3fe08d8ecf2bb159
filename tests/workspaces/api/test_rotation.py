"""/keys/{hash}/rotate and /keys/{hash}/secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import Revision
from config.lib.keys import hash_of
from config.lib.scoping import tenant
from tests.cast import Acme, Cast
from tests.management_api import Api, at_once, data_of, error_of
from workspaces.models import ApiKey, FormerSecret

pytestmark = pytest.mark.django_db

PARTNER_SECRET = "p4rtner-Ab9xQ2mLk7Zr0tYw3eUi8oPs5dFg1hJ"


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


@pytest.fixture
def address(acme: Acme) -> str:
    """bob's key, by the hash of its first secret."""
    return f"/keys/{acme.bob_key.key.hash}"


def rotated(api: Api, address: str, **body: Any) -> str:
    """The new secret."""
    response = api.post(f"{address}/rotate", body)
    assert response.status_code == 200, response.content
    return str(response.json()["key"])


def opens(secret: str) -> bool:
    """Whether the management API knows the secret's key."""
    return bool(Api(secret).get("/key").status_code == 200)


def let_grace_pass(acme: Acme) -> None:
    """As if the grace of every former secret had ended a moment ago."""
    with tenant(acme.organization.pk):
        FormerSecret.objects.for_organization(acme.organization).update(
            works_until=timezone.now() - timedelta(milliseconds=1)
        )


class TestRotatingAKey:
    def test_shows_the_new_secret_once_and_its_hash(self, acme: Acme, api: Api, address: str):
        response = api.post(f"{address}/rotate", {})

        secret, data = response.json()["key"], response.json()["data"]
        assert data["hash"] == hash_of(secret) != acme.bob_key.key.hash
        assert data["label"] == f"{secret[:12]}...{secret[-3:]}"
        assert secret not in api.get(f"/keys/{data['hash']}").content.decode()
        assert secret not in api.get(f"/keys/{data['hash']}/secrets").content.decode()

    def test_keeps_everything_else_of_the_key(self, acme: Acme, api: Api, address: str):
        before = data_of(api.get(address))

        rotated(api, address)

        after = data_of(api.get(address))
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"hash", "label", "updated_at"}
        with tenant(acme.organization.pk):
            assert ApiKey.objects.get(hash=after["hash"]).pk == acme.bob_key.key.pk

    def test_lets_both_secrets_open_it_until_the_grace_ends(self, acme: Acme, api: Api, address: str):
        secret = rotated(api, address, grace_seconds=3600)
        assert (opens(acme.bob_key.secret), opens(secret)) == (True, True)

        let_grace_pass(acme)

        assert (opens(acme.bob_key.secret), opens(secret)) == (False, True)

    def test_has_a_grace_of_a_day_where_none_is_named(self, acme: Acme, api: Api, address: str):
        rotated(api, address)

        (former,) = [row for row in data_of(api.get(f"{address}/secrets")) if not row["is_current"]]
        left = datetime.fromisoformat(former["works_until"]) - datetime.now(UTC)
        assert timedelta(hours=23, minutes=55) < left <= timedelta(days=1)

    def test_ends_the_old_secret_at_once_when_the_grace_is_0(self, acme: Acme, api: Api, address: str):
        secret = rotated(api, address, grace_seconds=0)

        assert (opens(acme.bob_key.secret), opens(secret)) == (False, True)

    def test_waits_for_the_grace_of_the_secret_before(self, acme: Acme, api: Api, address: str):
        second = rotated(api, address)

        assert error_of(api.post(f"{address}/rotate", {"grace_seconds": 60}))[0] == 409
        third = rotated(api, address, grace_seconds=0)
        assert [opens(secret) for secret in (acme.bob_key.secret, second, third)] == [False, False, True]

    def test_can_be_repeated_without_end(self, acme: Acme, api: Api, address: str):
        for _ in range(3):
            rotated(api, address, grace_seconds=0)

        assert len(data_of(api.get(f"{address}/secrets"))) == 4

    def test_is_recorded_without_any_secret_or_hash(self, acme: Acme, api: Api, address: str):
        secret = rotated(api, address)

        with tenant(acme.organization.pk):
            revision = Revision.objects.filter(object_type="apikey").order_by("-pk")[0]
        written = f"{revision.before} {revision.after} {revision.reason}"
        assert (revision.action, revision.door) == ("update", "api")
        assert [text for text in (secret, hash_of(secret), acme.bob_key.key.hash) if text in written] == []

    def test_is_done_once_with_an_idempotency_key(self, api: Api, address: str):
        answers = [
            api.post(f"{address}/rotate", {"grace_seconds": 0}, Idempotency_Key="deploy") for _ in range(2)
        ]

        assert answers[0].json() == answers[1].json()

    @pytest.mark.parametrize(
        "body",
        [
            {"grace_seconds": -1},
            {"grace_seconds": 2_592_001},
            {"grace_seconds": 1.5},
            {"grace_seconds": "60"},
            {"grace_seconds": None},
            {"grace_seconds": True},
            {"grace_seconds": 10**30},
            {"hash": "f" * 64},
            [],
        ],
    )
    def test_refuses_what_is_no_grace(self, acme: Acme, api: Api, address: str, body: Any):
        assert error_of(api.post(f"{address}/rotate", body))[0] == 400
        assert opens(acme.bob_key.secret)


class TestTheHashOfAFormerSecret:
    def test_still_addresses_the_key(self, acme: Acme, api: Api, address: str):
        secret = rotated(api, address)
        let_grace_pass(acme)

        read = data_of(api.get(address))
        changed = data_of(api.patch(address, {"name": "Renamed"}))

        assert (read["hash"], changed["hash"], changed["name"]) == (
            hash_of(secret),
            hash_of(secret),
            "Renamed",
        )

    def test_does_not_delete_the_key_by_mistake(self, acme: Acme, api: Api, address: str):
        secret = rotated(api, address)

        status, message = error_of(api.delete(address))

        assert (status, hash_of(secret) in message) == (409, True)
        assert opens(secret)
        assert api.delete(f"/keys/{hash_of(secret)}").status_code == 200
        assert (opens(secret), opens(acme.bob_key.secret)) == (False, False)

    def test_addresses_nothing_for_another_organization(self, cast: Cast, api: Api, address: str):
        rotated(api, address)

        foreign = Api(cast.globex.management_key.secret)

        assert foreign.get(address).content == foreign.get(f"/keys/{'0' * 64}").content


class TestAFormerSecret:
    def test_can_be_ended_at_once(self, acme: Acme, api: Api, address: str):
        secret = rotated(api, address)

        assert data_of_deletion(api.delete(f"{address}/secrets/{acme.bob_key.key.hash}")) is True
        assert data_of_deletion(api.delete(f"{address}/secrets/{acme.bob_key.key.hash}")) is True

        assert (opens(acme.bob_key.secret), opens(secret)) == (False, True)

    def test_is_not_the_present_one(self, api: Api, address: str):
        secret = rotated(api, address)

        assert error_of(api.delete(f"{address}/secrets/{hash_of(secret)}"))[0] == 409
        assert opens(secret)

    @pytest.mark.parametrize("digest", ["0" * 64, "nonsense", "%00"])
    def test_that_is_unknown_is_not_found(self, api: Api, address: str, digest: str):
        assert error_of(api.delete(f"{address}/secrets/{digest}"))[0] == 404

    def test_of_another_key_is_not_found(self, acme: Acme, api: Api, address: str):
        rotated(api, address)
        other = f"/keys/{acme.carol_key.key.hash}"

        assert error_of(api.delete(f"{other}/secrets/{acme.bob_key.key.hash}"))[0] == 404

    def test_opens_no_key_that_is_disabled(self, acme: Acme, api: Api, address: str):
        rotated(api, address)
        api.patch(address, {"disabled": True})

        assert not opens(acme.bob_key.secret)


class TestThePartnersOwnSecret:
    def test_survives_a_rotation(self, api: Api):
        body = {"name": "New", "external": {"user": "c", "api_key": PARTNER_SECRET}}
        made = data_of(api.post("/keys", body), status=201)

        rotated(api, f"/keys/{made['hash']}", grace_seconds=0)

        assert opens(PARTNER_SECRET)
        shown = data_of(api.get(f"/keys/{made['hash']}/secrets"))
        assert [(row["label"] is None, row["hash"] is None) for row in shown] == [
            (False, False),
            (True, True),
            (False, False),
        ]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestTheLastUse:
    def test_is_told_per_secret(self, acme: Acme, api: Api, address: str):
        before, old, new = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3))
        used(acme.bob_key.key, before)
        assert last_uses(api, address) == [before]

        rotated(api, address)
        assert last_uses(api, address) == [None, before]

        used(acme.bob_key.key, old, number=1)
        used(acme.bob_key.key, new, number=2)
        assert last_uses(api, address) == [new, old]
        assert data_of(api.get(address))["last_used_at"] == "2026-01-03T00:00:00Z"


@pytest.mark.django_db(transaction=True)
class TestTwoRotationsAtOnce:
    def test_leave_two_working_secrets_and_not_three(self, acme: Acme, api: Api, address: str):
        statuses = at_once(
            lambda: Api(acme.management_key.secret).post(f"{address}/rotate", {}).status_code, times=3
        )

        assert sorted(statuses) == [200, 409, 409]
        assert len(data_of(api.get(f"{address}/secrets"))) == 2
        assert opens(acme.bob_key.secret)


def data_of_deletion(response: Any) -> bool:
    """What a deletion says."""
    return bool(response.json()["deleted"])


def last_uses(api: Api, address: str) -> list[datetime | None]:
    """When each secret was last used, the present one first."""
    shown = [row["last_used_at"] for row in data_of(api.get(f"{address}/secrets"))]
    return [datetime.fromisoformat(text) if text else None for text in shown]


def used(key: ApiKey, at: datetime, *, number: int | None = None) -> None:
    """Note a use as ingest does."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO api_key_use (api_key_id, organization_id, last_used_at) VALUES (%s, %s, %s)"
            " ON CONFLICT (api_key_id) DO UPDATE SET last_used_at = excluded.last_used_at",
            [key.pk, key.organization_id, at],
        )
        if number is not None:
            cursor.execute(
                "INSERT INTO secret_use (api_key_id, organization_id, number, last_used_at)"
                " VALUES (%s, %s, %s, %s)",
                [key.pk, key.organization_id, number, at],
            )
