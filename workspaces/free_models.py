"""How many requests to free models an organization may make per UTC day, and how many it has made."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connections
from django.utils import timezone

from accounts.credits import deposited_nano
from accounts.models import Organization
from config.lib.environment import environment
from config.lib.money import NANO_PER_USD, window_start

BUYER_NANO = 10 * NANO_PER_USD
NOT_LIMITED = 2**31 - 1
"""What the contract's number says where there is no limit."""

USED_SQL = """
SELECT coalesce(sum(requests), 0)::bigint FROM usage_hour
 WHERE organization_id = %s AND hour >= %s AND model LIKE '%%:free'
"""


@dataclass(frozen=True)
class FreeRequests:
    """The day's allowance, and what is used of it."""

    limit: int
    used: int

    @property
    def remaining(self) -> int:
        """What is left of the day's allowance."""
        return max(0, self.limit - self.used)


def free_requests_of(organization: Organization) -> FreeRequests:
    """The organization's allowance for today; it depends on what was ever deposited."""
    is_buyer = deposited_nano(organization) >= BUYER_NANO
    with connections["default"].cursor() as cursor:
        cursor.execute(USED_SQL, [organization.pk, window_start("d", timezone.now())])
        (used,) = cursor.fetchone()
    return FreeRequests(requests_per_day(is_buyer=is_buyer) or NOT_LIMITED, used)


def requests_per_day(*, is_buyer: bool) -> int | None:
    """What an organization may ask of free models in a UTC day; None: any number."""
    env = environment()
    return (env.free_requests_per_day_of_buyers if is_buyer else env.free_requests_per_day) or None
