"""The cast stands as SPEC §1 says."""

from __future__ import annotations

import pytest

from config.lib.scoping import tenant
from tests.cast import Cast
from workspaces.members import is_member
from workspaces.models import ApiKey


class TestTheCast:
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
