"""How much whoever stands behind a key may ask for in a minute and at once."""

from __future__ import annotations

from config.lib.rated import RATES, Rated
from routing.policy import NO_LIMITS, RateLimits


def rates_of(row: Rated | None) -> RateLimits:
    """The rates of a key, its owner, its workspace or its organization; a system key has no owner."""
    limits = RateLimits(*(getattr(row, name, None) for name in RATES))
    return NO_LIMITS if limits == NO_LIMITS else limits
