"""A thousand days of spending, looked at now and then: one notification for each crossing, no more and no less.

What is to be told is worked out beside it, by one switch for each threshold that knows nothing of marks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from accounts.credits import deposit
from accounts.models import Notification
from accounts.notifications import rules
from accounts.notifications.detection import check_organization, moved
from accounts.notifications.kinds import KEY_LIMIT, LOW_BALANCE, WORKSPACE_BUDGET
from accounts.tasks import SPENDING
from config.lib.money import window_start
from config.lib.scoping import tenant
from config.lib.subjects import api_key_subject, organization_subject, workspace_subject
from tests.cast import STAGE, Acme
from workspaces import api_keys
from workspaces.budgets import set_budget
from workspaces.models import Purse

BEGINNING = datetime(2027, 1, 1, tzinfo=UTC)
USD = 10**9
PERCENTAGES = (50, 80, 100)
AMOUNTS = (20 * USD, 5 * USD)


@dataclass
class Switches:
    """What is to be told of one thing: a switch for each threshold, on when reached, off when left or rolled over."""

    on: set[int] = field(default_factory=set)
    window: datetime | None = None

    def spent(self, spent: int, limit: int, window: datetime) -> int | None:
        """A budget's share, with five points of margin."""
        if window != self.window:
            self.on, self.window = set(), window
        share = Fraction(spent * 100, limit)
        return self._turned(
            {each for each in PERCENTAGES if share >= each}, {each for each in self.on if share < each - 5}, 1
        )

    def left(self, balance: int) -> int | None:
        """A balance, with a tenth of margin."""
        return self._turned(
            {each for each in AMOUNTS if balance < each},
            {each for each in self.on if balance >= each * Fraction(11, 10)},
            -1,
        )

    def _turned(self, reached: set[int], off: set[int], sign: int) -> int | None:
        newly = reached - (self.on - off)
        self.on = self.on - off | newly
        return max(newly, key=lambda each: sign * each, default=None)


class Economy:
    """Acme's production with a budget of a week, bob's key with a limit of a day, and credits for it all."""

    def __init__(self, acme: Acme, seed: int) -> None:
        self.acme, self.random = acme, random.Random(seed)
        self.now = BEGINNING
        self.limits = {"w": 70 * USD, "d": 14 * USD}
        self.spent = {"w": 0, "d": 0}
        self.total = 0
        deposit(
            organization=acme.organization, kind="purchase", amount_nano=60 * USD, description="", by=STAGE
        )
        self.deposited = 60 * USD
        self._set_limits()

    def live_on(self) -> None:
        """Some hours: money goes, windows roll, limits shake, somebody tops up."""
        before, self.now = self.now, self.now + timedelta(hours=self.random.choice([2, 5, 9, 14, 26]))
        for interval in self.spent:
            if window_start(interval, before) != window_start(interval, self.now):
                self.spent[interval] = 0
        amount = self.random.choice([0, 1, 2, 3, 6]) * USD + self.random.randrange(USD)
        self.total += amount
        self.spent = {interval: spent + amount for interval, spent in self.spent.items()}
        if self.random.random() < 0.25:
            self._shake()
        if self.deposited - self.total < self.random.choice([1, 4, 7]) * USD:
            self._top_up(self.random.choice([2, 6, 30, 60]) * USD)
        self._write()

    def readings(self) -> Iterator[tuple[str, str, int, int, datetime]]:
        """Kind, subject, spent, limit and window of what has limits."""
        places = {
            "w": (WORKSPACE_BUDGET, f"workspace:{self.acme.production.pk}/w"),
            "d": (KEY_LIMIT, f"key:{self.acme.bob_key.key.pk}/d"),
        }
        for interval, (kind, subject) in places.items():
            window = window_start(interval, self.now)
            yield kind, subject, self.spent[interval], self.limits[interval], window

    def _shake(self) -> None:
        """Jitter: a limit moves so that what is spent stands just beside a threshold, or is raised for good."""
        interval = self.random.choice(["w", "d"])
        share = self.random.choice(PERCENTAGES) + self.random.choice([-7, -4, -1, 0, 1, 3])
        wanted = self.spent[interval] * 100 // share if self.spent[interval] else 14 * USD
        self.limits[interval] = max(wanted, USD)
        self._set_limits()

    def _set_limits(self) -> None:
        set_budget(workspace=self.acme.production, interval="w", limit_nano=self.limits["w"], by=STAGE)
        api_keys.change(key=self.acme.bob_key.key, by=STAGE, limit_nano=self.limits["d"], limit_interval="d")

    def _top_up(self, amount: int) -> None:
        deposit(
            organization=self.acme.organization,
            kind="purchase",
            amount_nano=amount,
            description="",
            by=STAGE,
        )
        self.deposited += amount

    def _write(self) -> None:
        """As ingest would."""
        for subject, interval, spent in (
            (workspace_subject(self.acme.production.pk), "w", self.spent["w"]),
            (api_key_subject(self.acme.bob_key.key.pk), "d", self.spent["d"]),
            (organization_subject(self.acme.organization.pk), "t", self.total),
        ):
            Purse.objects.filter(subject=subject, interval=interval).update(
                spent_nano=spent, window_start=window_start(interval, self.now)
            )


@pytest.mark.django_db
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("days", [40, pytest.param(1_000, marks=pytest.mark.full)])
def test_of_many_days_every_crossing_is_told_exactly_once(acme: Acme, days: int) -> None:
    organization = acme.organization
    with tenant(organization.pk):
        for kind, thresholds in (
            (WORKSPACE_BUDGET, PERCENTAGES),
            (KEY_LIMIT, PERCENTAGES),
            (LOW_BALANCE, AMOUNTS),
        ):
            rules.change(
                organization=organization, kind=kind, by=STAGE, thresholds=thresholds, is_disabled=False
            )
        economy = Economy(acme, seed=7)
    switches: dict[str, Switches] = {}
    expected: list[tuple[str, str, int]] = []
    while economy.now < BEGINNING + timedelta(days=days):
        with tenant(organization.pk):
            economy.live_on()

        for _ in range(economy.random.choice([1, 1, 2])):  # the same task twice finds nothing new
            for organization_id in moved(SPENDING, now=economy.now):
                check_organization(organization_id=organization_id, kinds=SPENDING, now=economy.now)

        left = switches.setdefault("balance", Switches()).left(economy.deposited - economy.total)
        if left is not None:
            expected.append((LOW_BALANCE, "balance", left))
        for kind, subject, spent, limit, window in economy.readings():
            crossed = switches.setdefault(subject, Switches()).spent(spent, limit, window)
            if crossed is not None:
                expected.append((kind, subject, crossed))

    with tenant(organization.pk):
        told = list(Notification.objects.order_by("pk").values_list("kind", "subject", "threshold"))
    assert told == expected
    assert {threshold for _, _, threshold in told} == {*PERCENTAGES, *AMOUNTS}
    assert len(told) > days / 2
