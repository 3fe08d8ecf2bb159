"""Money as integers: exact or refused, and rounded once."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lib.money import (
    NotAnAmount,
    femto_from_usd,
    nano_from_femto,
    nano_from_usd,
    plain_usd,
    usd_from_femto,
    usd_from_nano,
    window_start,
)


class TestAnAmount:
    @given(st.integers(-9 * 10**18, 9 * 10**18))
    def test_survives_the_way_to_dollars_and_back(self, nano):
        assert nano_from_usd(usd_from_nano(nano)) == nano

    @pytest.mark.parametrize(
        "text", ["0.0000000001", "1.00000000000000000000000000001", "NaN", "Infinity", "1e30"]
    )
    def test_that_the_books_cannot_hold_is_refused(self, text):
        with pytest.raises(NotAnAmount):
            nano_from_usd(Decimal(text))

    @pytest.mark.parametrize(("nano", "text"), [(1, "0.000000001"), (12_500_000_000, "12.5"), (0, "0")])
    def test_is_shown_without_an_exponent(self, nano, text):
        assert plain_usd(usd_from_nano(nano)) == text


class TestAPrice:
    @given(st.integers(0, 9 * 10**18))
    def test_survives_the_way_to_dollars_and_back(self, femto):
        assert femto_from_usd(usd_from_femto(femto)) == femto

    @pytest.mark.parametrize(
        "text", ["0.0000000000000001", "1.0000000000000000000000000000001", "NaN", "9001"]
    )
    def test_that_is_too_fine_or_too_large_is_refused(self, text):
        with pytest.raises(NotAnAmount):
            femto_from_usd(Decimal(text))


class TestARequestsSum:
    @pytest.mark.parametrize(
        ("femto", "nano"), [(0, 0), (499_999, 0), (500_000, 1), (1_499_999, 1), (1_500_000, 2)]
    )
    def test_is_rounded_half_up(self, femto, nano):
        assert nano_from_femto(femto) == nano


class TestAWindow:
    @pytest.mark.parametrize(
        ("interval", "start"),
        [("d", "2026-11-26"), ("w", "2026-11-23"), ("m", "2026-11-01"), ("t", "2000-01-01")],
    )
    def test_starts_at_midnight_on_monday_or_on_the_first(self, interval, start):
        at = datetime(2026, 11, 26, 17, 30, tzinfo=UTC)

        assert window_start(interval, at) == datetime.fromisoformat(start).replace(tzinfo=UTC)
