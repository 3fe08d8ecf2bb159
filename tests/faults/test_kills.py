"""Gateways killed, paused and told to stop, many times; every drill is judged by the provider's own record."""

from __future__ import annotations

import pytest

from tests.faults import drills
from tests.faults.harness import GATEWAYS, Point
from tests.faults.report import report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

ROUNDS_AT_RANDOM = 100
ROUNDS_AT_A_POINT = 20
CALLS = ROUNDS_AT_A_POINT * drills.CALLS_PER_KILL


class TestAGatewayThatIsKilled:
    def test_at_a_hundred_random_moments_loses_and_doubles_nothing(self, drill):
        seen = drills.kill_at_random(drill, ROUNDS_AT_RANDOM)

        report("kill -9 at random moments", ROUNDS_AT_RANDOM, seen)
        assert seen.verdict.exact > 0
        assert seen.verdict.interrupted > 0
        drill.check_by_command()

    def test_before_the_call_charges_nothing(self, drill):
        seen = drills.kill_at(drill, Point.BEFORE_THE_CALL, ROUNDS_AT_A_POINT)

        report("kill -9 before the call", ROUNDS_AT_A_POINT, seen)
        assert seen.verdict.uncalled == CALLS
        assert seen.verdict.charged_nano == 0

    def test_before_the_first_byte_charges_nothing(self, drill):
        seen = drills.kill_at(drill, Point.BEFORE_THE_FIRST_BYTE, ROUNDS_AT_A_POINT)

        report("kill -9 before the first byte", ROUNDS_AT_A_POINT, seen)
        assert seen.verdict.interrupted == CALLS
        assert seen.verdict.charged_nano == 0

    def test_in_mid_stream_charges_up_to_the_last_checkpoint(self, drill):
        seen = drills.kill_at(drill, Point.MID_STREAM, ROUNDS_AT_A_POINT)

        report("kill -9 in mid-stream", ROUNDS_AT_A_POINT, seen)
        assert seen.verdict.interrupted == CALLS

    def test_between_the_last_chunk_and_the_settlement_charges_up_to_the_last_checkpoint(self, drill):
        seen = drills.kill_at(drill, Point.AFTER_THE_LAST_CHUNK, ROUNDS_AT_A_POINT)

        report("kill -9 after the last chunk", ROUNDS_AT_A_POINT, seen)
        assert seen.verdict.interrupted == CALLS
        assert all(len(trace.arrivals) == 12 for trace in seen.traces)

    def test_between_the_settlement_and_the_callers_last_byte_charges_all(self, drill):
        seen = drills.kill_after_the_settlement(drill, ROUNDS_AT_A_POINT)

        report("kill -9 after the settlement", ROUNDS_AT_A_POINT, seen)
        assert seen.verdict.exact == ROUNDS_AT_A_POINT
        assert not any(trace.is_whole for trace in seen.traces)


class TestAGatewayThatIsPaused:
    @pytest.mark.parametrize("part", GATEWAYS * 2)
    def test_beyond_the_reapers_patience_is_fenced_and_goes_on(self, drill, part):
        seen = drills.pause_gateway(drill, part)

        report("SIGSTOP beyond the reaper's patience", 1, seen)
        assert seen.verdict.exact > 0


class TestAGatewayThatIsTold:
    def test_to_stop_charges_the_streams_that_it_ends(self, drill):
        seen = drills.stop_gracefully(drill)

        report("SIGTERM with streams that outlast the drain", 1, seen)
        assert seen.verdict.interrupted == 0
        assert all(trace.error for trace in seen.traces)
