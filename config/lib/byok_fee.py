"""The fee for requests that go out with the organization's own provider key."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from config.lib.money import nano_from_usd

MILLION = 1_000_000


@dataclass(frozen=True)
class ByokFee:
    """A share of the list price in millionths, and how much of a month's list price is free of it."""

    millionths: int
    free_monthly_nano: int

    @classmethod
    def of(cls, *, percent: Decimal, free_monthly_usd: Decimal) -> ByokFee:
        """The fee from its settings: a percentage of at most four decimals, and dollars."""
        return cls(int(percent * MILLION / 100), nano_from_usd(free_monthly_usd))

    def on(self, list_price_nano: int) -> int:
        """The fee on a request beyond the free allowance, rounded once, half up."""
        return (list_price_nano * self.millionths + MILLION // 2) // MILLION
