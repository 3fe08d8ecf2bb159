"""What organizations were told, for as long as it is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Notification
from accounts.notifications import history
from config.lib.scoping import tenant
from tests.cast import Acme

pytestmark = pytest.mark.django_db


class TestForgettingWhatWasTold:
    def test_begins_after_a_year_and_goes_in_pieces(self, acme: Acme, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(history, "ROWS_AT_ONCE", 1)
        with tenant(acme.organization.pk):
            for days in (364, 366, 367):
                told = Notification.objects.create(
                    organization=acme.organization,
                    kind="low_balance",
                    subject="balance",
                    title=f"{days} days",
                )
                Notification.objects.filter(pk=told.pk).update(
                    created_at=timezone.now() - timedelta(days=days)
                )

        pieces = [history.forget_old() for _ in range(3)]

        with tenant(acme.organization.pk):
            left = list(Notification.objects.values_list("title", flat=True))
        assert (pieces, left) == ([1, 1, 0], ["364 days"])
