"""A destination gets as many traces at once as it manages in time."""

from __future__ import annotations

import pytest

from observability.batch_growth import most_after
from observability.door import TOTAL_SECONDS

MOST = 100


def batches(seconds_per_trace: float, count: int, now: int | None = None) -> list[tuple[int, bool]]:
    """Batches at a vendor that takes so long for each trace: how many each had, and whether it was too late."""
    done = []
    for _ in range(count):
        sent = now or MOST
        seconds = min(sent * seconds_per_trace, TOTAL_SECONDS)
        is_late = seconds == TOTAL_SECONDS
        done.append((sent, is_late))
        now = most_after(now, sent=sent, most=MOST, seconds=seconds, is_late=is_late)
    return done


class TestABatch:
    def test_is_halved_until_it_is_done_in_time_and_stays_so(self):
        assert batches(1.0, 6) == [(100, True), (50, True), (25, True), (12, False), (12, False), (12, False)]

    @pytest.mark.parametrize("seconds_per_trace", [0.16, 0.3, 1.5, 7.0, 14.0])
    def test_is_late_a_few_times_and_never_again(self, seconds_per_trace):
        is_late = [late for _, late in batches(seconds_per_trace, 50)]

        assert is_late == sorted(is_late, reverse=True)
        assert sum(is_late) < 7

    def test_is_one_trace_at_least(self):
        assert batches(99.0, 20)[-1] == (1, True)

    def test_grows_to_all_that_the_vendor_takes(self):
        assert [sent for sent, _ in batches(0.001, 9, now=1)] == [1, 2, 4, 8, 16, 32, 64, 100, 100]

    def test_is_no_larger_for_a_small_one_that_was_quick(self):
        assert most_after(8, sent=3, most=MOST, seconds=0.1, is_late=False) == 8
