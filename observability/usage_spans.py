"""How far a page about activity looks back, and how wide its bars are; all in UTC."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from observability.analytics.fields import LONGEST_RANGE

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STEPS: Final = {"minute": MINUTE, "hour": HOUR, "day": DAY}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_BY_HOUR: Final = 2 * DAY
LONGEST_BY_DAY: Final = 92 * DAY


@dataclass(frozen=True)
class Span:
    """A time that is looked at, and the width of its bars."""

    start: datetime
    end: datetime
    granularity: str

    @property
    def beginnings(self) -> list[datetime]:
        """When each bar begins."""
        found, at = [], _floor(self.start, self.granularity)
        while at < self.end:
            found.append(at)
            at = after(at, self.granularity)
        return found

    def earlier(self) -> Span:
        """As many bars right before these, up to the same moment of the last one."""
        bars = self.beginnings
        if self.granularity == "month":
            months = len(bars)
            return Span(_months_before(self.start, months), _months_before(self.end, months), "month")
        shift = len(bars) * STEPS[self.granularity]
        return Span(self.start - shift, self.end - shift, self.granularity)


@dataclass(frozen=True)
class Range:
    """A span that ends now, by its name."""

    name: str
    label: str
    granularity: str
    bars: int

    def until(self, now: datetime) -> Span:
        """The span as it is now."""
        if self.granularity == "month":
            months = now.year * 12 + now.month - self.bars
            return Span(datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC), now, "month")
        step = STEPS[self.granularity]
        return Span(_floor(now, self.granularity) - (self.bars - 1) * step, now, self.granularity)


RANGES: Final = {
    "hour": Range("hour", "Last hour", "minute", 60),
    "day": Range("day", "Last 24 hours", "hour", 24),
    "7d": Range("7d", "Last 7 days", "day", 7),
    "30d": Range("30d", "Last 30 days", "day", 30),
    "90d": Range("90d", "Last 90 days", "day", 90),
    "12m": Range("12m", "Last 12 months", "month", 12),
}


def days(first: datetime, last: datetime, *, now: datetime) -> Span:
    """From one day to another, both included, in either order; at most a year, which then ends with the later."""
    start, end = min(first, last), max(first, last) + DAY
    start = max(start, end - LONGEST_RANGE)
    if start < now < end:
        end = now
    whole = end - start
    granularity = "hour" if whole <= LONGEST_BY_HOUR else "day" if whole <= LONGEST_BY_DAY else "month"
    return Span(start, end, granularity)


def after(moment: datetime, granularity: str) -> datetime:
    """The beginning of the next bar."""
    if granularity == "month":
        return moment.replace(year=moment.year + moment.month // 12, month=moment.month % 12 + 1)
    return moment + STEPS[granularity]


def _floor(moment: datetime, granularity: str) -> datetime:
    if granularity == "month":
        return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return moment - (moment - EPOCH) % STEPS[granularity]


def _months_before(moment: datetime, months: int) -> datetime:
    """The same moment of an earlier month; of a shorter one, of its last day."""
    number = moment.year * 12 + moment.month - 1 - months
    year, month = number // 12, number % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
