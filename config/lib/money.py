"""Money as integers: nano-dollars (10⁻⁹) for amounts, femto-dollars (10⁻¹⁵) for prices per unit.

Gateway and database know nothing else; Decimal appears only at the API, on pages and in CSV (spec: money).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

NANO_PER_USD = 10**9
FEMTO_PER_USD = 10**15
FEMTO_PER_NANO = 10**6

LIFETIME_START = datetime(2000, 1, 1, tzinfo=UTC)


class NotAnAmount(ValueError):
    """The amount is finer than a nano-dollar, not finite, or too large for the books."""


def nano_from_usd(amount: Decimal) -> int:
    """Exact nano-dollars of an amount. Raises NotAnAmount rather than round somebody's money."""
    if not amount.is_finite() or abs(amount) > 9_000_000_000:
        raise NotAnAmount("must be a finite amount of at most 9,000,000,000 US dollars")
    nano = int(amount * NANO_PER_USD)
    if usd_from_nano(nano) != amount:  # comparing is exact, multiplying rounds to the context's 28 digits
        raise NotAnAmount("may have at most 9 decimal places")
    return nano


def usd_from_nano(nano: int) -> Decimal:
    """The amount in US dollars, exact."""
    return Decimal(nano).scaleb(-9)


def femto_from_usd(price: Decimal) -> int:
    """Exact femto-dollars of a price per unit. Raises NotAnAmount."""
    if not price.is_finite() or abs(price) > 9_000:
        raise NotAnAmount("must be a finite price of at most 9,000 US dollars")
    femto = int(price * FEMTO_PER_USD)
    if usd_from_femto(femto) != price:
        raise NotAnAmount("may have at most 15 decimal places")
    return femto


def usd_from_femto(femto: int) -> Decimal:
    """The price per unit in US dollars, exact."""
    return Decimal(femto).scaleb(-15)


def nano_from_femto(femto: int) -> int:
    """Round a request's exactly summed price to nano-dollars, half up; done once per request."""
    return (femto + FEMTO_PER_NANO // 2) // FEMTO_PER_NANO


def plain_usd(amount: Decimal) -> str:
    """An amount as text without an exponent and without trailing zeros: `12.5`, `0.000000001`, `0`."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def window_start(interval: str, at: datetime) -> datetime:
    """The start of the day, ISO week or month ('d', 'w', 'm') that holds `at` in UTC; 't' never rolls."""
    if interval == "t":
        return LIFETIME_START
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "w":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "m" else day
