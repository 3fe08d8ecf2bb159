"""Which limit is named when purses are empty, and in which words."""

from __future__ import annotations

import pytest

from routing.limits import purse_refusal
from routing.policy import LayerLimit, PurseLimit
from tests.routing.make import CREDITS, KEY_LIMIT

USD = 10**9


def make_purse(*limits: LayerLimit, number: int = 7, interval: str = "d") -> PurseLimit:
    least = min(limits, key=lambda limit: limit.limit_nano)
    return PurseLimit(number, interval, False, limits[0].layer, least.limit_nano, limits=limits)


class TestTheWords:
    @pytest.mark.parametrize(
        ("layer", "words"),
        [
            ("workspace", "Workspace daily budget of $50.00 exceeded."),
            ("workspace_default_member", "Workspace guardrail daily budget of $50.00 per member exceeded."),
            ("workspace_default_key", "Workspace guardrail daily budget of $50.00 per key exceeded."),
            ("member", "Member guardrail daily budget of $50.00 exceeded."),
            ("api_key", "Key guardrail daily budget of $50.00 exceeded."),
        ],
    )
    def test_of_a_budget_are_403_and_say_whose_it_is(self, layer: str, words: str):
        refusal = purse_refusal([PurseLimit(1, "d", False, layer, 50 * USD)])

        assert (refusal.status, refusal.rule, refusal.layer) == (403, "budget", layer)
        assert refusal.message == f"{words} Contact your org admin."

    def test_of_a_keys_limit_and_of_credits_are_402(self):
        assert purse_refusal([KEY_LIMIT]).message == "Key limit exceeded (monthly limit)."
        assert purse_refusal([KEY_LIMIT]).status == purse_refusal([CREDITS]).status == 402


class TestTheLayerThatIsNamed:
    def test_is_the_first_in_the_order_of_enforcement(self):
        order = [
            *("workspace_default_member", "workspace_default_key", "member", "api_key", "workspace"),
            *("key", "credits"),
        ]
        purses = [PurseLimit(number, "d", False, layer, USD) for number, layer in enumerate(order)]

        named = []
        while purses:
            named.append(purse_refusal(reversed(purses)).layer)
            purses.pop(0)

        assert named == order

    def test_of_two_limits_on_one_purse_is_the_lower_one(self):
        purse = make_purse(LayerLimit("api_key", 9 * USD, False), LayerLimit("key", 5 * USD, False))

        assert purse_refusal([purse]).layer == "key"

    def test_of_two_equal_ones_is_the_first(self):
        purse = make_purse(LayerLimit("api_key", 5 * USD, False), LayerLimit("key", 5 * USD, False))

        assert purse_refusal([purse]).layer == "api_key"

    @pytest.mark.parametrize(("byok", "layer"), [(0, "key"), (3 * USD, "key"), (5 * USD, "api_key")])
    def test_depends_on_byok_where_only_one_of_them_counts_it(self, byok: int, layer: str):
        purse = make_purse(LayerLimit("api_key", 9 * USD, True), LayerLimit("key", 5 * USD, False))

        assert purse_refusal([purse], {purse.purse_id: byok}).layer == layer
