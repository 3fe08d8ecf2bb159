"""The database stopped and killed, ingest killed and doubled, the journals' disk full."""

from __future__ import annotations

import pytest

from tests.faults import drills
from tests.faults.harness import ACCOUNTED_SECONDS
from tests.faults.report import report

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

STOPPED_SECONDS = 30.0
LEAST_SERVED_SECONDS = 15.0
"""A lease lasts 30 to 60 seconds at the rate at which money was spent before; a burst may use it up sooner."""


class TestADatabaseThatIsStoppedForHalfAMinute:
    def test_costs_nobody_a_request_while_leases_last_and_loses_nothing(self, drill):
        outage, steady, short, strangers = drills.stop_database(drill, STOPPED_SECONDS)

        what = f"PostgreSQL stopped for 30 s under load, all booked {outage.accounted_seconds:.1f} s after its return"
        report(what, 1, outage)
        early = [
            trace for trace in outage.during(steady) if trace.sent_at < outage.began_at + LEAST_SERVED_SECONDS
        ]
        assert {trace.status for trace in early} == {200}
        refused = [trace for trace in outage.during([*steady, *short]) if trace.status != 200]
        assert refused
        assert {trace.status for trace in refused} == {503}
        assert all(trace.retry_after for trace in refused)
        assert {trace.status for trace in outage.during(strangers)} == {503}
        assert outage.accounted_seconds < ACCOUNTED_SECONDS
        drill.check_by_command()

    def test_killed_without_a_word_again_and_again_loses_nothing(self, drill):
        seen = drills.kill_database(drill, 10)

        report("PostgreSQL killed by SIGKILL under load", 10, seen)
        assert seen.verdict.exact > 0


class TestIngest:
    def test_killed_and_running_twice_books_everything_once(self, drill):
        seen = drills.disturb_ingest(drill, 20)

        report("ingest killed, two at work, gateways killed too", 20, seen)
        assert seen.verdict.exact > 0


class TestAFullJournalDisk:
    @pytest.mark.parametrize("time", range(3))
    def test_turns_new_requests_away_and_charges_what_is_open(self, drill, time):
        if not drill.journal.is_mount():
            pytest.skip("only root can mount a small disk")

        seen, while_full, _ = drills.fill_disk(drill)

        report("journal disk full under load", 1, seen)
        assert set(while_full) <= {200, 503}
        assert 503 in while_full


class TestAClientThatLeaves:
    def test_pays_for_what_was_produced_and_no_more(self, drill):
        seen = drills.leave(drill, 20)

        report("clients that leave before, in and after their answer", 20, seen)
        assert seen.verdict.cancelled > 0
        assert seen.verdict.interrupted == 0


class TestAProviderThatFails:
    def test_is_charged_for_what_it_delivered(self, drill):
        seen = drills.break_provider(drill, 10)

        report("providers that cut, send garbage, fail or are silent", 10, seen)
        assert seen.verdict.failed > 0
