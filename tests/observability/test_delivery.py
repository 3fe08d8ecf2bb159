"""What was accepted for a destination gets there, or is a dead letter: nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from config.lib.ids import uuid7
from observability.delivery_places import Places
from observability.destinations import DESTINATIONS
from observability.door import OutboundDoor
from observability.drain import destination_failing, destination_recovered
from observability.ingest_writes import Unjudged
from tests.observability.books import connect
from tests.observability.broadcasts import (
    TABLES,
    Broadcasts,
    Lines,
    Receiver,
    lines_known,
    local_door,
    public,
    receiver,
)


@pytest.fixture
def broadcasts(organization_id: int) -> Iterator[Broadcasts]:
    with connect() as connection, lines_known():
        try:
            yield Broadcasts(connection, organization_id)
        finally:
            connection.execute(f"TRUNCATE {TABLES} CASCADE")


@pytest.fixture
def vendor() -> Iterator[Receiver]:
    with receiver() as vendor:
        yield vendor


def answering(status: int, **headers: str):
    return lambda _: (status, {name.replace("_", "-"): value for name, value in headers.items()})


class TestDraining:
    def test_delivers_everything_in_batches_oldest_first(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        ids = broadcasts.requests(45, destination)

        is_more = broadcasts.drain(destination)

        assert not is_more
        assert vendor.taken == public(ids)
        assert [len(request.ids) for request in vendor.received] == [20, 20, 5]
        assert broadcasts.counts(destination) == (45, 45, 0, 0)
        broadcasts.assert_nothing_is_lost()

    def test_of_one_organization_leaves_threads_to_others(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)
        places = Places(most=1)

        with places.place_for(broadcasts.organization_id), places.place_for(broadcasts.organization_id):
            assert not broadcasts.drain(destination, places=places)
        assert broadcasts.counts(destination) == (1, 0, 0, 0)

        with places.place_for(broadcasts.organization_id + 1):
            broadcasts.drain(destination, places=places)
        assert broadcasts.counts(destination) == (1, 1, 0, 0)

    def test_leaves_a_receipt_of_each_batch(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(3, destination)

        broadcasts.drain(destination)

        rows = broadcasts.all("SELECT outcome, traces, delivered, http_status, error FROM delivery_receipt")
        assert rows == [("sent", 3, 3, 200, "")]
        assert (
            broadcasts.one(
                "SELECT count(*) FROM delivery WHERE receipt_id = (SELECT id FROM delivery_receipt)"
            )
            == 3
        )

    def test_goes_on_where_its_turn_is_over(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(25, destination)

        assert broadcasts.drain(destination, turn_seconds=0)

        assert len(vendor.taken) == 20

    @pytest.mark.parametrize(
        "columns", [{"is_enabled": False}, {"deleted_at": datetime.now(UTC)}], ids=["disabled", "deleted"]
    )
    def test_sends_nothing_to_a_destination_that_is_off(
        self, broadcasts: Broadcasts, vendor: Receiver, columns
    ):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)
        broadcasts.change(destination, **columns)

        broadcasts.drain(destination)

        assert vendor.taken == []

    def test_sends_nothing_while_the_workspace_has_broadcast_off(
        self, broadcasts: Broadcasts, vendor: Receiver
    ):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)
        broadcasts.run(
            """WITH why AS (INSERT INTO revision (object_type, object_id, action, door)
                            VALUES ('test', '', 'create', 'shell'))
               UPDATE workspace SET is_broadcast_enabled = false WHERE id = %s""",
            broadcasts.workspace_id,
        )

        broadcasts.drain(destination)

        assert vendor.taken == []

    def test_is_one_workers_at_a_time(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)
        broadcasts.run("UPDATE delivery_state SET leased_until = now() + interval '1 minute'")

        broadcasts.drain(destination)
        assert vendor.taken == []

        broadcasts.run("UPDATE delivery_state SET leased_until = now()")
        broadcasts.drain(destination)
        assert len(vendor.taken) == 1

    def test_leaves_the_places_of_the_quick_to_them(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)
        broadcasts.run("UPDATE delivery_state SET is_slow = true")

        assert broadcasts.drain(destination, may_be_slow=False)
        assert vendor.taken == []

        broadcasts.drain(destination)
        assert len(vendor.taken) == 1

    def test_makes_a_dead_letter_of_a_request_that_is_gone(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.enqueue([uuid7()], destination)

        broadcasts.drain(destination)

        assert broadcasts.counts(destination) == (1, 0, 1, 0)

    def test_takes_over_what_a_dead_worker_had_claimed(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        ids = broadcasts.requests(3, destination)

        with pytest.raises(psycopg.OperationalError):
            kill_in_the_middle_of_a_batch(broadcasts, destination)

        broadcasts.make_due(destination)
        broadcasts.drain(destination)

        assert vendor.taken == public(ids)
        assert broadcasts.counts(destination) == (3, 3, 0, 0)


def kill_in_the_middle_of_a_batch(broadcasts: Broadcasts, destination: int) -> None:
    """The worker's connection dies between claim and settlement, and with it all that it knew."""
    from observability.drain import drain

    with connect() as doomed:

        class Dying(Lines):
            def send(self, config, traces, door):
                pid = doomed.info.backend_pid
                broadcasts.one("SELECT pg_terminate_backend(%s, 5000)", pid)
                return super().send(config, [], door)

        DESTINATIONS[Lines.slug] = Dying()
        try:
            drain(doomed, destination, door=local_door)
        finally:
            DESTINATIONS[Lines.slug] = Lines()


