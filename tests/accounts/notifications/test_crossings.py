"""Which thresholds were crossed: the pure function, alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from accounts.notifications.crossings import DaysLeft, Mark, Percent, Reading, Remaining, crossings

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
THRESHOLDS = (50, 80, 100)


def spent(value: int, limit: int = 100, window: datetime = MONDAY) -> Reading:
    """So much of a limit, in a window."""
    return Reading(1, "workspace:7/d", value, limit, window)


def told(*readings: Reading, thresholds: tuple[int, ...] = THRESHOLDS, scale=None) -> list[int | None]:
    """What is told at each of the readings, one look after the other."""
    marks: frozenset[Mark] = frozenset()
    seen: list[int | None] = []
    for reading in readings:
        crossed, marks = crossings(scale or Percent(), thresholds, marks, [reading])
        seen.append(crossed[0].threshold if crossed else None)
    return seen


class TestABudget:
    def test_is_told_of_once_at_each_threshold(self):
        assert told(*map(spent, [10, 49, 50, 51, 79, 80, 81, 99, 100, 130])) == [
            *(None, None, 50, None, None, 80, None, None, 100, None)
        ]

    def test_is_told_of_at_the_highest_of_several_that_are_reached_at_once(self):
        assert told(*map(spent, [10, 90, 95, 100])) == [None, 80, None, 100]

    def test_is_told_of_again_in_the_next_window(self):
        assert told(spent(85), spent(85), spent(85, window=TUESDAY)) == [80, None, 80]

    def test_is_not_told_of_again_for_jitter_around_a_threshold(self):
        assert told(*(spent(80, limit) for limit in (100, 102, 100, 104, 100, 106, 99))) == [80, *[None] * 6]

    def test_is_told_of_again_after_it_was_raised_beyond_the_margin(self):
        assert told(spent(80), spent(80, 120), spent(96, 120)) == [80, None, 80]

    def test_keeps_what_is_below_the_threshold_that_was_left(self):
        assert told(spent(85), spent(85, 120), spent(100, 120)) == [80, None, 80]

    def test_of_nothing_tells_nobody_anything(self):
        assert told(spent(5, 0), spent(0, 0)) == [None, None]

    def test_with_a_lower_threshold_added_is_no_news(self):
        _, marks = crossings(Percent(), (80,), (), [spent(85)])

        crossed, marks = crossings(Percent(), (50, 80), marks, [spent(86)])

        assert not crossed
        assert {mark.threshold for mark in marks} == {50, 80}

    def test_that_is_gone_leaves_no_marks(self):
        _, marks = crossings(Percent(), THRESHOLDS, (), [spent(85)])

        assert crossings(Percent(), THRESHOLDS, marks, []) == ([], frozenset())

    def test_leaves_small_thresholds_too(self):
        assert told(*map(spent, [3, 2, 1, 3]), thresholds=(3,)) == [3, None, None, 3]


class TestABalance:
    def test_is_told_of_below_the_amount_and_again_after_a_tenth_more(self):
        balances = [Reading(1, "balance", value) for value in (600, 499, 505, 499, 549, 480, 550, 499)]

        assert told(*balances, thresholds=(500,), scale=Remaining()) == [
            *(None, 500, None, None, None, None, None, 500)
        ]

    def test_is_told_of_at_the_lowest_of_several_amounts(self):
        balances = [Reading(1, "balance", value) for value in (900, 50, 400)]

        assert told(*balances, thresholds=(500, 100), scale=Remaining()) == [None, 100, None]


class TestADate:
    def test_is_told_of_when_it_is_known_and_as_it_comes_near(self):
        days = [Reading(1, "model:a/b@2026-12-31", left) for left in (40, 39, 8, 7, 6, 1, 0)]

        assert told(*days, thresholds=(36_500, 7, 1), scale=DaysLeft()) == [
            *(36_500, None, None, 7, None, 1, None)
        ]


@given(
    path=st.lists(st.tuples(st.integers(0, 130), st.integers(60, 140)), max_size=60),
    thresholds=st.sets(st.integers(1, 120), min_size=1, max_size=4),
)
def test_every_threshold_is_told_of_exactly_once_between_two_times_it_is_left(path, thresholds):
    """Against one switch for each threshold, which goes on when reached and off when left by five points."""
    marks: frozenset[Mark] = frozenset()
    on: set[int] = set()
    for value, limit in path:
        crossed, marks = crossings(Percent(), thresholds, marks, [spent(value, limit)])

        share = value * 100 / limit
        off = {each for each in on if share < max(each - 5, each / 2)}
        newly = {each for each in thresholds if share >= each} - (on - off)
        is_news = newly and max(newly) > max(on - off, default=0)
        on = on - off | newly
        assert [each.threshold for each in crossed] == ([max(newly)] if is_news else [])
        assert {mark.threshold for mark in marks} == on
