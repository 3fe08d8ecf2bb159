"""How much whoever stands behind a key may ask for in a minute and at once, and of free models."""

from __future__ import annotations

from collections.abc import Sequence

from config.lib.environment import environment
from config.lib.rated import RATES, Rated
from routing.policy import NO_LIMITS, FreeRates, PurseLimit, RateLimits
from workspaces.free_models import BUYER_NANO, requests_per_day


def rates_of(row: Rated | None) -> RateLimits:
    """The rates of a key, its owner, its workspace or its organization; a system key has no owner."""
    limits = RateLimits(*(getattr(row, name, None) for name in RATES))
    return NO_LIMITS if limits == NO_LIMITS else limits


def free_rates_of(purses: Sequence[PurseLimit]) -> FreeRates:
    """What the organization may ask of free models: it depends on what was ever paid in, the limit of its credits."""
    paid_in = max((purse.limit_nano or 0 for purse in purses if purse.layer == "credits"), default=0)
    return FreeRates(
        environment().free_requests_per_minute or None, requests_per_day(is_buyer=paid_in >= BUYER_NANO)
    )
