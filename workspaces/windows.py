"""When a purse's window begins and ends: microseconds since 1970, UTC; the twin of SQL's window_start_of."""

from datetime import UTC, datetime, timedelta

DAY = 86_400_000_000
WEEK = 7 * DAY
FIRST_MONDAY = 4 * DAY
"""1970 began on a Thursday."""
LIFETIME_STARTS_AT = 10_957 * DAY
"""2000-01-01: a real date, because drivers cannot read an infinite one (spec/money.md §9)."""
LIFETIME_ENDS_AT = 1 << 62
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def window_of(interval: str, at: int) -> tuple[int, int]:
    """Return start and end of the window of interval d, w, m or t (lifetime) that holds the moment `at`."""
    if interval == "t":
        return LIFETIME_STARTS_AT, LIFETIME_ENDS_AT
    if interval == "d":
        start = at - at % DAY
        return start, start + DAY
    if interval == "w":
        start = at - (at - FIRST_MONDAY) % WEEK
        return start, start + WEEK
    if interval == "m":
        return _month_of(at)
    raise ValueError(f"{interval!r} is no interval")


def window_start(interval: str, at: int) -> int:
    """Return where the window begins that holds the moment `at`."""
    return window_of(interval, at)[0]


def to_datetime(at: int) -> datetime:
    """Return a moment of this module as an aware datetime, exactly."""
    return EPOCH + at * MICROSECOND


def from_datetime(moment: datetime) -> int:
    """Return an aware datetime as a moment of this module, exactly."""
    return (moment - EPOCH) // MICROSECOND


def _month_of(at: int) -> tuple[int, int]:
    first = to_datetime(at - at % DAY).replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return from_datetime(first), from_datetime(following)
