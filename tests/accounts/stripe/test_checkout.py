"""Buying credits: an administrator chooses an amount and pays at Stripe."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.credits import deposited_nano
from accounts.models import StripeCheckout
from config.lib.environment import environment
from config.lib.scoping import tenant
from tests.accounts.stripe.fake_stripe import KEY, FakeStripe
from tests.cast import Acme
from tests.dashboard_pages import HTMX, text_of

pytestmark = pytest.mark.django_db

ADD = "/o/acme/credits/add"


def checkouts(acme: Acme) -> list[StripeCheckout]:
    """What acme began."""
    with tenant(acme.organization.pk):
        return list(StripeCheckout.objects.order_by("pk"))


class TestAddingCredits:
    def test_asks_stripe_for_a_page_and_goes_there(
        self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe
    ):
        answer = viewers["alice"].post(ADD, {"amount_usd": "25.5"}, headers=HTMX)

        assert answer["HX-Redirect"] == "https://checkout.stripe.test/pay/cs_test_1"
        [(path, headers, fields)] = stripe.asked
        [checkout] = checkouts(acme)
        assert path == "/v1/checkout/sessions"
        assert headers["Authorization"] == f"Bearer {KEY}"
        assert headers["Idempotency-Key"] == str(checkout.public_id)
        assert fields["line_items[0][price_data][unit_amount]"] == "2550"
        assert fields["line_items[0][price_data][currency]"] == "usd"
        assert fields["success_url"].endswith("/o/acme/credits?paid=1")
        for place in ("metadata", "payment_intent_data[metadata]"):
            assert fields[f"{place}[headgate_purchase]"] == str(checkout.public_id)
            assert fields[f"{place}[headgate_organization]"] == str(acme.organization.public_id)

    def test_books_nothing_yet(self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe):
        viewers["alice"].post(ADD, {"amount_usd": "25"}, headers=HTMX)

        [checkout] = checkouts(acme)
        assert (checkout.session_id, checkout.purchase) == ("cs_test_1", None)
        assert checkout.created_by_id == acme.alice.user_id
        with tenant(acme.organization.pk):
            assert deposited_nano(acme.organization) == 0

    def test_without_a_script_shows_the_way(self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe):
        answer = viewers["alice"].post(ADD, {"amount_usd": "25"})

        assert 'href="https://checkout.stripe.test/pay/cs_test_1"' in text_of(answer)

    @pytest.mark.parametrize(
        "amount", ["", "4.99", "10000.01", "-5", "0", "NaN", "Infinity", "1e3000", "5.001", "much", "\x00"]
    )
    def test_of_another_amount_is_an_error_of_the_form(
        self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe, amount: str
    ):
        answer = viewers["alice"].post(ADD, {"amount_usd": amount})

        assert answer.status_code == 422
        assert stripe.asked == []

    @pytest.mark.parametrize("amount", ["5", "10000"])
    def test_of_the_least_and_the_most_is_offered(
        self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe, amount: str
    ):
        assert viewers["alice"].post(ADD, {"amount_usd": amount}).status_code == 200

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (500, b""),
            (402, b'{"error": {"message": "no"}}'),
            (200, b"{}"),
            (200, b"not json"),
            (200, b"[]"),
            (200, b'{"id": "cs_1", "url": "javascript:alert(1)"}'),
            (200, b'{"id": 7, "url": "https://a"}'),
            (200, b"x" * (2 << 20)),
            (302, b"elsewhere"),
        ],
    )
    def test_says_so_when_stripe_does_not_answer_as_it_should(
        self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe, status: int, body: bytes
    ):
        stripe.status, stripe.answer = status, body

        answer = viewers["alice"].post(ADD, {"amount_usd": "25"})

        assert answer.status_code == 422
        assert "Stripe" in text_of(answer)

    def test_goes_nowhere_that_the_operator_did_not_open(
        self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "")
        environment.cache_clear()

        answer = viewers["alice"].post(ADD, {"amount_usd": "25"})

        assert answer.status_code == 422
        assert stripe.asked == []

    @pytest.mark.parametrize(("who", "status"), [("bob", 403), ("carol", 403), ("mallory", 404)])
    def test_is_for_administrators(
        self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe, who: str, status: int
    ):
        assert viewers[who].post(ADD, {"amount_usd": "25"}).status_code == status
        assert stripe.asked == []


class TestTheButton:
    def test_is_there_where_stripe_is_set_up(
        self, acme: Acme, viewers: dict[str, Client], stripe: FakeStripe
    ):
        assert "Add credits" in text_of(viewers["alice"].get("/o/acme/credits"))

    def test_is_absent_where_it_is_not(self, acme: Acme, viewers: dict[str, Client]):
        assert ADD not in text_of(viewers["alice"].get("/o/acme/credits"))
        assert viewers["alice"].get(ADD).status_code == 404
