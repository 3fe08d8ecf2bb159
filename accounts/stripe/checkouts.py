"""Asking Stripe for a page where credits are paid for."""

from __future__ import annotations

import json
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from accounts.models import Organization, StripeCheckout
from accounts.revisions import Actor
from config.lib.environment import environment
from config.lib.money import NANO_PER_USD
from config.lib.outbound import CallFailed, OutboundRules, post_form

API_VERSION = "2024-06-20"
CENTS_PER_USD = 100
NANO_PER_CENT = NANO_PER_USD // CENTS_PER_USD
ORGANIZATION, PURCHASE = "headgate_organization", "headgate_purchase"
"""The metadata's names."""


class NotOffered(Exception):
    """Less or more than may be bought at once, or no whole number of cents."""


class StripeFailed(Exception):
    """Stripe could not be asked, or refused."""


def start_checkout(*, organization: Organization, amount_usd: Decimal, back_to: str, by: Actor) -> str:
    """Begin a purchase; the answer is the address where it is paid. Nothing is booked before Stripe says so.

    Raises NotOffered, StripeFailed.
    """
    env, cents = environment(), amount_usd * CENTS_PER_USD
    if not env.purchase_min_usd <= amount_usd <= env.purchase_max_usd or cents != int(cents):
        raise NotOffered(f"From ${env.purchase_min_usd:,} to ${env.purchase_max_usd:,}, in whole cents.")
    checkout = StripeCheckout.objects.create(
        organization=organization, amount_cents=int(cents), created_by=by.user
    )
    session = _create_session(checkout, back_to)
    checkout.session_id = session["id"]
    checkout.save(update_fields=["session_id"])
    return str(session["url"])


def _create_session(checkout: StripeCheckout, back_to: str) -> dict[str, Any]:
    env = environment()
    try:
        reply = post_form(
            f"{env.stripe_url.rstrip('/')}/v1/checkout/sessions",
            _fields(checkout, back_to),
            headers={
                "Authorization": f"Bearer {env.stripe_secret_key}",
                "Stripe-Version": API_VERSION,
                "Idempotency-Key": str(checkout.public_id),
            },
            rules=OutboundRules.parse(env.outbound_allow),
        )
        session = json.loads(reply.body)
    except (CallFailed, ValueError, RecursionError) as error:
        raise StripeFailed("Stripe cannot be reached. Try again in a moment.") from error
    if reply.status != HTTPStatus.OK or not _is_session(session):
        raise StripeFailed("Stripe refused to begin the payment.")
    return dict(session)


def _fields(checkout: StripeCheckout, back_to: str) -> dict[str, str]:
    """The session: one line, and metadata on it and on what becomes the charge, so that every event names us."""
    metadata = {ORGANIZATION: str(checkout.organization.public_id), PURCHASE: str(checkout.public_id)}
    price = "line_items[0][price_data]"
    return {
        "mode": "payment",
        "client_reference_id": str(checkout.public_id),
        "success_url": f"{back_to}?paid=1",
        "cancel_url": back_to,
        "line_items[0][quantity]": "1",
        f"{price}[currency]": "usd",
        f"{price}[unit_amount]": str(checkout.amount_cents),
        f"{price}[product_data][name]": "Credits",
        **{f"metadata[{name}]": value for name, value in metadata.items()},
        **{f"payment_intent_data[metadata][{name}]": value for name, value in metadata.items()},
    }


def _is_session(session: object) -> bool:
    return (
        isinstance(session, dict)
        and isinstance(session.get("id"), str)
        and 0 < len(session["id"]) <= 255
        and isinstance(session.get("url"), str)
        and session["url"].startswith(("https://", "http://"))
    )
