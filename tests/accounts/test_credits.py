"""Deposits, refunds, adjustments and transfers: each booked once, in balance, and never more than there is."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections, transaction

from accounts.credits import (
    MoreThanLeft,
    NotADeposit,
    NotAPurchase,
    ReferenceTaken,
    deposit,
    deposited_nano,
    refund,
    transfer,
)
from accounts.models import Invoice, LedgerEntry, Organization, Revision
from accounts.restoring import CannotRestore, Recorded, restorers
from config.lib.scoping import tenant
from config.lib.subjects import organization_subject
from tests.books_check import violations
from tests.cast import STAGE, Cast, acting
from workspaces.models import Purse

pytestmark = pytest.mark.django_db

USD = 10**9


def buy(organization: Organization, nano: int, **options: Any) -> UUID:
    """A purchase by staff; the answer is its transaction."""
    with tenant(organization.pk):
        return deposit(
            organization=organization,
            kind=LedgerEntry.PURCHASE,
            amount_nano=nano,
            description="bought",
            by=STAGE,
            **options,
        )


def take_back(organization: Organization, purchase: UUID, nano: int, **options: Any) -> UUID:
    """A refund."""
    with tenant(organization.pk):
        return refund(
            organization=organization,
            purchase=purchase,
            amount_nano=nano,
            description="back",
            by=STAGE,
            **options,
        )


def move(source: Organization, destination: Organization, nano: int, **options: Any) -> UUID:
    """A transfer."""
    return transfer(
        source=source, destination=destination, amount_nano=nano, description="moved", by=STAGE, **options
    )


def owned(organization: Organization) -> tuple[int, int]:
    """What was deposited, and what the purse may spend."""
    with tenant(organization.pk):
        purse = Purse.objects.get(subject=organization_subject(organization.pk), interval="t")
        return deposited_nano(organization), purse.limit_nano or 0


def spend(organization: Organization, nano: int) -> None:
    """What ingest books for usage."""
    with tenant(organization.pk):
        for account, amount in (("credits", -nano), ("usage", nano)):
            LedgerEntry.objects.create(
                transaction=UUID(int=7),
                organization=organization,
                kind="usage",
                account=account,
                amount_nano=amount,
            )


class TestAPurchase:
    def test_is_balanced_and_says_who_and_why(self, cast: Cast):
        acme = cast.acme.organization
        with tenant(acme.pk):
            bought = deposit(
                organization=acme,
                kind=LedgerEntry.PURCHASE,
                amount_nano=5 * USD,
                description="Bank transfer of 3 May",
                by=acting(cast.acme.alice),
            )

            lines = list(LedgerEntry.objects.filter(transaction=bought).order_by("account"))

        assert [(line.account, line.amount_nano) for line in lines] == [
            ("credits", 5 * USD),
            ("payments", -5 * USD),
        ]
        assert {line.created_by_id for line in lines} == {cast.acme.alice.user_id}
        assert owned(acme) == (5 * USD, 5 * USD)

    def test_is_a_revision_with_its_door_and_reason(self, cast: Cast):
        buy(cast.acme.organization, USD)

        with tenant(cast.acme.organization.pk):
            revision = Revision.objects.filter(object_type="ledgerentry").get()
        assert (revision.action, revision.door, revision.reason) == ("create", "shell", "bought")
        assert revision.after["amount_nano"] == USD

    def test_is_not_rolled_back(self, cast: Cast):
        with pytest.raises(CannotRestore, match="refund or an adjustment"):
            restorers.at("ledgerentry")(Recorded(cast.acme.organization.pk, "1", None), STAGE)

    @pytest.mark.parametrize(
        ("kind", "nano"), [("purchase", 0), ("purchase", -1), ("usage", 1), ("adjustment", 0)]
    )
    def test_of_nothing_or_of_another_kind_is_none(self, cast: Cast, kind: str, nano: int):
        acme = cast.acme.organization

        with tenant(acme.pk), pytest.raises(NotADeposit):
            deposit(organization=acme, kind=kind, amount_nano=nano, description="", by=STAGE)

    def test_is_booked_once_under_its_reference(self, cast: Cast):
        first = buy(cast.acme.organization, USD, reference="wire 1")

        again = buy(cast.acme.organization, USD, reference="wire 1")

        assert again == first
        assert owned(cast.acme.organization) == (USD, USD)

    def test_of_another_amount_is_refused_under_that_reference(self, cast: Cast):
        buy(cast.acme.organization, USD, reference="wire 1")

        with pytest.raises(ReferenceTaken):
            buy(cast.acme.organization, 2 * USD, reference="wire 1")

    def test_of_another_organization_may_have_the_same_reference(self, cast: Cast):
        buy(cast.acme.organization, USD, reference="wire 1")

        buy(cast.globex.organization, 2 * USD, reference="wire 1")

        assert owned(cast.globex.organization) == (2 * USD, 2 * USD)

    def test_is_never_changed(self, cast: Cast):
        buy(cast.acme.organization, USD)

        with tenant(cast.acme.organization.pk):
            for statement in ("UPDATE ledger_entry SET amount_nano = 1", "DELETE FROM invoice"):
                with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                    connection.cursor().execute(statement)


class TestARefund:
    def test_takes_back_what_it_says_and_names_the_purchase(self, cast: Cast):
        bought = buy(cast.acme.organization, 5 * USD)

        back = take_back(cast.acme.organization, bought, 2 * USD)

        with tenant(cast.acme.organization.pk):
            line = LedgerEntry.objects.get(transaction=back, account="credits")
        assert (line.amount_nano, line.refers_to) == (-2 * USD, bought)
        assert owned(cast.acme.organization) == (3 * USD, 3 * USD)

    def test_is_never_more_than_is_left(self, cast: Cast):
        bought = buy(cast.acme.organization, 5 * USD)
        take_back(cast.acme.organization, bought, 3 * USD)

        with pytest.raises(MoreThanLeft):
            take_back(cast.acme.organization, bought, 2 * USD + 1)

        take_back(cast.acme.organization, bought, 2 * USD)
        assert owned(cast.acme.organization) == (0, 0)

    def test_of_what_was_spent_leaves_a_debt(self, cast: Cast):
        bought = buy(cast.acme.organization, 5 * USD)
        spend(cast.acme.organization, 4 * USD)

        take_back(cast.acme.organization, bought, 5 * USD)

        assert owned(cast.acme.organization) == (0, 0)

    @pytest.mark.parametrize("nano", [0, -1])
    def test_of_nothing_or_less_is_none(self, cast: Cast, nano: int):
        bought = buy(cast.acme.organization, USD)

        with pytest.raises(NotADeposit):
            take_back(cast.acme.organization, bought, nano)

    def test_of_an_unknown_purchase_is_refused(self, cast: Cast):
        with pytest.raises(NotAPurchase):
            take_back(cast.acme.organization, uuid.uuid4(), 1)

    def test_of_somebody_elses_purchase_is_refused(self, cast: Cast):
        theirs = buy(cast.globex.organization, USD)

        with pytest.raises(NotAPurchase):
            take_back(cast.acme.organization, theirs, 1)

    def test_of_an_adjustment_is_refused(self, cast: Cast):
        acme = cast.acme.organization
        with tenant(acme.pk):
            given = deposit(
                organization=acme, kind="adjustment", amount_nano=USD, description="gift", by=STAGE
            )

        with pytest.raises(NotAPurchase):
            take_back(acme, given, 1)

    def test_is_booked_once_under_its_reference(self, cast: Cast):
        bought = buy(cast.acme.organization, 5 * USD)
        first = take_back(cast.acme.organization, bought, USD, reference="back 1")

        assert take_back(cast.acme.organization, bought, USD, reference="back 1") == first
        assert owned(cast.acme.organization) == (4 * USD, 4 * USD)


class TestAnAdjustment:
    @pytest.mark.parametrize("nano", [3 * USD, -3 * USD])
    def test_goes_either_way(self, cast: Cast, nano: int):
        acme = cast.acme.organization
        with tenant(acme.pk):
            deposit(organization=acme, kind="adjustment", amount_nano=nano, description="why", by=STAGE)

        assert owned(acme) == (nano, nano)

    def test_has_no_invoice(self, cast: Cast):
        acme = cast.acme.organization
        with tenant(acme.pk):
            deposit(organization=acme, kind="adjustment", amount_nano=1, description="why", by=STAGE)

            assert not Invoice.objects.exists()


class TestATransfer:
    def test_takes_here_and_gives_there(self, cast: Cast):
        acme, globex = cast.acme.organization, cast.globex.organization
        buy(acme, 5 * USD)

        here = move(acme, globex, 2 * USD)

        assert (owned(acme), owned(globex)) == ((3 * USD, 3 * USD), (2 * USD, 2 * USD))
        with tenant(acme.pk):
            taken = LedgerEntry.objects.get(transaction=here, account="credits")
        with tenant(globex.pk):
            given = LedgerEntry.objects.get(transaction=taken.refers_to, account="credits")
            assert given.refers_to == here
            assert sum(line.amount_nano for line in LedgerEntry.objects.all()) == 0

    def test_is_not_more_than_is_left(self, cast: Cast):
        buy(cast.acme.organization, 5 * USD)
        spend(cast.acme.organization, 2 * USD)

        with pytest.raises(MoreThanLeft):
            move(cast.acme.organization, cast.globex.organization, 3 * USD + 1)

        move(cast.acme.organization, cast.globex.organization, 3 * USD)
        assert owned(cast.globex.organization) == (3 * USD, 3 * USD)

    @pytest.mark.parametrize("nano", [0, -1])
    def test_of_nothing_or_less_is_none(self, cast: Cast, nano: int):
        with pytest.raises(NotADeposit):
            move(cast.acme.organization, cast.globex.organization, nano)

    def test_to_itself_is_none(self, cast: Cast):
        with pytest.raises(NotADeposit):
            move(cast.acme.organization, cast.acme.organization, 1)

    def test_is_booked_once_under_its_reference(self, cast: Cast):
        acme, globex = cast.acme.organization, cast.globex.organization
        buy(acme, 5 * USD)
        first = move(acme, globex, USD, reference="move 1")

        assert move(acme, globex, USD, reference="move 1") == first
        assert owned(globex) == (USD, USD)

    def test_shows_neither_side_what_the_other_has(self, cast: Cast):
        acme, globex = cast.acme.organization, cast.globex.organization
        buy(acme, 5 * USD)
        move(acme, globex, USD)

        with tenant(globex.pk):
            assert {line.organization_id for line in LedgerEntry.objects.all()} == {globex.pk}


def at_once(*calls: Callable[[], object]) -> list[str]:
    """Run all of them at the same moment; the answers are the names of what they raised, sorted."""
    together, outcomes = threading.Barrier(len(calls)), []

    def run(call: Callable[[], object]) -> None:
        together.wait()
        try:
            call()
            outcomes.append("")
        except Exception as error:
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestAtOnce:
    def test_two_refunds_do_not_both_take_what_is_left(self, cast: Cast):
        acme = cast.acme.organization
        bought = buy(acme, 5 * USD)

        outcomes = at_once(*[lambda: take_back(acme, bought, 3 * USD)] * 4)

        assert outcomes == ["", "MoreThanLeft", "MoreThanLeft", "MoreThanLeft"]
        assert owned(acme) == (2 * USD, 2 * USD)
        assert violations() == {}

    def test_purchases_are_numbered_without_a_gap(self, cast: Cast):
        acme = cast.acme.organization

        outcomes = at_once(*[lambda: buy(acme, USD)] * 6)

        assert outcomes == [""] * 6
        with tenant(acme.pk):
            assert sorted(Invoice.objects.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]
        assert violations() == {}

    def test_the_same_reference_is_booked_once(self, cast: Cast):
        acme = cast.acme.organization

        at_once(*[lambda: buy(acme, USD, reference="wire")] * 4)

        assert owned(acme) == (USD, USD)
        assert violations() == {}

    def test_transfers_in_both_directions_end(self, cast: Cast):
        acme, globex = cast.acme.organization, cast.globex.organization
        buy(acme, 50 * USD)
        buy(globex, 50 * USD)

        there, back = (lambda: move(acme, globex, USD)), (lambda: move(globex, acme, USD))
        outcomes = at_once(*[there, back] * 4)

        assert outcomes == [""] * 8
        assert (owned(acme), owned(globex)) == ((50 * USD, 50 * USD), (50 * USD, 50 * USD))
        assert violations() == {}
