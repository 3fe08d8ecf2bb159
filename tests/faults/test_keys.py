"""Keys that are disabled and limits that are reached, on two gateways, again and again."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from tests.e2e.load import send_at_once
from tests.e2e.test_first_light import Acme
from tests.e2e.test_limits import PAID_FOR, SENT, price_per_request
from tests.faults import drills, gateway_drills
from tests.faults.harness import GATEWAYS, unheard_drill
from tests.faults.report import note, report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


class TestADisabledKey:
    def test_is_refused_everywhere_within_a_second_ten_times(self, drill):
        slowest = 0.0
        for _ in range(10):
            seen = drills.disable_key(drill)
            slowest = max(slowest, seen.seconds_served)
            assert seen.refusals == {401}
            assert seen.stream.is_whole

        note(f"disabled key, 10 times: served for at most {slowest:.2f} s")
        assert slowest < 1.0

    def test_is_refused_within_five_seconds_with_notifications_cut(self, drill):
        seen = drills.disable_key(drill, are_notifications_cut=True)

        report(f"disabled key, notifications cut: served for {seen.seconds_served:.2f} s", 1, seen)
        assert seen.seconds_served < 5.0
        assert seen.stream.is_whole


class TestGatewaysThatNeverHear:
    """HEADGATE_LISTEN_DATABASE_URL leads nowhere from the start."""

    def test_serve_and_refuse_a_disabled_key_within_five_seconds(self):
        with unheard_drill() as drill:
            seen = drills.disable_key(drill, are_notifications_cut=True)

            report(f"disabled key, no LISTEN at all: served for {seen.seconds_served:.2f} s", 1, seen)
            assert seen.seconds_served < 5.0
            assert seen.refusals == {401}


class TestAKeyThatPaysForFiftyRequests:
    def test_pays_for_exactly_fifty_of_two_hundred_ten_times_with_a_gateway_killed_in_between(self, drill):
        acme = Acme(drill.stack)
        price = price_per_request(acme, "simulator/flat")
        body = {"model": "simulator/flat", "messages": [{"role": "user", "content": "hello"}]}
        for number in range(10):
            secret, hash_ = acme.new_key(limit=float(price * PAID_FOR))

            answers = send_at_once(acme.base, secret, body, SENT)

            assert answers == {200: PAID_FOR, 402: SENT - PAID_FOR}, number
            acme.wait_until_booked(hash_, price * PAID_FOR)
            if number == 4:
                drill.replace(GATEWAYS[0])
        note(f"200 at once on a limit for 50, ten times: exactly 50 each ({time.strftime('%Y-%m-%d')})")
        drill.check_by_command()

    def test_is_charged_its_whole_limit_and_no_more_with_gateways_killed_all_the_while(self, drill):
        limit = Decimal("0.4")

        seen, hash_ = gateway_drills.spend_out(drill, float(limit))

        report("a limit for 400 requests spent out while gateways are killed", 1, seen)
        assert seen.verdict.charged_nano == limit * 10**9
        drill.acme.wait_until_booked(hash_, limit)
        drill.check_by_command()
