"""The time that a page about activity looks at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from observability.usage_spans import RANGES, Span, days

NOW = datetime(2026, 3, 31, 14, 25, 30, tzinfo=UTC)


def day(text: str) -> datetime:
    """The beginning of a day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestARange:
    @pytest.mark.parametrize("name", RANGES)
    def test_ends_now_and_has_its_bars(self, name: str) -> None:
        span = RANGES[name].until(NOW)

        assert span.end == NOW
        assert len(span.beginnings) == RANGES[name].bars
        assert span.beginnings[0] == span.start

    @pytest.mark.parametrize("name", RANGES)
    def test_has_as_many_bars_before(self, name: str) -> None:
        span = RANGES[name].until(NOW)
        earlier = span.earlier()

        assert len(earlier.beginnings) == len(span.beginnings)
        assert earlier.end <= span.start

    def test_of_months_ends_with_a_shorter_months_last_day(self) -> None:
        span = Span(day("2026-03-01"), NOW, "month")

        assert span.earlier() == Span(day("2026-02-01"), NOW.replace(month=2, day=28), "month")


class TestDays:
    @pytest.mark.parametrize(
        ("first", "last", "granularity", "bars"),
        [
            ("2026-03-30", "2026-03-30", "hour", 24),
            ("2026-03-29", "2026-03-30", "hour", 48),
            ("2026-03-30", "2026-03-28", "day", 3),
            ("2026-01-15", "2026-03-30", "day", 75),
            ("2025-11-15", "2026-03-30", "month", 5),
        ],
    )
    def test_have_bars_that_can_be_told_apart(
        self, first: str, last: str, granularity: str, bars: int
    ) -> None:
        span = days(day(first), day(last), now=NOW)

        assert (span.granularity, len(span.beginnings)) == (granularity, bars)

    def test_end_now_where_the_last_is_today(self) -> None:
        assert days(day("2026-03-31"), day("2026-04-20"), now=NOW).end == NOW

    def test_are_at_most_a_year(self) -> None:
        span = days(day("2001-01-01"), day("2026-03-30"), now=NOW)

        assert span.end - span.start == timedelta(days=366)
