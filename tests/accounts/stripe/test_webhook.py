"""What Stripe tells is booked once, however often it is told and in whichever order."""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.credits import deposited_nano
from accounts.ledger import left_of_purchase
from accounts.models import Invoice, LedgerEntry, Revision, StripeCheckout, StripeEvent
from config.lib.environment import environment
from config.lib.scoping import tenant
from tests.accounts.stripe.fake_stripe import FakeStripe, event, signature, tell
from tests.accounts.test_credits import take_back
from tests.books_check import violations
from tests.cast import Acme, Cast

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stripe")]

CENT = 10**7


class Purchase:
    """A checkout of acme's, and what Stripe may say about it."""

    def __init__(self, acme: Acme, cents: int = 2500) -> None:
        self.acme, self.cents = acme, cents
        with tenant(acme.organization.pk):
            self.row = StripeCheckout.objects.create(
                organization=acme.organization,
                session_id="cs_1",
                amount_cents=cents,
                created_by=acme.alice.user,
            )

    @property
    def metadata(self) -> dict[str, str]:
        return {
            "headgate_organization": str(self.acme.organization.public_id),
            "headgate_purchase": str(self.row.public_id),
        }

    def session(self, **changes: Any) -> dict[str, Any]:
        return {
            "id": "cs_1",
            "object": "checkout.session",
            "payment_status": "paid",
            "amount_total": self.cents,
            "currency": "usd",
            "payment_intent": "pi_1",
            "metadata": self.metadata,
        } | changes

    def charge(self, refunded: int, **changes: Any) -> dict[str, Any]:
        return {
            "id": "ch_1",
            "object": "charge",
            "amount": self.cents,
            "amount_refunded": refunded,
            "currency": "usd",
            "payment_intent": "pi_1",
            "metadata": self.metadata,
        } | changes

    def paid(self, kind: str = "checkout.session.completed", **changes: Any) -> bytes:
        return event(kind, self.session(**changes))

    def refunded(self, cents: int, **changes: Any) -> bytes:
        return event("charge.refunded", self.charge(cents, **changes))

    def deposited(self) -> int:
        with tenant(self.acme.organization.pk):
            return deposited_nano(self.acme.organization)

    def stored(self) -> StripeCheckout:
        with tenant(self.acme.organization.pk):
            return StripeCheckout.objects.get(pk=self.row.pk)


@pytest.fixture
def purchase(acme: Acme) -> Purchase:
    """Twenty-five dollars that alice is paying."""
    return Purchase(acme)


class TestAPayment:
    def test_is_booked_to_the_cent_with_its_invoice(self, purchase: Purchase):
        assert tell(purchase.paid(amount_total=2501)) == 200

        with tenant(purchase.acme.organization.pk):
            line = LedgerEntry.objects.get(account="credits")
            assert (line.kind, line.amount_nano, line.reference) == ("purchase", 2501 * CENT, "stripe:cs_1")
            assert line.created_by_id == purchase.acme.alice.user_id
            assert Invoice.objects.get().purchase == line.transaction == purchase.stored().purchase
            assert Revision.objects.get(object_type="ledgerentry").door == "stripe"

    def test_is_booked_once_however_often_it_is_told(self, purchase: Purchase):
        body = purchase.paid()

        assert [tell(body) for _ in range(3)] == [200, 200, 200]
        assert purchase.deposited() == 2500 * CENT

    def test_is_booked_once_by_two_events(self, purchase: Purchase):
        tell(purchase.paid())
        tell(purchase.paid("checkout.session.async_payment_succeeded"))

        assert purchase.deposited() == 2500 * CENT

    def test_that_takes_days_is_booked_when_it_arrives(self, purchase: Purchase):
        tell(purchase.paid(payment_status="unpaid"))
        assert purchase.deposited() == 0

        tell(purchase.paid("checkout.session.async_payment_succeeded"))
        assert purchase.deposited() == 2500 * CENT

    def test_that_fails_is_not_booked(self, purchase: Purchase):
        assert tell(purchase.paid("checkout.session.async_payment_failed", payment_status="unpaid")) == 200
        assert purchase.deposited() == 0

    def test_that_we_forgot_to_write_down_is_booked_all_the_same(self, purchase: Purchase):
        metadata = purchase.metadata | {"headgate_purchase": str(uuid.uuid4())}

        assert tell(purchase.paid(id="cs_9", metadata=metadata)) == 200

        assert purchase.deposited() == 2500 * CENT

    @pytest.mark.parametrize(
        "changes",
        [
            {"currency": "eur"},
            {"amount_total": 0},
            {"amount_total": -1},
            {"amount_total": 25.5},
            {"amount_total": True},
            {"amount_total": 10**30},
            {"amount_total": None},
            {"payment_intent": None},
            {"payment_intent": "pi\x00"},
            {"id": "another_session"},
            {"id": 7},
        ],
    )
    def test_that_cannot_be_booked_is_refused_and_may_be_told_again(
        self, purchase: Purchase, changes: dict[str, Any]
    ):
        body = purchase.paid(**changes)

        assert tell(body) == 400
        assert purchase.deposited() == 0
        assert not StripeEvent.objects.exists()
        assert tell(purchase.paid()) == 200

    def test_of_somebody_else_at_the_same_stripe_account_passes(self, purchase: Purchase):
        for metadata in ({}, None, {"headgate_organization": "x"}, {"headgate_organization": 7}, []):
            assert tell(purchase.paid(metadata=metadata, payment_intent="pi_other")) == 200

        assert purchase.deposited() == 0

    def test_of_an_unknown_organization_passes(self, purchase: Purchase):
        metadata = {"headgate_organization": str(uuid.uuid4()), "headgate_purchase": str(uuid.uuid4())}

        assert tell(purchase.paid(metadata=metadata)) == 200
        assert purchase.deposited() == 0

    def test_is_not_booked_to_another_organization_than_began_it(self, purchase: Purchase, cast: Cast):
        globex = cast.globex.organization
        metadata = purchase.metadata | {"headgate_organization": str(globex.public_id)}

        assert tell(purchase.paid(metadata=metadata)) == 200

        with tenant(globex.pk):
            assert deposited_nano(globex) == 0
        assert purchase.deposited() == 0


