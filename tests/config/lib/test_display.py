"""How amounts and durations read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lib.display import change_text, duration_text, exact_money_text, money_text


class TestMoneyForReading:
    @pytest.mark.parametrize(
        ("nano", "text"),
        [
            (0, "$0.00"),
            (1, "$0.000000001"),
            (1_234_567, "$0.00123"),
            (500_000_000, "$0.50"),
            (999_999_999, "$1.00"),
            (12_345_678_900, "$12.35"),
            (1_234_567_000_000_000, "$1,234,567.00"),
            (-2_130_000, "−$0.00213"),
        ],
    )
    def test_has_cents_and_below_a_dollar_three_digits_that_count(self, nano: int, text: str) -> None:
        assert money_text(nano) == text

    @given(st.integers(min_value=1, max_value=2**63 - 1))
    def test_is_never_nothing_when_there_is_some(self, nano: int) -> None:
        assert money_text(nano).strip("$0.,") != ""


class TestExactMoney:
    @pytest.mark.parametrize(
        ("nano", "text"), [(1, "$0.000000001"), (12_500_000_000, "$12.50"), (-3_000_000_000, "−$3.00")]
    )
    def test_keeps_every_nano_dollar(self, nano: int, text: str) -> None:
        assert exact_money_text(nano) == text


class TestDurations:
    @pytest.mark.parametrize(
        ("milliseconds", "text"),
        [(0, "0 ms"), (999, "999 ms"), (1240, "1.24 s"), (59_999, "60.00 s"), (125_400, "2 min 5 s")],
    )
    def test_are_in_the_unit_that_reads_best(self, milliseconds: int, text: str) -> None:
        assert duration_text(milliseconds) == text


class TestChanges:
    @pytest.mark.parametrize(
        ("now", "before", "text"),
        [
            (112, 100, "+12 %"),
            (0, 4, "−100 %"),
            (1001, 1000, "+<1 %"),
            (5000, 2, "+249,900 %"),
            (3, 3, "no change"),
            (3, 0, "new"),
            (0, 0, "no change"),
        ],
    )
    def test_are_told_in_percent_of_what_was(self, now: int, before: int, text: str) -> None:
        assert change_text(now, before) == text
