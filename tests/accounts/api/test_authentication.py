"""Who may call the management API, and what everybody else is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts import management_keys
from accounts.models import ManagementKey
from accounts.organizations import remove_member
from config.lib.keys import hash_of
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast, acting
from tests.management_api import Api, error_of
from workspaces import api_keys

UNKNOWN = "sk-hg-mgmt-v1-" + "0" * 64
INVALID = (401, "Invalid API key")


class TestAKey:
    def test_is_needed(self, db: None):
        response = Api(None).get("/workspaces")

        assert error_of(response) == (401, "Missing Authentication header")
        assert response["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "header", ["Basic abc", "Bearer", "Bearer ", "sk-hg-mgmt-v1-x", "\x00", "Bearer é"]
    )
    def test_comes_as_a_bearer_token(self, db: None, header: str):
        api = Api(None)
        api.headers = {"Authorization": header}

        assert api.get("/workspaces").status_code == 401

    def test_may_come_as_x_api_key(self, acme: Acme):
        api = Api(None)
        api.headers = {"x-api-key": acme.management_key.secret}

        assert api.get("/workspaces").status_code == 200

    def test_comes_alone(self, cast: Cast):
        api = Api(cast.acme.management_key.secret)
        api.headers["x-api-key"] = cast.globex.management_key.secret

        assert error_of(api.get("/workspaces")) == (400, "Two different API keys were sent.")

    def test_is_never_its_hash(self, acme: Acme):
        assert error_of(Api(hash_of(acme.management_key.secret)).get("/workspaces")) == INVALID

    def test_that_is_unknown_is_refused(self, db: None):
        assert error_of(Api(UNKNOWN).get("/workspaces")) == INVALID


class TestADeadManagementKey:
    @pytest.mark.parametrize(
        "change",
        [
            {"is_disabled": True},
            {"expires_at": datetime.now(UTC) - timedelta(seconds=1)},
        ],
    )
    def test_that_is_disabled_or_expired_is_refused(self, acme: Acme, change: dict[str, object]):
        with tenant(acme.organization.pk):
            ManagementKey.objects.filter(pk=acme.management_key.key.pk).update(**change)

        assert error_of(Api(acme.management_key.secret).get("/workspaces")) == INVALID

    def test_that_is_revoked_is_refused(self, acme: Acme):
        with tenant(acme.organization.pk):
            management_keys.revoke(key=acme.management_key.key, by=STAGE)

        assert error_of(Api(acme.management_key.secret).get("/workspaces")) == INVALID


class TestADeadInferenceKey:
    @pytest.mark.parametrize(
        "change", [{"is_disabled": True}, {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}]
    )
    def test_that_is_disabled_or_expired_is_refused(self, acme: Acme, change: dict[str, object]):
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.bob_key.key, by=STAGE, **change)

        assert error_of(Api(acme.bob_key.secret).get("/key")) == INVALID

    def test_that_is_deleted_is_refused(self, acme: Acme):
        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)

        assert error_of(Api(acme.bob_key.secret).get("/key")) == INVALID

    def test_whose_owner_left_the_organization_is_refused(self, acme: Acme):
        with tenant(acme.organization.pk):
            remove_member(membership=acme.bob, by=acting(acme.alice))

        assert error_of(Api(acme.bob_key.secret).get("/key")) == INVALID
