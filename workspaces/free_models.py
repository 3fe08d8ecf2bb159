"""How many requests to free models an organization may make per UTC day, and how many it has made."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connections
from django.utils import timezone

from accounts.credits import deposited_nano
from accounts.models import Organization
from config.lib.money import NANO_PER_USD, window_start

REQUESTS_PER_DAY, REQUESTS_PER_DAY_OF_BUYERS = 50, 1000
BUYER_NANO = 10 * NANO_PER_USD

USED_SQL = """
SELECT coalesce(sum(requests - refused), 0)::bigint FROM usage_hour
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
    return FreeRequests(REQUESTS_PER_DAY_OF_BUYERS if is_buyer else REQUESTS_PER_DAY, used)