class TestAFailure:
    @pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
    def test_of_the_moment_is_tried_again(self, broadcasts: Broadcasts, vendor: Receiver, status: int):
        destination = broadcasts.destination(vendor.url)
        ids = broadcasts.requests(3, destination)
        vendor.behaviour = answering(status)

        broadcasts.drain(destination)

        assert set(broadcasts.statuses(destination).values()) == {"pending"}
        assert broadcasts.all("SELECT DISTINCT attempts, last_error FROM delivery") == [(1, f"HTTP {status}")]
        vendor.behaviour = answering(200)
        broadcasts.make_due(destination)
        broadcasts.drain(destination)
        assert vendor.taken == public(ids)
        broadcasts.assert_nothing_is_lost()

    def test_of_a_vendor_that_is_not_there_is_tried_again(self, broadcasts: Broadcasts):
        destination = broadcasts.destination("http://127.0.0.1:9/")
        broadcasts.requests(1, destination)

        broadcasts.drain(destination)

        assert broadcasts.all("SELECT status, attempts FROM delivery") == [("pending", 1)]

    def test_waits_longer_each_time_and_at_most_an_hour(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        vendor.behaviour = answering(500)
        for tries, longest in ((0, 4), (3, 32), (11, 3600)):
            broadcasts.run("TRUNCATE delivery, delivery_state")
            broadcasts.requests(1, destination)
            broadcasts.run("UPDATE delivery SET attempts = %s", min(tries, 10))

            broadcasts.drain(destination)

            wait = broadcasts.one("SELECT extract(epoch FROM next_at - now())::float8 FROM delivery")
            assert -1 < wait <= longest

    def test_ends_with_the_twelfth_try(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)
        broadcasts.run("UPDATE delivery SET attempts = 11, tried_at = now()")
        vendor.behaviour = answering(500)

        broadcasts.drain(destination)

        assert broadcasts.all("SELECT status, last_error FROM delivery") == [("dead", "HTTP 500")]
        assert broadcasts.counts(destination) == (1, 0, 1, 0)

    def test_ends_after_a_day(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)
        broadcasts.run("UPDATE delivery SET attempts = 2, tried_at = now() - interval '25 hours'")
        vendor.behaviour = answering(500)

        broadcasts.drain(destination)

        assert broadcasts.one("SELECT status FROM delivery") == "dead"

    def test_waits_as_long_as_the_vendor_asks_for_without_counting(
        self, broadcasts: Broadcasts, vendor: Receiver
    ):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(25, destination)
        vendor.behaviour = answering(429, Retry_After="120")

        broadcasts.drain(destination)

        wait, openings = broadcasts.one(
            "SELECT extract(epoch FROM open_until - now())::float8, openings FROM delivery_state"
        )
        assert 100 < wait <= 120
        assert openings == 0
        assert broadcasts.one("SELECT max(attempts) FROM delivery") == 0
        vendor.behaviour = answering(200)
        broadcasts.drain(destination)
        assert vendor.taken == []

    def test_of_one_poisoned_trace_costs_only_that_trace(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        ids = broadcasts.requests(20, destination)
        poison = public(ids)[7]
        vendor.behaviour = lambda given: (400 if poison in given else 200, {})

        broadcasts.drain(destination)

        assert sorted(vendor.taken) == sorted(set(public(ids)) - {poison})
        assert broadcasts.statuses(destination)[ids[7]] == "dead"
        assert broadcasts.counts(destination) == (20, 19, 1, 0)
        assert broadcasts.one("SELECT outcome FROM delivery_receipt") == "partial"

    def test_of_a_vendors_class_is_not_shown_in_its_own_words(self, broadcasts: Broadcasts, vendor: Receiver):
        class Broken(Lines):
            def send(self, config, traces, door):
                raise ValueError("sk-secret")

        DESTINATIONS[Lines.slug] = Broken()
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)

        broadcasts.drain(destination)

        assert (
            broadcasts.one("SELECT last_error FROM delivery") == "The traces could not be sent (ValueError)"
        )


class TestAVendorThatIsTooSlowForABatch:
    def test_gets_half_as_many_until_it_answers_in_time(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        ids = broadcasts.requests(20, destination)
        with taking_at_most(6, vendor):
            for _ in range(2):
                broadcasts.make_due(destination)
                broadcasts.drain(destination, door=impatient_door)
                assert vendor.taken == []

            broadcasts.make_due(destination)
            broadcasts.drain(destination, door=impatient_door, turn_seconds=0)

        assert vendor.taken == public(ids[:5])
        broadcasts.assert_nothing_is_lost()

    def test_may_also_be_one_behind_a_proxy_that_gives_up(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(20, destination)
        vendor.behaviour = answering(504)

        broadcasts.drain(destination)

        assert broadcasts.one("SELECT most_traces FROM delivery_state") == 10

    def test_uses_up_no_tries_as_long_as_fewer_may_do(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(2, destination)
        with taking_at_most(0, vendor):
            for attempts in (0, 1):
                broadcasts.make_due(destination)
                broadcasts.drain(destination, door=impatient_door)
                assert broadcasts.one("SELECT max(attempts) FROM delivery") == attempts

    def test_gets_more_again_when_it_is_quick(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(55, destination)
        broadcasts.run("UPDATE delivery_state SET most_traces = 5")

        broadcasts.drain(destination)

        assert [len(request.ids) for request in vendor.received] == [5, 10, 20, 20]
        assert broadcasts.one("SELECT most_traces FROM delivery_state") is None

    def test_is_tried_with_no_more_when_it_fails_otherwise(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(20, destination)
        broadcasts.run("UPDATE delivery_state SET most_traces = 5")
        vendor.behaviour = answering(500)

        broadcasts.drain(destination)

        assert broadcasts.one("SELECT most_traces FROM delivery_state") == 5
        assert broadcasts.one("SELECT traces FROM delivery_receipt") == 5


def impatient_door() -> OutboundDoor:
    """Waits for an answer, though not long."""
    return local_door(0.3)


@contextmanager
def taking_at_most(count: int, vendor: Receiver) -> Iterator[None]:
    """A vendor that does not get done with more."""
    is_over = threading.Event()

    def behave(ids: list[str]) -> tuple[int, dict[str, str]]:
        if len(ids) > count:
            is_over.wait(20)
            return 500, {}
        return 200, {}

    vendor.behaviour = behave
    try:
        yield
    finally:
        is_over.set()


@pytest.mark.django_db
class TestABreaker:
    def test_stops_what_is_hopeless_and_tries_again_with_little(
        self, broadcasts: Broadcasts, vendor: Receiver
    ):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(30, destination)
        vendor.behaviour = answering(500)
        for _ in range(5):
            broadcasts.make_due(destination)
            broadcasts.drain(destination)

        assert broadcasts.one("SELECT openings, open_until > now() FROM delivery_state") == (1, True)
        broadcasts.drain(destination)
        assert broadcasts.one("SELECT count(*) FROM delivery_receipt") == 5

        vendor.behaviour = answering(200)
        broadcasts.make_due(destination)
        broadcasts.drain(destination)
        assert [len(request.ids) for request in vendor.received] == [10, 20]
        assert broadcasts.one("SELECT openings, open_until FROM delivery_state") == (0, None)

    def test_does_not_use_up_the_tries_of_what_it_tries_with(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(1, destination)
        vendor.behaviour = answering(500)
        for _ in range(20):
            broadcasts.make_due(destination)
            broadcasts.drain(destination)

        assert broadcasts.all("SELECT status, attempts FROM delivery") == [("pending", 5)]

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_opens_at_once_for_a_wrong_account_and_keeps_everything(
        self, broadcasts: Broadcasts, vendor: Receiver, status: int
    ):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(3, destination)
        vendor.behaviour = answering(status)

        broadcasts.drain(destination)

        assert broadcasts.one("SELECT openings FROM delivery_state") == 1
        assert broadcasts.all("SELECT DISTINCT status, attempts FROM delivery") == [("pending", 0)]

    def test_is_forgotten_when_somebody_changes_the_destination(
        self, broadcasts: Broadcasts, vendor: Receiver
    ):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(3, destination)
        vendor.behaviour = answering(401)
        broadcasts.drain(destination)
        vendor.behaviour = answering(200)
        broadcasts.run("UPDATE delivery SET next_at = now()")

        broadcasts.change(destination, updated_at=datetime.now(UTC) + timedelta(seconds=1))
        broadcasts.drain(destination)

        assert len(vendor.taken) == 3

    def test_tells_when_it_opens_and_when_all_is_well_again(self, broadcasts: Broadcasts, vendor: Receiver):
        told = []
        destination_failing.fill(lambda trouble: told.append(("failing", trouble.error)))
        destination_recovered.fill(lambda trouble: told.append(("recovered", trouble.error)))
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(3, destination)

        try:
            for status in (401, 401, 200):
                vendor.behaviour = answering(status)
                broadcasts.make_due(destination)
                broadcasts.drain(destination)
        finally:
            destination_failing._fillers.pop()
            destination_recovered._fillers.pop()

        assert told == [("failing", "HTTP 401"), ("recovered", "")]


class TestWhatWaits:
    def test_that_there_was_no_time_to_judge_are_counted_and_not_accepted(self, broadcasts: Broadcasts):
        destination = broadcasts.destination("http://127.0.0.1:9")
        ids = [broadcasts.generation() for _ in range(2)]

        broadcasts.enqueue(ids, destination, made=Unjudged)

        assert broadcasts.counts(destination) == (0, 0, 0, 2)
        broadcasts.assert_nothing_is_lost()

    def test_is_bounded_and_what_is_beyond_is_counted(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        other = broadcasts.destination(vendor.url)
        earlier, later = ([broadcasts.generation() for _ in range(5)] for _ in range(2))

        broadcasts.enqueue(earlier, destination, most=3)
        broadcasts.enqueue(later, destination, other, most=4)

        assert broadcasts.counts(destination) == (4, 0, 0, 6)
        assert broadcasts.counts(other) == (4, 0, 0, 1)
        broadcasts.assert_nothing_is_lost()

    def test_for_a_destination_that_is_gone_is_not_counted_and_does_not_stop_ingest(
        self, broadcasts: Broadcasts
    ):
        broadcasts.enqueue([uuid7()], 10**9)

        assert broadcasts.one("SELECT count(*) FROM delivery_state") == 0
