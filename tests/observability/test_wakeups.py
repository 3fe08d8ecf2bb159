"""Workers are woken after what was written is there, once for many rows; the sweep finds what nobody was woken for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.lib.metrics import REGISTRY
from observability import delivery_metrics
from observability.ingest_writes import NewDelivery
from observability.sweep import due_destinations
from observability.wakeups import WakeUps, waking
from tests.observability.books import connect
from tests.observability.broadcasts import TABLES, Broadcasts, lines_known


@pytest.fixture
def broadcasts(organization_id: int) -> Iterator[Broadcasts]:
    with connect() as connection, lines_known():
        try:
            yield Broadcasts(connection, organization_id)
        finally:
            connection.execute(f"TRUNCATE {TABLES} CASCADE")


class TestWakeUps:
    def test_come_a_beat_after_what_was_told_and_once(self):
        woken: list[int] = []
        wake_ups = WakeUps(woken.append)

        wake_ups.tell([7, 3])
        wake_ups.tell([7])
        wake_ups.beat()
        assert woken == []
        wake_ups.beat()
        wake_ups.beat()

        assert woken == [3, 7]

    def test_are_told_by_a_matcher_what_it_has_found(self):
        woken: list[int] = []
        wake_ups = WakeUps(woken.append)
        rows = [NewDelivery(1, 2, destination, "x") for destination in (9, 9, 4)]

        matched = waking(lambda _: iter(rows), wake_ups)([])
        wake_ups.beat()
        wake_ups.beat()

        assert matched == rows
        assert woken == [4, 9]

    def test_go_on_after_a_failure(self):
        woken: list[int] = []

        def wake(destination: int) -> None:
            woken.append(destination)
            if destination == 1:
                raise OSError("the broker is away")

        wake_ups = WakeUps(wake, beat_seconds=0.01)
        wake_ups.start()
        wake_ups.tell([1])
        while 1 not in woken:
            pass
        wake_ups.tell([2])
        while 2 not in woken:
            pass
        wake_ups.stop()

        assert woken == [1, 2]


class TestTheSweep:
    def test_finds_who_has_something_due_and_may_be_sent_to(self, broadcasts: Broadcasts):
        due, waiting, leased, resting, disabled, idle = (
            broadcasts.destination("http://127.0.0.1:9/") for _ in range(6)
        )
        broadcasts.requests(1, due, waiting, leased, resting, disabled)
        later = "now() + interval '1 minute'"
        broadcasts.run(f"UPDATE delivery SET next_at = {later} WHERE destination_id = %s", waiting)
        for column, destination in (("leased_until", leased), ("open_until", resting)):
            broadcasts.run(
                f"UPDATE delivery_state SET {column} = {later} WHERE destination_id = %s", destination
            )
        broadcasts.change(disabled, is_enabled=False)

        assert due_destinations(broadcasts.connection) == [due]
        assert idle

    def test_tells_prometheus_what_waits_by_type(self, broadcasts: Broadcasts):
        destination = broadcasts.destination("http://127.0.0.1:9/")
        broadcasts.requests(3, destination)
        broadcasts.run("UPDATE delivery SET accepted_at = now() - interval '90 seconds'")

        delivery_metrics.look(broadcasts.connection)

        def value(name: str, **labels: str):
            return REGISTRY.get_sample_value(f"headgate_delivery_{name}", {"type": "test-lines"} | labels)

        assert value("pending") == 3
        assert 90 <= value("lag_seconds") < 150
        assert value("destinations", breaker="closed") == 1
