"""What Stripe tells: payments, refunds and disputes, booked once however often and in whichever order they come.

A payment is booked when its checkout has no purchase yet; refunds come as the sum of all so far, and what is not
booked of it is booked. So repeating an event changes nothing, even if its id were forgotten.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.credits import deposit, refund
from accounts.ledger import left_of_purchase
from accounts.models import LedgerEntry, Organization, StripeCheckout, StripeEvent
from accounts.revisions import Actor
from accounts.stripe.checkouts import NANO_PER_CENT, ORGANIZATION, PURCHASE
from config.lib.scoping import tenant, unscoped

NAME = re.compile(r"[A-Za-z0-9_.]{1,100}", re.ASCII)
MOST_CENTS = 10**12
SETTLED = frozenset({"won", "lost", "warning_closed"})
"""Outcomes of a dispute, which older news do not overwrite."""

log = logging.getLogger(__name__)


class Nonsense(Exception):
    """A signed event that cannot be booked; Stripe is told, so that its operator hears of it."""


def hear(event: object) -> None:
    """Deal with an event; kinds that are none of ours pass. Raises Nonsense."""
    if not isinstance(event, dict):
        raise Nonsense("An event is a JSON object.")
    kind = _name(event, "type")
    apply = HANDLERS.get(kind)
    if apply is None:
        return
    data = event.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    if not isinstance(about, dict):
        raise Nonsense("The event has no data.object.")
    found = _find(about)
    if found is None:
        log.warning("an event of Stripe's about no checkout of ours: %s", kind)
        return
    with tenant(found.organization_id):
        # Locked before the event is noted: of two that come at once the second sees what the first did.
        checkouts = StripeCheckout.objects.for_organization(found.organization_id)
        checkout = checkouts.select_for_update(of=("self",)).get(pk=found.pk)
        _, is_new = StripeEvent.objects.get_or_create(id=_name(event, "id"), defaults={"kind": kind})
        if is_new:
            apply(checkout, about)
            checkout.save()
            _book_refunds(checkout)


def _session_ended(checkout: StripeCheckout, session: dict[str, Any]) -> None:
    """A session that is complete may wait for its money: then another event comes."""
    if session.get("payment_status") != "paid":
        return
    cents = _cents(session, "amount_total")
    if session.get("currency") != "usd" or cents == 0:
        raise Nonsense("Only US dollars are booked.")
    if checkout.purchase is not None:
        return
    session_id = _name(session, "id")
    if checkout.session_id not in (None, session_id):
        raise Nonsense("Another session was made for this purchase.")
    checkout.session_id, checkout.amount_cents = session_id, cents
    checkout.payment_intent = _name(session, "payment_intent")
    checkout.purchase = deposit(
        organization=checkout.organization,
        kind=LedgerEntry.PURCHASE,
        amount_nano=cents * NANO_PER_CENT,
        description="Credits, paid through Stripe",
        reference=f"stripe:{session_id}",
        by=_actor(checkout),
    )


def _charge_refunded(checkout: StripeCheckout, charge: dict[str, Any]) -> None:
    if charge.get("currency") != "usd":
        raise Nonsense("Only US dollars are booked.")
    checkout.refunded_cents = max(checkout.refunded_cents, _cents(charge, "amount_refunded"))


def _disputed(checkout: StripeCheckout, dispute: dict[str, Any]) -> None:
    """Only noted: what a lost dispute costs is for staff to book."""
    if checkout.dispute not in SETTLED:
        checkout.dispute = _name(dispute, "status")[:50]


HANDLERS: dict[str, Callable[[StripeCheckout, dict[str, Any]], None]] = {
    "checkout.session.completed": _session_ended,
    "checkout.session.async_payment_succeeded": _session_ended,
    "charge.refunded": _charge_refunded,
    "charge.dispute.created": _disputed,
    "charge.dispute.updated": _disputed,
    "charge.dispute.closed": _disputed,
}


def _book_refunds(checkout: StripeCheckout) -> None:
    """Take back what Stripe paid back and nobody took back yet."""
    if checkout.purchase is None:
        return
    left = left_of_purchase(checkout.organization, checkout.purchase) or 0
    owed = left - (checkout.amount_cents - checkout.refunded_cents) * NANO_PER_CENT
    if owed > 0:
        refund(
            organization=checkout.organization,
            purchase=checkout.purchase,
            amount_nano=min(owed, left),
            description="Paid back through Stripe",
            by=_actor(checkout),
        )


def _find(about: dict[str, Any]) -> StripeCheckout | None:
    """The checkout that a session, charge or dispute is about: by our metadata, else by its payment."""
    with unscoped(reason="an event of Stripe's says which organization paid"):
        everybody = StripeCheckout.objects.unscoped(reason="found by what only Stripe and we know")
        named = _named(about.get("metadata"))
        if named is not None:
            organization_id, purchase = named
            known = everybody.filter(public_id=purchase).first() or _made_up_for(
                about, organization_id, purchase
            )
            return known if known and known.organization.public_id == organization_id else None
        intent = about.get("payment_intent")
        is_name = isinstance(intent, str) and NAME.fullmatch(intent)
        return everybody.filter(payment_intent=intent).first() if is_name else None


def _made_up_for(about: dict[str, Any], organization_id: UUID, purchase: UUID) -> StripeCheckout | None:
    """The row of a session that Stripe made while we failed to write it down."""
    organization = Organization.objects.live().filter(public_id=organization_id).first()
    cents = _cents(about, "amount_total" if "amount_total" in about else "amount")
    if organization is None or cents == 0:
        return None
    with transaction.atomic():
        checkout, _ = StripeCheckout.objects.get_or_create(
            public_id=purchase, defaults={"organization": organization, "amount_cents": cents}
        )
    return checkout


def _named(metadata: object) -> tuple[UUID, UUID] | None:
    if not isinstance(metadata, dict):
        return None
    try:
        return UUID(metadata[ORGANIZATION]), UUID(metadata[PURCHASE])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def _name(thing: dict[str, Any], field: str) -> str:
    value = thing.get(field)
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Nonsense(f"{field} is not understood.")
    return value


def _cents(thing: dict[str, Any], field: str) -> int:
    value = thing.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MOST_CENTS:
        raise Nonsense(f"{field} is no amount.")
    return value


def _actor(checkout: StripeCheckout) -> Actor:
    """Stripe's word, on behalf of whoever began the purchase."""
    return Actor(door="stripe", user=checkout.created_by)
