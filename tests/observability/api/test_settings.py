"""GET and PATCH /workspaces/{id}/observability."""

from __future__ import annotations

from typing import Any

import pytest

from accounts import privacy
from accounts.models import Revision, Version
from accounts.revisions import Actor
from config.lib.scoping import tenant
from observability import settings
from observability.models import ObservabilitySettings
from tests.cast import STAGE, Acme
from tests.management_api import Api, data_of, error_of
from workspaces import api_keys

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

PATH = "/workspaces/production/observability"
DEFAULTS = {
    "is_observability_broadcast_enabled": False,
    "is_observability_io_logging_enabled": False,
    "io_logging_sampling_rate": 1,
    "io_logging_api_key_hashes": None,
    "io_logging_retention_days": 30,
    "updated_at": None,
}


@pytest.fixture
def api(acme: Acme) -> Api:
    return Api(acme.management_key.secret)


def version_of(acme: Acme) -> int:
    rows = Version.objects.filter(kind=Version.WORKSPACE, object_id=acme.production.pk)
    return rows.values_list("value", flat=True).first() or 0


class TestAWorkspaceThatSaysNothing:
    def test_tells_and_logs_nothing(self, acme: Acme, api: Api):
        shown = data_of(api.get(PATH))

        assert shown == DEFAULTS | {"workspace_id": str(acme.production.public_id)}


class TestAChange:
    @pytest.mark.parametrize(
        "change",
        [
            {"is_observability_broadcast_enabled": True},
            {"is_observability_io_logging_enabled": True},
            {"io_logging_sampling_rate": 0.25},
            {"io_logging_api_key_hashes": []},
            {"io_logging_retention_days": 1},
            {"io_logging_retention_days": 3650, "is_observability_io_logging_enabled": True},
        ],
    )
    def test_is_shown_and_moves_the_workspaces_version(self, acme: Acme, api: Api, change: dict[str, Any]):
        before = version_of(acme)

        shown = data_of(api.patch(PATH, change))

        assert {name: shown[name] for name in change} == change
        assert data_of(api.get(PATH)) == shown
        assert version_of(acme) > before

    def test_of_the_workspaces_own_columns_is_what_the_contract_shows(self, acme: Acme, api: Api):
        key = acme.bob_key.key
        api.patch(
            PATH, {"is_observability_io_logging_enabled": True, "io_logging_api_key_hashes": [key.hash]}
        )

        shown = data_of(api.get("/workspaces/production"))

        assert shown["is_observability_io_logging_enabled"] is True
        assert shown["io_logging_api_key_ids"] == [key.pk]
        data_of(api.patch("/workspaces/production", {"io_logging_api_key_ids": None}))
        assert data_of(api.get(PATH))["io_logging_api_key_hashes"] is None

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"is_observability_io_logging_enabled": "yes"}, "is_observability_io_logging_enabled: "),
            ({"io_logging_sampling_rate": 0}, "io_logging_sampling_rate: "),
            ({"io_logging_sampling_rate": 1.1}, "io_logging_sampling_rate: "),
            ({"io_logging_retention_days": 0}, "io_logging_retention_days: "),
            ({"io_logging_retention_days": 3651}, "io_logging_retention_days: "),
            ({"io_logging_retention_days": None}, "io_logging_retention_days: "),
            ({"io_logging_api_key_hashes": ["x"]}, "io_logging_api_key_hashes"),
            ({"io_logging_api_key_hashes": [None]}, "io_logging_api_key_hashes"),
            ({"updated_at": None}, "updated_at: "),
        ],
    )
    def test_that_cannot_be_is_400(self, api: Api, change: dict[str, Any], fault: str):
        status, message = error_of(api.patch(PATH, {"io_logging_retention_days": 7} | change))

        assert (status, message.startswith(fault)) == (400, True)
        assert data_of(api.get(PATH))["io_logging_retention_days"] == 30

    def test_names_keys_of_the_workspace_only(self, acme: Acme, api: Api):
        status, _ = error_of(api.patch(PATH, {"io_logging_api_key_hashes": [acme.carol_key.key.hash]}))

        assert status == 400

    def test_to_log_is_refused_where_the_account_forbids_it(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            privacy.change(organization=acme.organization, by=STAGE, is_io_logging_allowed=False)

        change = {"is_observability_io_logging_enabled": True, "io_logging_retention_days": 7}
        status, message = error_of(api.patch(PATH, change))

        assert (status, "do not allow I/O logging" in message) == (400, True)
        assert data_of(api.get(PATH))["io_logging_retention_days"] == 30

    def test_is_undone_by_restoring_what_was_before(self, acme: Acme, api: Api):
        for days in (7, 8):
            api.patch(PATH, {"io_logging_retention_days": days})
        with tenant(acme.organization.pk):
            made, changed = Revision.objects.filter(object_type="observabilitysettings").order_by("pk")

        for revision, days in ((changed, 7), (made, 30)):
            address = f"/revisions/{revision.pk}/restore"
            assert api.post(address, {"to": "before"}).status_code == 200
            assert data_of(api.get(PATH))["io_logging_retention_days"] == days

    def test_survives_the_end_of_a_key_that_it_names(self, acme: Acme, api: Api):
        with tenant(acme.organization.pk):
            key = api_keys.issue(workspace=acme.production, name="brief", by=STAGE).key
        api.patch(PATH, {"io_logging_api_key_hashes": [key.hash]})

        api.delete(f"/keys/{key.hash}")

        assert api.patch(PATH, {"io_logging_sampling_rate": 0.5}).status_code == 200


class TestTheDomain:
    def test_knows_no_other_settings(self, acme: Acme):
        with tenant(acme.organization.pk), pytest.raises(TypeError, match="no changeable nonsense"):
            settings.change(workspace=acme.production, by=STAGE, nonsense=1)

    @pytest.mark.parametrize("days", [0, 3651])
    def test_refuses_a_retention_out_of_range(self, acme: Acme, days: int):
        with tenant(acme.organization.pk), pytest.raises(settings.InvalidRetention):
            settings.change(workspace=acme.production, by=STAGE, retention_days=days)

    def test_forgets_a_retention_once(self, acme: Acme):
        with tenant(acme.organization.pk):
            settings.change(workspace=acme.production, by=Actor(door="shell"), retention_days=3)
            for _ in range(2):
                settings.reset(workspace=acme.production, by=STAGE)

            assert not ObservabilitySettings.objects.exists()