class TestARefund:
    def test_takes_back_what_was_paid_back(self, purchase: Purchase):
        tell(purchase.paid())
        tell(purchase.refunded(1000))

        assert purchase.deposited() == 1500 * CENT

    def test_comes_as_the_sum_of_all_so_far(self, purchase: Purchase):
        tell(purchase.paid())
        for cents in (1000, 1000, 2500, 1500):
            tell(purchase.refunded(cents))

        assert purchase.deposited() == 0

    def test_is_found_by_its_payment(self, purchase: Purchase):
        tell(purchase.paid())
        tell(purchase.refunded(1000, metadata={}))

        assert purchase.deposited() == 1500 * CENT

    def test_that_staff_booked_already_is_not_booked_again(self, purchase: Purchase):
        tell(purchase.paid())
        bought = purchase.stored().purchase
        assert bought is not None
        take_back(purchase.acme.organization, bought, 1000 * CENT)

        tell(purchase.refunded(1000))

        assert purchase.deposited() == 1500 * CENT

    def test_of_more_than_there_is_takes_what_there_is(self, purchase: Purchase):
        tell(purchase.paid())
        tell(purchase.refunded(9999))

        assert purchase.deposited() == 0

    @pytest.mark.parametrize("changes", [{"currency": "eur"}, {"amount_refunded": "1000"}])
    def test_that_is_not_understood_is_refused(self, purchase: Purchase, changes: dict[str, Any]):
        tell(purchase.paid())

        assert tell(purchase.refunded(1000, **changes)) == 400
        assert purchase.deposited() == 2500 * CENT


class TestAnyOrder:
    @pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
    def test_ends_in_the_same_books(self, purchase: Purchase, order: tuple[int, ...]):
        told = [
            purchase.paid(payment_status="unpaid"),
            purchase.paid("checkout.session.async_payment_succeeded"),
            purchase.refunded(300),
            purchase.refunded(1000),
        ]

        statuses = [tell(told[number]) for number in [*order, *order]]

        assert statuses == [200] * 8
        assert purchase.deposited() == 1500 * CENT


class TestADispute:
    def test_is_noted_and_moves_nothing(self, purchase: Purchase):
        tell(purchase.paid())
        dispute = {"id": "du_1", "payment_intent": "pi_1", "status": "needs_response", "amount": 2500}

        assert tell(event("charge.dispute.created", dispute)) == 200

        assert purchase.stored().dispute == "needs_response"
        assert purchase.deposited() == 2500 * CENT

    def test_that_is_settled_stays_so(self, purchase: Purchase):
        tell(purchase.paid())
        for kind, status in (("closed", "lost"), ("created", "needs_response")):
            tell(event(f"charge.dispute.{kind}", {"id": "du_1", "payment_intent": "pi_1", "status": status}))

        assert purchase.stored().dispute == "lost"


class TestTheAddress:
    def test_hears_nobody_but_stripe(self, purchase: Purchase):
        body = purchase.paid()

        assert tell(body, "") == 400
        assert tell(body, signature(body, secret="guessed")) == 400
        assert tell(body, signature(body, at=1)) == 400
        assert purchase.deposited() == 0

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"null",
            b"{}",
            b"not json",
            b"\xff\xfe",
            b"[" * 100_000,
            json.dumps({"id": "evt_1", "type": "charge.refunded"}).encode(),
            json.dumps({"id": "evt_1", "type": "charge.refunded", "data": {"object": []}}).encode(),
            json.dumps({"id": "evt_1", "type": ["charge.refunded"]}).encode(),
        ],
    )
    def test_refuses_what_is_no_event(self, body: bytes):
        assert tell(body) == 400

    def test_lets_other_events_pass(self):
        assert tell(event("invoice.paid", {"id": "in_1"})) == 200

    def test_refuses_what_is_too_large(self):
        assert tell(event("invoice.paid", {"id": "x" * 300_000})) == 413

    def test_answers_posts_alone(self):
        assert Client().get("/webhooks/stripe").status_code == 405

    def test_needs_an_events_id_to_book(self, purchase: Purchase):
        assert tell(event("checkout.session.completed", purchase.session(), id="")) == 400
        assert purchase.deposited() == 0


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestAtOnce:
    def test_the_same_news_are_booked_once_and_the_books_are_clean(self, purchase: Purchase):
        told = [purchase.paid(), purchase.paid(), purchase.refunded(1000), purchase.refunded(1000)]
        statuses: list[int] = []

        def send(body: bytes) -> None:
            statuses.append(tell(body))
            connections.close_all()

        threads = [threading.Thread(target=send, args=[body]) for body in told + told]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        bought = purchase.stored().purchase
        assert set(statuses) == {200}
        assert bought is not None
        with tenant(purchase.acme.organization.pk):
            assert left_of_purchase(purchase.acme.organization, bought) == 1500 * CENT
        assert violations() == {}


class TestWithoutStripe:
    def test_there_is_no_such_address(self, monkeypatch: pytest.MonkeyPatch, stripe: FakeStripe):
        monkeypatch.delenv("HEADGATE_STRIPE_WEBHOOK_SECRET")
        environment.cache_clear()

        assert tell(event("invoice.paid", {"id": "in_1"})) == 404
        assert Client().get("/webhooks/stripe").status_code == 404
