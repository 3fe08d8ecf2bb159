"""/external-users and /external-users/{user}."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision
from accounts.restoring import Recorded, restorers
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from workspaces.external_users import register
from workspaces.models import ExternalUser

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def registered(api: Api, user: str) -> dict[str, Any]:
    """A new registration as the API describes it."""
    described: dict[str, Any] = data_of(api.post("/external-users", {"user": user}), status=201)
    return described


def revisions_of(acme: Acme) -> list[str]:
    """What was recorded of registrations, oldest first."""
    with tenant(acme.organization.pk):
        rows = Revision.objects.filter(object_type="externaluser").order_by("pk")
        return [row.action for row in rows]


class TestRegistering:
    def test_shows_the_id_as_it_was_sent(self, api: Api):
        data = registered(api, "Kunde Ü/7?#%")

        assert (data["user"], data["is_active"]) == ("Kunde Ü/7?#%", True)
        assert data["created_at"].endswith("Z")
        assert data["updated_at"].endswith("Z")

    def test_tells_upper_from_lower_case(self, api: Api):
        registered(api, "customer")

        assert registered(api, "Customer")["user"] == "Customer"

    def test_is_refused_the_second_time_even_when_inactive(self, api: Api):
        registered(api, "customer-7")
        api.delete("/external-users/customer-7")

        assert error_of(api.post("/external-users", {"user": "customer-7"}))[0] == 409

    def test_knows_nothing_of_other_organizations(self, api: Api, cast: Cast):
        registered(api, "customer-7")

        assert registered(Api(cast.globex.management_key.secret), "customer-7")["user"] == "customer-7"

    def test_is_recorded(self, acme: Acme, api: Api):
        registered(api, "customer-7")

        assert revisions_of(acme) == ["create"]

    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ({}, "user"),
            ({"user": ""}, "user"),
            ({"user": 7}, "user"),
            ({"user": None}, "user"),
            ({"user": " customer"}, "user"),
            ({"user": "customer\t"}, "user"),
            ({"user": "x" * 513}, "user"),
            ({"user": "a\x00b"}, "user"),
            ({"user": "a\ud800b"}, "user"),
            ({"user": "x", "is_active": True}, "is_active"),
            ({"user": "x" * 512, "nonsense": 1}, "nonsense"),
            ([], "object"),
        ],
    )
    def test_refuses_what_is_no_id(self, api: Api, body: Any, word: str):
        status, message = error_of(api.post("/external-users", body))

        assert status == 400
        assert word in message

    def test_is_done_once_with_an_idempotency_key(self, api: Api):
        answers = [api.post("/external-users", {"user": "c"}, Idempotency_Key="1") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].content == answers[1].content


class TestOneRegistration:
    @pytest.mark.parametrize("user", ["customer-7", "a/b", "a/", "Ü", "a%2Fb", "a b", "x" * 512, "keys"])
    def test_is_addressed_by_its_id(self, api: Api, user: str):
        registered(api, user)
        address = "".join(f"%{byte:02X}" for byte in user.encode())

        assert data_of(api.get(f"/external-users/{address}"))["user"] == user

    def test_is_deactivated_and_activated(self, acme: Acme, api: Api):
        first = registered(api, "customer-7")

        assert api.delete("/external-users/customer-7").status_code == 204
        assert api.delete("/external-users/customer-7").status_code == 204
        inactive = data_of(api.get("/external-users/customer-7"))
        active = data_of(api.patch("/external-users/customer-7", {"is_active": True}))

        assert (inactive["is_active"], active["is_active"]) == (False, True)
        assert first["created_at"] == active["created_at"]
        assert first["updated_at"] < inactive["updated_at"] < active["updated_at"]
        assert revisions_of(acme) == ["create", "update", "update"]

    @pytest.mark.parametrize(
        "body",
        [{}, {"is_active": None}, {"is_active": "true"}, {"user": "other"}, {"is_active": True, "x": 1}],
    )
    def test_takes_nothing_but_its_state(self, api: Api, body: Any):
        registered(api, "customer-7")

        assert error_of(api.patch("/external-users/customer-7", body))[0] == 400

    @pytest.mark.parametrize(
        "address", ["unknown", "customer", "%00", "%ED%A0%80", "x" * 3000, "customer-7/"]
    )
    def test_that_is_unknown_is_not_found(self, api: Api, address: str):
        registered(api, "customer-7")

        assert error_of(api.get(f"/external-users/{address}"))[0] == 404

    def test_of_another_organization_is_as_unknown_as_one_that_nobody_has(self, cast: Cast, api: Api):
        registered(api, "customer-7")
        foreign = Api(cast.globex.management_key.secret)

        answers, counts = [], []
        for user in ("customer-7", "customer-8"):
            with CaptureQueriesContext(connection) as queries:
                answers.append(foreign.get(f"/external-users/{user}").content)
            counts.append(len(queries))

        assert answers[0] == answers[1]
        assert counts[0] == counts[1]


class TestTheList:
    def test_has_active_ones_in_a_stable_order_and_counts_them(self, api: Api):
        for user in ("c", "a", "b"):
            registered(api, user)
        api.delete("/external-users/a")

        listed = api.get("/external-users").json()
        everybody = api.get("/external-users", include_inactive="true", offset=1, limit=1).json()

        assert ([row["user"] for row in listed["data"]], listed["total_count"]) == (["c", "b"], 2)
        assert ([row["user"] for row in everybody["data"]], everybody["total_count"]) == (["a"], 3)

    def test_finds_one_by_its_id(self, api: Api):
        registered(api, "..")
        registered(api, "other")

        assert [row["user"] for row in data_of(api.get("/external-users", user=".."))] == [".."]

    @pytest.mark.parametrize(
        "query", [{"limit": 101}, {"offset": -1}, {"include_inactive": "no"}, {"user": "\x00"}]
    )
    def test_refuses_what_it_does_not_understand(self, api: Api, query: dict[str, Any]):
        assert error_of(api.get("/external-users", **query))[0] == 400

    def test_takes_as_many_queries_however_long_it_is(self, api: Api):
        counts = []
        for users in (("a",), ("b", "c", "d")):
            for user in users:
                registered(api, user)
            with CaptureQueriesContext(connection) as queries:
                api.get("/external-users")
            counts.append(len(queries))

        assert counts[0] == counts[1]


class TestRestoring:
    def test_brings_back_the_state_and_never_the_absence(self, acme: Acme):
        with tenant(acme.organization.pk):
            user = register(organization=acme.organization, identifier="c", by=STAGE)
            restore = restorers.at("externaluser")

            restore(Recorded(acme.organization.pk, str(user.pk), None), STAGE)
            absent = ExternalUser.objects.get(pk=user.pk).is_active
            restore(Recorded(acme.organization.pk, str(user.pk), {"is_active": True}), STAGE)

            assert (absent, ExternalUser.objects.get(pk=user.pk).is_active) == (False, True)
