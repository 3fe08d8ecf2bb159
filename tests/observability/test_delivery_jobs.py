"""Dead letters are sent again, or given up; past requests are sent; and what is too old ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from config.lib.ids import uuid7
from observability import delivery_jobs
from observability.delivery_retention import old_partitions, retire
from observability.destinations import DESTINATIONS
from observability.destinations.destination import Limits
from observability.partitions import ensure_partitions
from tests.observability.books import connect
from tests.observability.broadcasts import TABLES, Broadcasts, Lines, Receiver, lines_known, public, receiver

NOW = datetime.now(UTC)


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


def job(broadcasts: Broadcasts, destination: int, kind: str, ids: list[UUID] | None = None, **window) -> int:
    """A job over the last hours, and what comes of it."""
    since = NOW - timedelta(hours=window.get("since", 48))
    until = datetime.now(UTC) + timedelta(minutes=1) - timedelta(hours=window.get("until", 0))
    job_id = broadcasts.one(
        """INSERT INTO delivery_job (public_id, organization_id, workspace_id, destination_id, kind, since, until,
                                     generation_ids)
           VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, %s, %s) RETURNING id""",
        broadcasts.organization_id,
        broadcasts.workspace_id,
        destination,
        kind,
        since,
        until,
        None if ids is None else Jsonb([str(each) for each in ids]),
    )
    while delivery_jobs.work(broadcasts.connection, job_id).is_more:
        pass
    return job_id


def progress(broadcasts: Broadcasts, job_id: int):
    query = "SELECT examined, done, left_out, finished_at IS NOT NULL FROM delivery_job WHERE id = %s"
    return broadcasts.one(query, job_id)


def at(hours_ago: float) -> UUID:
    """The id of a request of then."""
    return uuid7(int((NOW - timedelta(hours=hours_ago)).timestamp() * 1000))


def dead(broadcasts: Broadcasts, vendor: Receiver, count: int, destination: int) -> list[UUID]:
    """So many dead letters."""
    ids = broadcasts.requests(count, destination)
    vendor.behaviour = lambda _: (400, {})
    broadcasts.drain(destination)
    vendor.behaviour = lambda _: (200, {})
    return ids


class TestAReplay:
    def test_sends_dead_letters_again(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        ids = dead(broadcasts, vendor, 3, destination)
        assert broadcasts.counts(destination) == (3, 0, 3, 0)

        job_id = job(broadcasts, destination, "replay")
        assert broadcasts.counts(destination) == (3, 0, 0, 0)
        broadcasts.drain(destination)

        assert vendor.taken == public(ids)
        assert broadcasts.counts(destination) == (3, 3, 0, 0)
        assert progress(broadcasts, job_id) == (3, 3, 0, True)
        broadcasts.assert_nothing_is_lost()

    def test_may_be_of_some_requests_or_of_a_time(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        ids = dead(broadcasts, vendor, 3, destination)

        job(broadcasts, destination, "replay", ids[:1])
        job(broadcasts, destination, "replay", until=1)
        broadcasts.drain(destination)

        assert vendor.taken == public(ids[:1])

    def test_leaves_out_what_the_destination_does_not_want_any_more(
        self, broadcasts: Broadcasts, vendor: Receiver
    ):
        destination = broadcasts.destination(vendor.url)
        dead(broadcasts, vendor, 2, destination)
        broadcasts.change(destination, api_key_ids=Jsonb([12]))

        job_id = job(broadcasts, destination, "replay")

        assert progress(broadcasts, job_id) == (2, 0, 2, True)
        assert broadcasts.counts(destination) == (2, 0, 2, 0)

    def test_asks_the_filter_rules(self, broadcasts: Broadcasts, vendor: Receiver):
        rule = {"field": "total_tokens", "operator": "gt", "value": 7}
        destination = broadcasts.destination(vendor.url)
        ids = [broadcasts.generation(prompt_tokens=count) for count in (3, 4)]
        broadcasts.enqueue(ids, destination)
        broadcasts.run("UPDATE delivery SET status = 'dead'")
        broadcasts.run("UPDATE delivery_state SET dead = 2")
        rules = {"enabled": True, "groups": [{"logic": "and", "rules": [rule]}]}
        broadcasts.change(destination, filter_rules=Jsonb(rules))

        job(broadcasts, destination, "replay")

        assert broadcasts.statuses(destination) == {ids[0]: "dead", ids[1]: "pending"}

    def test_leaves_out_what_the_vendor_is_too_late_for(self, broadcasts: Broadcasts, vendor: Receiver):
        class Hasty(Lines):
            limits = Limits(oldest_seconds=24 * 3600)

        DESTINATIONS[Lines.slug] = Hasty()
        destination = broadcasts.destination(vendor.url)
        ids = [broadcasts.generation(id=at(hours)) for hours in (30, 2)]
        broadcasts.enqueue(ids, destination)
        broadcasts.run("UPDATE delivery SET status = 'dead'")
        broadcasts.run("UPDATE delivery_state SET dead = 2")

        job_id = job(broadcasts, destination, "replay")

        assert progress(broadcasts, job_id) == (2, 1, 1, True)
        assert broadcasts.statuses(destination) == {ids[0]: "dead", ids[1]: "pending"}

    def test_waits_for_room(self, broadcasts: Broadcasts, vendor: Receiver, monkeypatch: pytest.MonkeyPatch):
        destination = broadcasts.destination(vendor.url)
        dead(broadcasts, vendor, 3, destination)
        broadcasts.run("UPDATE delivery_state SET accepted = accepted + 100000, dropped = 0")

        job_id = job(broadcasts, destination, "replay")
        assert progress(broadcasts, job_id) == (0, 0, 0, False)
        assert delivery_jobs.unfinished(broadcasts.connection) == [job_id]

        broadcasts.run("UPDATE delivery_state SET accepted = accepted - 100000")
        delivery_jobs.work(broadcasts.connection, job_id)
        assert progress(broadcasts, job_id) == (3, 3, 0, True)

    def test_that_waits_is_in_nobody_elses_way(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        dead(broadcasts, vendor, 1, destination)
        broadcasts.run("UPDATE delivery_state SET accepted = accepted + 100000, dropped = 0")
        job(broadcasts, destination, "replay")
        broadcasts.run(
            """INSERT INTO delivery_job (public_id, organization_id, workspace_id, destination_id, kind, since, until)
               SELECT gen_random_uuid(), organization_id, workspace_id, destination_id, kind, since, until
                 FROM delivery_job, generate_series(1, 99)"""
        )
        last = job(broadcasts, destination, "replay")

        found = [delivery_jobs.unfinished(broadcasts.connection) for _ in range(20)]

        assert {len(ids) for ids in found} == {100}
        assert last in {identifier for ids in found for identifier in ids}

    def test_of_a_deleted_destination_ends(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        dead(broadcasts, vendor, 1, destination)
        broadcasts.change(destination, deleted_at=NOW)

        assert progress(broadcasts, job(broadcasts, destination, "replay")) == (0, 0, 0, True)


class TestADiscard:
    def test_forgets_dead_letters_and_keeps_the_count(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        dead(broadcasts, vendor, 2, destination)

        job(broadcasts, destination, "discard")

        assert broadcasts.statuses(destination) == {}
        assert broadcasts.counts(destination) == (2, 0, 2, 0)
        broadcasts.assert_nothing_is_lost()


class TestABackFill:
    def test_sends_requests_of_the_past_once(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        old = [broadcasts.generation(id=at(hours)) for hours in (20, 10)]
        broadcasts.generation(id=at(60))
        broadcasts.generation(id=at(5), status="refused")
        new = broadcasts.requests(1, destination)

        job_id = job(broadcasts, destination, "backfill")
        again = job(broadcasts, destination, "backfill")
        broadcasts.drain(destination)

        assert sorted(vendor.taken) == sorted(public([*old, *new]))
        assert progress(broadcasts, job_id) == (3, 2, 1, True)
        assert progress(broadcasts, again) == (3, 0, 3, True)
        assert broadcasts.counts(destination) == (3, 3, 0, 0)

    def test_goes_piece_by_piece(
        self, broadcasts: Broadcasts, vendor: Receiver, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(delivery_jobs, "CHUNK", 2)
        destination = broadcasts.destination(vendor.url)
        for hours in range(1, 6):
            broadcasts.generation(id=at(hours))

        job_id = job(broadcasts, destination, "backfill")

        assert progress(broadcasts, job_id) == (5, 5, 0, True)
        broadcasts.assert_nothing_is_lost()

    def test_samples_as_the_destination_does(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url, sampling_rate=0.5)
        for session in range(40):
            broadcasts.generation(id=at(1), session_id=f"session-{session % 20}")

        job(broadcasts, destination, "backfill")

        accepted = broadcasts.counts(destination)[0]
        assert 0 < accepted < 40
        assert accepted % 2 == 0


class TestRetention:
    def test_makes_dead_letters_of_what_waited_too_long(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        ids = broadcasts.requests(3, destination)
        broadcasts.run(
            "UPDATE delivery SET accepted_at = now() - interval '73 hours' WHERE generation_id <> %s", ids[0]
        )

        retire(broadcasts.connection)

        assert broadcasts.statuses(destination) == {ids[0]: "pending", ids[1]: "dead", ids[2]: "dead"}
        assert broadcasts.counts(destination) == (3, 0, 2, 0)
        broadcasts.assert_nothing_is_lost()

    def test_ends_what_waits_for_a_deleted_destination(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        broadcasts.requests(2, destination)
        broadcasts.change(destination, deleted_at=NOW)

        retire(broadcasts.connection)

        assert broadcasts.counts(destination) == (2, 0, 2, 0)

    def test_drops_days_that_are_over_unless_something_waits_there(
        self, broadcasts: Broadcasts, vendor: Receiver
    ):
        destination = broadcasts.destination(vendor.url)
        days = [(NOW - timedelta(days=back)).date() for back in (9, 8)]
        for day in days:
            ensure_partitions(broadcasts.connection, today=day, days_ahead=0)
        old, waiting = at(9 * 24), at(8 * 24)
        for identifier in (old, waiting):
            broadcasts.generation(id=identifier)
        broadcasts.enqueue([old, waiting], destination)
        broadcasts.run(
            "UPDATE delivery SET status = 'sent', settled_at = now() WHERE generation_id = %s", old
        )
        broadcasts.run("UPDATE delivery_state SET sent = 1")

        retire(broadcasts.connection)

        left = old_partitions(broadcasts.connection, NOW - timedelta(days=4))
        assert left == [f"delivery_{days[1]:%Y%m%d}"]
        assert broadcasts.statuses(destination) == {waiting: "pending"}
        broadcasts.assert_nothing_is_lost()

    def test_keeps_receipts_for_a_month(self, broadcasts: Broadcasts, vendor: Receiver):
        destination = broadcasts.destination(vendor.url)
        for _ in range(2):
            broadcasts.requests(1, destination)
            broadcasts.drain(destination)
        broadcasts.run(
            """UPDATE delivery_receipt SET created_at = now() - interval '31 days'
                WHERE id = (SELECT min(id) FROM delivery_receipt)"""
        )

        retire(broadcasts.connection)

        assert broadcasts.one("SELECT count(*) FROM delivery_receipt") == 1
