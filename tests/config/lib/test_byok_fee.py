"""The fee for requests with one's own provider key."""

from __future__ import annotations

from decimal import Decimal

import pytest

from config.lib.byok_fee import ByokFee
from config.lib.environment import Environment


class TestTheFee:
    @pytest.mark.parametrize(
        ("percent", "list_price", "fee"),
        [
            ("5", 1_000_000_000, 50_000_000),
            ("5", 9, 0),
            ("5", 10, 1),  # half a nano-dollar is rounded up
            ("5", 30, 2),
            ("0", 1_000_000_000, 0),
            ("100", 7, 7),
            ("0.0001", 1_000_000, 1),
            ("2.5", 1_000_000_001, 25_000_000),
        ],
    )
    def test_is_a_share_of_the_list_price(self, percent: str, list_price: int, fee: int):
        byok = ByokFee.of(percent=Decimal(percent), free_monthly_usd=Decimal(0))

        assert byok.on(list_price) == fee

    def test_is_five_percent_beyond_what_is_free_unless_set_otherwise(self):
        assert Environment().byok_fee == ByokFee(50_000, 25_000 * 10**9)

    def test_is_what_the_operator_sets(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("HEADGATE_BYOK_FEE_PERCENT", "2.5")
        monkeypatch.setenv("HEADGATE_BYOK_FREE_MONTHLY_USD", "0.5")

        assert Environment().byok_fee == ByokFee(25_000, 500_000_000)

    @pytest.mark.parametrize("percent", ["-1", "101", "much", "0.00001", "NaN"])
    def test_is_no_other_share(self, monkeypatch: pytest.MonkeyPatch, percent: str):
        monkeypatch.setenv("HEADGATE_BYOK_FEE_PERCENT", percent)

        with pytest.raises(ValueError, match="HEADGATE_BYOK_FEE_PERCENT"):
            Environment()
