"""The cast stands as SPEC §1 says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.apps import apps
from django.db import transaction

from config.lib.scoping import tenant, unscoped
from tests.cast import Cast, assemble
from tests.recorded_cast import RecordedCast
from workspaces.members import is_member
from workspaces.models import ApiKey


def rows_after(make: Callable[[], Cast]) -> dict[str, int]:
    """How many rows of each model there are once somebody has put the cast on the stage."""
    with transaction.atomic():
        make()
        with unscoped(reason="the cast is in two organizations"):
            counts = {model._meta.label: model._base_manager.count() for model in apps.get_models()}
        transaction.set_rollback(True)
    return counts


class TestTheCast:
    def test_is_entered_as_the_domain_functions_make_it(self, db: None, recorded_cast: RecordedCast):
        entered, assembled = rows_after(recorded_cast.enter), rows_after(assemble)

        assert entered == assembled
        assert entered["workspaces.ApiKey"] == 8

    def test_has_keys_that_open(self, cast: Cast):
        found = ApiKey.objects.unscoped(reason="by its hash, as the gateway does")

        assert found.get(hash=cast.acme.bob_key.key.hash).owner_id == cast.acme.bob.pk

    def test_gives_acme_three_workspaces_and_their_people(self, cast: Cast):
        acme = cast.acme

        with tenant(acme.organization.pk):
            in_production = {
                name: is_member(getattr(acme, name), acme.production) for name in ("alice", "bob", "carol")
            }

        assert in_production == {"alice": True, "bob": True, "carol": False}

    @pytest.mark.django_db(transaction=True)
    def test_can_be_committed_for_other_connections(self, cast: Cast):
        with tenant(cast.globex.organization.pk):
            labels = set(ApiKey.objects.values_list("name", flat=True))

        assert labels == {"mallory's key", "globex system key"}
