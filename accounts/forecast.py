"""How long an organization's credits last if it goes on as it did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from django.db.models import Min, Sum

from accounts.ledger import Wanted, credit_lines
from accounts.models import Organization

LOOKED_BACK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)
LONGEST_DAYS: Final = 365
"""Beyond that a week says nothing."""


@dataclass(frozen=True)
class Forecast:
    """An average day, of how many days, and how many of them what is left will pay; None: more than a year of them."""

    per_day_nano: int
    days_seen: int
    days_left: int | None


def forecast(organization: Organization, balance_nano: int, *, now: datetime) -> Forecast | None:
    """The spend of the last seven days, or of those since the first of them with any, as a day's average.

    None where nothing was spent in them.
    """
    lately = credit_lines(organization.pk, Wanted(kind="usage", since=now - LOOKED_BACK))
    found = lately.aggregate(spent=Sum("amount_nano"), first=Min("created_at"))
    spent = -(found["spent"] or 0)
    if spent <= 0:
        return None
    days = max(1, ceil((now - found["first"]) / DAY))
    per_day = spent // days
    left = max(balance_nano, 0) * days // spent
    return Forecast(per_day, days, None if left > LONGEST_DAYS else left)
