"""The page of I/O logging: whether what is said is kept, of whom, and for how long."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts import privacy
from config.lib.scoping import tenant
from observability.settings import WorkspaceObservability, settings_of
from tests.cast import STAGE, Acme
from tests.dashboard_pages import text_of
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

PAGE = "/o/acme/w/production/io-logging"
TYPED: dict[str, Any] = {
    "is_io_logging_enabled": "on",
    "io_logging_sampling_rate": "12.5",
    "retention_days": "14",
    "whose": "all",
}


def kept(acme: Acme) -> WorkspaceObservability:
    """What production keeps."""
    with tenant(acme.organization.pk):
        place = Workspace.objects.for_organization(acme.organization).get(slug="production")
        return settings_of(place)


class TestIoLogging:
    def test_is_said_plainly(self, acme: Acme, viewers: dict[str, Client]) -> None:
        shown = text_of(viewers["alice"].get(PAGE))

        for words in ("What is stored", "Who can see it", "When it goes"):
            assert words in shown

    def test_is_changed_as_a_whole(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(PAGE, TYPED)

        found = kept(acme)
        assert answer["Location"] == PAGE
        assert found.workspace.is_io_logging_enabled
        assert (found.workspace.io_logging_sampling_rate, found.retention_days) == (0.125, 14)
        assert found.keys is None

    def test_is_of_some_keys(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(PAGE, TYPED | {"whose": "some", "keys": [acme.bob_key.key.hash]})

        assert kept(acme).key_hashes == [acme.bob_key.key.hash]

    def test_refuses_keys_of_elsewhere(self, acme: Acme, viewers: dict[str, Client]) -> None:
        typed = TYPED | {"whose": "some", "keys": [acme.alice_key.key.hash]}

        assert viewers["alice"].post(PAGE, typed).status_code == 422

    @pytest.mark.parametrize("days", ["0", "3651", "x", "99999999999999999999"])
    def test_refuses_a_time_that_is_none(self, days: str, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(PAGE, TYPED | {"retention_days": days})

        assert answer.status_code == 422
        assert kept(acme).retention_days == 30

    def test_cannot_be_turned_on_where_the_account_forbids_it(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        with tenant(acme.organization.pk):
            privacy.change(organization=acme.organization, by=STAGE, is_io_logging_allowed=False)

        answer = viewers["alice"].post(PAGE, TYPED)

        assert answer.status_code == 422
        assert "forbid it: nothing is kept" in text_of(answer)
        assert kept(acme).retention_days == 30
