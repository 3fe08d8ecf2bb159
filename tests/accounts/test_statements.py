"""Monthly statements: the ledger's own figures, month by month without a gap."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from django.db import connections

from accounts.models import LedgerEntry, Organization
from accounts.statements import month_after, months_of, read_month, statement
from config.lib.scoping import tenant
from tests.cast import Acme, Cast

pytestmark = pytest.mark.django_db


def book(organization: Organization, kind: str, nano: int, at: datetime) -> None:
    """A line of credits at some time."""
    with tenant(organization.pk):
        LedgerEntry.objects.create(
            organization=organization, kind=kind, account="credits", amount_nano=nano, created_at=at
        )


@pytest.fixture
def booked(acme: Acme) -> Organization:
    """Three months of acme's, to the last microsecond of each."""
    organization = acme.organization
    book(organization, "purchase", 100, datetime(2026, 1, 31, 23, 59, 59, 999_999, UTC))
    book(organization, "usage", -30, datetime(2026, 2, 1, tzinfo=UTC))
    book(organization, "usage", -5, datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC))
    book(organization, "adjustment", 7, datetime(2026, 2, 3, tzinfo=UTC))
    book(organization, "usage", -1, datetime(2026, 3, 1, tzinfo=UTC))
    return organization


class TestAStatement:
    def test_begins_with_what_there_was_and_ends_with_what_is_left(self, booked: Organization):
        with tenant(booked.pk):
            february = statement(booked, datetime(2026, 2, 1, tzinfo=UTC))

        assert (february.opening_nano, february.closing_nano) == (100, 72)
        assert [(row.kind, row.entries, row.amount_nano) for row in february.movements] == [
            ("adjustment", 1, 7),
            ("usage", 2, -35),
        ]

    def test_follows_on_the_one_before(self, booked: Organization):
        with tenant(booked.pk):
            months = [statement(booked, month) for month in months_of(booked)[::-1]]

        assert all(before.closing_nano == after.opening_nano for before, after in pairwise(months))
        assert months[0].month == datetime(2026, 1, 1, tzinfo=UTC)

    def test_of_another_organization_has_none_of_it(self, booked: Organization, cast: Cast):
        globex = cast.globex.organization

        with tenant(globex.pk):
            assert statement(globex, datetime(2026, 2, 1, tzinfo=UTC)).movements == ()

    def test_asks_the_database_twice(self, booked: Organization, django_assert_num_queries):
        with tenant(booked.pk), django_assert_num_queries(2, connection=connections["default"]):
            statement(booked, datetime(2026, 2, 1, tzinfo=UTC))


class TestAMonth:
    @pytest.mark.parametrize(
        "text", ["2026-13", "2026-1", "1999-12", "9999-01", "2026", "", "2026-02-01", "²026-02"]
    )
    def test_that_is_none_is_not_read(self, text: str):
        assert read_month(text) is None

    def test_after_december_is_january(self):
        assert month_after(datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
