"""A limit over two gateway processes: exact when the estimate is the cost, never passed when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.e2e.load import send_at_once
from tests.e2e.test_first_light import Acme, ask
from tests.live_stack import running_stack, stack_folder

PAID_FOR, SENT = 50, 200


@pytest.fixture(scope="module")
def acme() -> Iterator[Acme]:
    """A stack with two gateways on one port."""
    with stack_folder() as folder, running_stack(folder / "data", "--demo", "--gateways", "2") as stack:
        yield Acme(stack)


def price_per_request(acme: Acme, model: str) -> Decimal:
    endpoints = ask(f"{acme.base}/models/{model}/endpoints", acme.default["api_key"])["data"]["endpoints"]
    return Decimal(endpoints[0]["pricing"]["request"])


class TestAKeyThatPaysForFiftyRequests:
    @pytest.mark.parametrize("time", range(10))
    def test_pays_for_exactly_fifty_of_two_hundred_at_once(self, acme, time):
        price = price_per_request(acme, "simulator/flat")
        secret, hash_ = acme.new_key(limit=float(price * PAID_FOR))
        body = {"model": "simulator/flat", "messages": [{"role": "user", "content": "hello"}]}

        answers = send_at_once(acme.base, secret, body, SENT)

        assert answers == {200: PAID_FOR, 402: SENT - PAID_FOR}
        acme.wait_until_booked(hash_, price * PAID_FOR)
        assert acme.key(hash_)["limit_remaining"] == 0

    def test_never_pays_for_more_when_estimates_are_twice_the_cost(self, acme):
        # echo says ten words, although it might say twenty-one: about twice its cost is held for it.
        body = {
            "model": "simulator/echo",
            "messages": [{"role": "user", "content": "word " * 10}],
            "max_tokens": 21,
            "provider": {"only": ["simulator"]},  # the others have other prices
        }
        probe, probe_hash = acme.new_key()
        assert send_at_once(acme.base, probe, body, 1) == {200: 1}
        acme.stack.wait(lambda: acme.key(probe_hash)["usage"] > 0)
        cost = acme.key(probe_hash)["usage"]
        secret, hash_ = acme.new_key(limit=float(cost * PAID_FOR))

        first = send_at_once(acme.base, secret, body, SENT)
        second = [send_at_once(acme.base, secret, body, 1) for _ in range(PAID_FOR - first[200] + 1)]

        assert first[200] <= PAID_FOR
        assert second[:-1] == [{200: 1}] * (PAID_FOR - first[200]), "refused while money was left"
        assert second[-1] == {402: 1}
        acme.wait_until_booked(hash_, cost * PAID_FOR)

    def test_leaves_the_books_in_order(self, acme):
        assert "clean" in acme.stack.manage("reconcile")
