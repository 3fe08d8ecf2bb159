"""A POST with an Idempotency-Key is done once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections
from django.urls import URLPattern, get_resolver

from accounts import idempotency
from accounts.models import IdempotentAnswer
from config.lib.scoping import tenant
from observability.api.analytics import AnalyticsFileView
from tests.cast import Acme, Cast
from tests.management_api import Api, data_of, error_of
from workspaces.models import ApiKey

BODY = {"name": "Deploy"}


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def names_of_keys(acme: Acme) -> list[str]:
    """The names of the Default workspace's keys."""
    with tenant(acme.organization.pk):
        return list(ApiKey.objects.for_workspace(acme.default).values_list("name", flat=True))


class TestRepeatingAPost:
    def test_gives_the_same_answer_with_its_status_and_does_nothing(self, acme: Acme, api: Api):
        first = api.post("/keys", BODY, Idempotency_Key="one")

        second = api.post("/keys", BODY, Idempotency_Key="one")

        assert (second.status_code, second.content) == (201, first.content)
        assert names_of_keys(acme).count("Deploy") == 1

    def test_with_another_body_is_refused(self, api: Api):
        api.post("/keys", BODY, Idempotency_Key="one")

        response = api.post("/keys", {"name": "Other"}, Idempotency_Key="one")

        assert error_of(response) == (422, "This Idempotency-Key was used for a different request.")

    def test_at_another_address_is_refused(self, api: Api):
        api.post("/keys", BODY, Idempotency_Key="one")

        response = api.post("/workspaces", BODY, Idempotency_Key="one")

        assert response.status_code == 422

    def test_with_another_key_does_it_again(self, acme: Acme, api: Api):
        api.post("/keys", BODY, Idempotency_Key="one")

        api.post("/keys", BODY, Idempotency_Key="two")

        assert names_of_keys(acme).count("Deploy") == 2

    def test_of_another_organization_is_another_request(self, cast: Cast, api: Api):
        mine = api.post("/keys", BODY, Idempotency_Key="one")

        theirs = Api(cast.globex.management_key.secret).post("/keys", BODY, Idempotency_Key="one")

        assert theirs.status_code == 201
        assert theirs.content != mine.content

    def test_after_a_day_does_it_again(self, acme: Acme, api: Api):
        api.post("/keys", BODY, Idempotency_Key="one")
        with tenant(acme.organization.pk):
            IdempotentAnswer.objects.update(created_at=datetime.now(UTC) - timedelta(hours=24, seconds=1))

        response = api.post("/keys", BODY, Idempotency_Key="one")

        assert response.status_code == 201
        assert names_of_keys(acme).count("Deploy") == 2

    def test_that_was_refused_asks_again(self, api: Api):
        api.post("/keys", {"name": "Deploy", "limit": -1}, Idempotency_Key="one")

        response = api.post("/keys", BODY, Idempotency_Key="one")

        assert response.status_code == 201

    @pytest.mark.parametrize("key", ["", "x" * 256, "ümlaut"])
    def test_needs_a_sensible_key(self, api: Api, key: str):
        assert error_of(api.post("/keys", BODY, Idempotency_Key=key))[0] == 400

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    def test_while_the_first_is_in_flight_is_refused(self, acme: Acme, api: Api):
        caller = f"management_key:{acme.management_key.key.pk}"
        ask = idempotency.Ask(acme.organization.pk, caller, "one", acme.management_key.secret, "")
        number = int.from_bytes(bytes.fromhex(ask.key_hash)[:8], "big", signed=True)
        with connections["owner"].cursor() as other:
            other.execute("SELECT pg_advisory_lock(%s)", [number])

            response = api.post("/keys", BODY, Idempotency_Key="one")

        assert response.status_code == 409
        assert response["Retry-After"] == "1"


class TestAStoredAnswer:
    def test_does_not_show_the_new_key(self, acme: Acme, api: Api):
        response = api.post("/keys", BODY, Idempotency_Key="one")

        with connection.cursor() as cursor, tenant(acme.organization.pk):
            cursor.execute("SELECT idempotent_answer::text FROM idempotent_answer")
            (row,) = cursor.fetchone()

        assert data_of(response, status=201)["hash"] not in row
        assert response.json()["key"] not in row

    def test_belongs_to_its_organization(self, cast: Cast, api: Api):
        api.post("/keys", BODY, Idempotency_Key="one")

        with tenant(cast.globex.organization.pk), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM idempotent_answer")
            (seen,) = cursor.fetchone()

        assert seen == 0


class TestEveryPost:
    def test_takes_an_idempotency_key(self):
        routes = [
            found for found in get_resolver("config.urls.api").url_patterns if isinstance(found, URLPattern)
        ]
        views = {route.callback.view_class for route in routes if hasattr(route.callback, "view_class")}

        posting = [view for view in views - {AnalyticsFileView} if hasattr(view, "post")]  # which only reads
        without = [view for view in posting if not hasattr(view.post, "__wrapped__")]

        assert without == []
