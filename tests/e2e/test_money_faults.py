"""Each money fault once, on one stack; `tests/faults` repeats them many times (docs/money.md has the figures).

Every drill ends with the same judgement (tests/faults/oracle.py): one generation and one charge for each call in
the provider's own record, exact where it was completed, between the last checkpoint and what was produced where
it was interrupted, the ledger moved by exactly that, and reconcile clean.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import drills, gateway_drills, tool_drills
from tests.faults.harness import ACCOUNTED_SECONDS, GATEWAYS, Drill, running_drill
from tests.faults.wire import Point


@pytest.fixture(scope="module")
def running() -> Iterator[Drill]:
    """One stack for the module."""
    with running_drill() as drill:
        yield drill


@pytest.fixture
def drill(running: Drill) -> Drill:
    running.begin()
    return running


class TestAGatewayThatIsKilled:
    def test_under_streaming_load_loses_and_doubles_nothing(self, drill):
        seen = gateway_drills.kill_at_random(drill, 2)

        assert seen.verdict.exact > 0

    def test_at_any_point_of_a_calls_life_charges_what_is_known_to_be_delivered(self, drill):
        seen = gateway_drills.kill_at_every_point(drill, 1)

        assert seen.at(Point.BEFORE_THE_CALL) == {"free"}
        assert seen.at(Point.BEFORE_THE_FIRST_BYTE) == {"free"}
        assert seen.at(Point.MID_STREAM) == {"charged"}
        assert seen.at(Point.AFTER_THE_LAST_CHUNK) == {"charged"}
        assert seen.verdict.exact == len(seen.settled) == 1
        assert not any(trace.is_whole for trace in seen.settled)

    def test_within_answers_and_tools_charges_once_what_was_delivered(self, drill):
        seen = tool_drills.in_the_middle(drill, tool_drills.kill)

        assert seen.verdict.interrupted == sum(tool_drills.OPEN.values())
        assert seen.charged_searches == seen.served_searches == 2
        assert seen.streamed.arrivals
        assert not seen.streamed.is_whole


class TestAGatewayThatIsPaused:
    def test_beyond_the_reapers_patience_is_fenced_and_goes_on(self, drill):
        seen = gateway_drills.pause_gateway(drill, GATEWAYS[0])

        assert seen.verdict.exact > 0


class TestADatabaseThatIsAway:
    def test_is_no_reason_to_refuse_while_leases_last(self, drill):
        outage, steady, short, strangers = drills.stop_database(drill, 5)

        assert [trace for trace in outage.during(steady) if trace.status != 200] == []
        refused = [trace for trace in outage.during(short) if trace.status != 200]
        assert refused
        assert {trace.status for trace in refused} == {503}
        assert all(trace.retry_after for trace in refused)
        assert {trace.status for trace in outage.during(strangers)} == {503}
        assert outage.accounted_seconds < ACCOUNTED_SECONDS

    def test_killed_without_a_word_loses_nothing(self, drill):
        seen = drills.kill_database(drill, 1)

        assert seen.verdict.exact > 0


class TestIngest:
    def test_killed_and_running_twice_books_everything_once(self, drill):
        seen = drills.disturb_ingest(drill, 1)

        assert seen.verdict.exact > 0


class TestAFullJournalDisk:
    def test_turns_new_requests_away_and_charges_what_is_open(self, drill):
        if not drill.journal.is_mount():
            pytest.skip("only root can mount a small disk")

        _, while_full, afterwards = drills.fill_disk(drill)

        assert set(while_full) <= {200, 503}
        assert 503 in while_full
        assert afterwards.count(200) >= 50


class TestAClientThatLeaves:
    def test_pays_for_what_was_produced_and_no_more(self, drill):
        seen = drills.leave(drill, 2)

        assert seen.verdict.cancelled > 0
        assert seen.verdict.interrupted == 0

    def test_answers_and_tools_behind_pays_for_what_was_produced(self, drill):
        seen = tool_drills.in_the_middle(drill, tool_drills.leave)

        assert seen.verdict.cancelled == sum(tool_drills.OPEN.values())
        assert seen.verdict.interrupted == 0
        assert seen.charged_searches == seen.served_searches == 2
        assert seen.free_searches == 1


class TestAProviderThatFails:
    def test_is_charged_for_what_it_delivered(self, drill):
        seen = drills.break_provider(drill, 1)

        assert seen.verdict.failed > 0
        assert seen.verdict.interrupted == 0


class TestADisabledKey:
    def test_is_refused_everywhere_within_a_second(self, drill):
        seen = drills.disable_key(drill)

        assert seen.seconds_served < 1.0
        assert seen.refusals == {401}
        assert seen.stream.is_whole

    def test_is_refused_within_five_seconds_with_notifications_cut(self, drill):
        seen = drills.disable_key(drill, are_notifications_cut=True)

        assert seen.seconds_served < 5.0
        assert seen.refusals == {401}
        assert seen.stream.is_whole


class TestTheBooks:
    def test_are_clean_in_the_end_by_the_operators_own_command(self, drill):
        drill.check_by_command()
