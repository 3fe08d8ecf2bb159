"""Gateways killed, paused and told to stop, many times; every drill is judged by the provider's own record."""

from __future__ import annotations

import pytest

from tests.faults import gateway_drills
from tests.faults.harness import GATEWAYS
from tests.faults.report import report
from tests.faults.wire import Point

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

ROUNDS_AT_RANDOM = 100
ROUNDS_AT_POINTS = 20
CALLS = ROUNDS_AT_POINTS * gateway_drills.CALLS_PER_KILL


class TestAGatewayThatIsKilled:
    def test_at_a_hundred_random_moments_loses_and_doubles_nothing(self, drill):
        seen = gateway_drills.kill_at_random(drill, ROUNDS_AT_RANDOM)

        report("kill -9 at random moments", ROUNDS_AT_RANDOM, seen)
        assert seen.verdict.exact > 0
        assert seen.verdict.interrupted > 0
        drill.check_by_command()

    def test_twenty_times_at_every_point_of_a_calls_life_charges_what_is_known_to_be_delivered(self, drill):
        seen = gateway_drills.kill_at_every_point(drill, ROUNDS_AT_POINTS)

        report(f"kill -9 with {gateway_drills.CALLS_PER_KILL} calls at each point", ROUNDS_AT_POINTS, seen)
        assert seen.verdict.uncalled == CALLS
        assert seen.verdict.interrupted == 3 * CALLS
        assert seen.verdict.exact == ROUNDS_AT_POINTS
        assert not any(trace.is_whole for trace in seen.settled)
        assert seen.at(Point.BEFORE_THE_CALL) == {"free"}
        assert seen.at(Point.BEFORE_THE_FIRST_BYTE) == {"free"}
        assert seen.at(Point.MID_STREAM) == {"charged"}
        assert seen.at(Point.AFTER_THE_LAST_CHUNK) == {"charged"}
        drill.check_by_command()


class TestAGatewayThatIsPaused:
    @pytest.mark.parametrize("part", GATEWAYS * 2)
    def test_beyond_the_reapers_patience_is_fenced_and_goes_on(self, drill, part):
        seen = gateway_drills.pause_gateway(drill, part)

        report("SIGSTOP beyond the reaper's patience", 1, seen)
        assert seen.verdict.exact > 0


class TestAGatewayThatIsTold:
    def test_to_stop_charges_the_streams_that_it_ends(self, drill):
        seen = gateway_drills.stop_gracefully(drill)

        report("SIGTERM with streams that outlast the drain", 1, seen)
        assert seen.verdict.interrupted == 0
        assert all(trace.error for trace in seen.traces)
