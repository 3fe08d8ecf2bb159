"""A destination that fails is left alone for longer and longer, and tried with little."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from observability.breaker import Breaker

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def failing(times: int, breaker: Breaker | None = None) -> Breaker:
    breaker = breaker or Breaker()
    for _ in range(times):
        breaker = breaker.failed(NOW)
    return breaker


class TestABreaker:
    def test_opens_after_five_failures_in_a_row(self):
        assert failing(4).open_until is None
        assert failing(5).open_until == NOW + timedelta(seconds=30)

    def test_stays_closed_while_successes_come_between(self):
        breaker = Breaker()
        for _ in range(10):
            breaker = failing(1, breaker.succeeded())

        assert breaker.open_until is None

    def test_opens_when_more_than_half_of_the_last_twenty_failed(self):
        breaker = Breaker()
        for _ in range(6):
            breaker = failing(2, breaker.succeeded())
        assert breaker.openings == 0

        breaker = failing(1, breaker.succeeded())

        assert breaker.openings == 1

    def test_doubles_its_time_up_to_a_quarter_of_an_hour(self):
        breaker, waits = failing(5), []
        for _ in range(7):
            waits.append((breaker.open_until - NOW).total_seconds())
            breaker = failing(1, breaker)

        assert waits == [30, 60, 120, 240, 480, 900, 900]

    def test_closes_with_the_first_success(self):
        assert failing(9).succeeded() == Breaker()

    def test_opens_at_once_for_what_only_a_person_can_mend(self):
        assert Breaker().failed(NOW, opens_at_once=True).open_until == NOW + timedelta(seconds=30)

    def test_pauses_without_counting_when_asked_to(self):
        later = NOW + timedelta(seconds=9)

        assert Breaker().paused(later) == Breaker(open_until=later)

    def test_gives_up_after_a_week_without_a_success(self):
        breaker = failing(5)

        assert not breaker.is_given_up(NOW + timedelta(days=6))
        assert breaker.is_given_up(NOW + timedelta(days=7))
        assert not breaker.succeeded().is_given_up(NOW + timedelta(days=9))

    def test_survives_an_endless_outage(self):
        assert failing(5000).open_until == NOW + timedelta(minutes=15)
