"""What is known of endpoints: percentiles over five minutes, uptime, outages, tool calls; from several processes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from routing.decision import EndpointStats
from routing.gateway.health import Health
from routing.gateway.windows import bin_of, percentiles

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ECHO = 7


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def answer(health, latency=0.5, speed=40.0, count=1):
    for _ in range(count):
        health.succeed(ECHO, latency=latency, tokens=100, seconds=100 / speed)


class TestPercentiles:
    @given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=200))
    def test_are_true_to_five_percent(self, values):
        bins: dict[int, int] = {}
        for value in values:
            bins[bin_of(value)] = bins.get(bin_of(value), 0) + 1

        found = percentiles(bins, is_least=False)

        ordered = sorted(values)
        for share, seen in zip((0.5, 0.75, 0.9, 0.99), found, strict=True):
            assert seen == pytest.approx(ordered[math.ceil(share * len(values)) - 1], rel=0.05)

    def test_of_speeds_are_what_most_requests_reach(self):
        bins = {bin_of(speed): 1 for speed in (10, 20, 40, 80)}

        assert percentiles(bins, is_least=True).p50 == pytest.approx(40, rel=0.05)
        assert percentiles(bins, is_least=True).p99 == pytest.approx(10, rel=0.05)

    def test_of_nothing_are_unknown(self):
        assert percentiles({}, is_least=False) is None


class TestAnEndpoint:
    def test_is_known_by_its_last_five_minutes(self, clock):
        health = Health()
        answer(health, latency=0.5, speed=40, count=9)
        answer(health, latency=8, speed=2)

        health.refresh()

        stats = health.stats[ECHO]
        assert stats.latency.p50 == pytest.approx(0.5, rel=0.05)
        assert stats.latency.p99 == pytest.approx(8, rel=0.05)
        assert stats.throughput.p50 == pytest.approx(40, rel=0.05)
        assert stats.throughput.p99 == pytest.approx(2, rel=0.05)
        assert stats.uptime == 1

    def test_is_forgotten_after_five_minutes_and_its_uptime_after_a_day(self, clock):
        health = Health()
        answer(health)
        health.refresh()

        clock.shift(timedelta(minutes=5, seconds=10))
        health.refresh()
        assert health.stats[ECHO] == EndpointStats()
        assert health.window(ECHO).half_hour().good == 1

        clock.shift(timedelta(minutes=31))
        health.refresh()
        assert health.window(ECHO).half_hour().good == 0
        assert health.window(ECHO).day().uptime == 1

        clock.shift(timedelta(days=1))
        health.refresh()
        assert health.window(ECHO) is None

    def test_says_nothing_about_its_speed_by_a_few_words(self, clock):
        health = Health()
        health.succeed(ECHO, latency=0.5, tokens=3, seconds=0.01)

        health.refresh()

        assert health.stats[ECHO].throughput is None

    def test_counts_failures_against_its_uptime_but_not_that_it_was_at_capacity(self, clock):
        health = Health()
        answer(health, count=3)
        health.fail(ECHO)
        health.fail(ECHO, is_counted=False)

        health.refresh()

        assert health.stats[ECHO].uptime == 0.75

    def test_counts_requests_with_wrong_tool_calls(self, clock):
        health = Health()
        for is_error in (True, False, False):
            health.note_tool_calls(ECHO, is_error=is_error)

        health.refresh()

        assert (health.stats[ECHO].tool_errors, health.stats[ECHO].tool_requests) == (1, 3)


class TestAnOutage:
    def test_is_a_failure_of_who_hardly_ever_answers(self, clock):
        health = Health()

        health.fail(ECHO)

        assert health.stats[ECHO].last_failure_at == NOON.timestamp()

    def test_is_not_one_failure_of_many_answers(self, clock):
        health = Health()
        answer(health, count=100)
        health.refresh()

        health.fail(ECHO)

        assert health.stats[ECHO].last_failure_at is None

    def test_is_remembered_while_answers_come(self, clock):
        health = Health()
        health.fail(ECHO)

        answer(health)
        health.refresh()

        assert health.stats[ECHO].last_failure_at == NOON.timestamp()


class TestAnotherProcess:
    def test_hears_of_answers_and_outages(self, clock):
        here, there = Health(), Health()
        answer(here, count=2)
        here.fail(ECHO)

        there.hear(here.refresh())

        assert there.stats == here.stats

    def test_is_told_nothing_where_nothing_happened(self, clock):
        assert Health().refresh() is None

    def test_is_told_each_thing_once(self, clock):
        health = Health()
        answer(health)

        assert health.refresh() is not None
        assert health.refresh() is None
