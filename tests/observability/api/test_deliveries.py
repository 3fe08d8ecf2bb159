"""What became of a destination's traces: state, deliveries, batches, dead letters; replay, discard, back-fill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Revision
from config.lib.ids import generation_id, uuid7
from config.lib.scoping import tenant
from observability import delivery_jobs
from observability.destination_giving_up import give_up
from observability.models import Destination
from tests.cast import Acme, Cast
from tests.management_api import Api, data_of, error_of
from tests.observability.books import connect
from tests.observability.destination_kinds import a_destination

pytestmark = pytest.mark.django_db
committed = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
"""What the role that delivers writes has to be committed to be seen."""

Owner = psycopg.Connection


@pytest.fixture
def owner() -> Iterator[Owner]:
    """The role that delivers."""
    with connect() as connection:
        yield connection


@pytest.fixture
def destination(acme: Acme, mailbox: None) -> Destination:
    """One of production's."""
    with tenant(acme.organization.pk):
        return a_destination(acme.production)


def path(destination: Destination, name: str) -> str:
    return f"/observability/destinations/{destination.public_id}/{name}"


def delivered(owner: Owner, destination: Destination, *statuses: str) -> list[UUID]:
    """Deliveries in these states, oldest first, and a batch that they were in."""
    [receipt] = owner.execute(
        """INSERT INTO delivery_receipt (organization_id, workspace_id, destination_id, outcome, traces, error)
           VALUES (%s, %s, %s, 'partial', %s, '') RETURNING id""",
        [destination.organization_id, destination.workspace_id, destination.pk, len(statuses)],
    ).fetchone()
    ids = sorted(uuid7() for _ in statuses)
    for identifier, status in zip(ids, statuses, strict=True):
        owner.execute(
            """INSERT INTO delivery (destination_id, generation_id, organization_id, workspace_id, status, receipt_id,
                                     settled_at, last_error)
               VALUES (%s, %s, %s, %s, %s, %s, now(), 'HTTP 400')""",
            [
                destination.pk,
                identifier,
                destination.organization_id,
                destination.workspace_id,
                status,
                receipt,
            ],
        )
    owner.execute(
        """INSERT INTO delivery_state (destination_id, organization_id, accepted, sent, dead, last_error)
           VALUES (%s, %s, %s, %s, %s, 'HTTP 400')""",
        [
            destination.pk,
            destination.organization_id,
            len(statuses),
            statuses.count("sent"),
            statuses.count("dead"),
        ],
    )
    return ids


class TestTheState:
    def test_is_empty_before_anything_was_sent(self, api: Api, destination: Destination):
        state = data_of(api.get(path(destination, "state")))

        assert (state["pending"], state["breaker"], state["lag_seconds"]) == (0, "closed", 0.0)

    @committed
    def test_says_what_waits_and_for_how_long(self, api: Api, destination: Destination, owner: Owner):
        delivered(owner, destination, "sent", "dead", "pending", "pending")
        owner.execute(
            "UPDATE delivery SET accepted_at = now() - interval '1 minute' WHERE status = 'pending'"
        )

        state = data_of(api.get(path(destination, "state")))

        assert (state["accepted"], state["sent"], state["dead"], state["pending"]) == (4, 1, 1, 2)
        assert 60 <= state["lag_seconds"] < 120
        assert state["last_error"] == "HTTP 400"

    @pytest.mark.parametrize(
        ("openings", "wait", "word"),
        [
            (1, "1 minute", "open"),
            (1, "-1 minute", "half_open"),
            (0, "1 minute", "paused"),
            (0, None, "closed"),
        ],
    )
    @committed
    def test_names_the_breaker(self, api: Api, destination: Destination, owner: Owner, openings, wait, word):
        delivered(owner, destination)
        owner.execute(
            "UPDATE delivery_state SET openings = %s, open_until = now() + %s::interval", [openings, wait]
        )

        assert data_of(api.get(path(destination, "state")))["breaker"] == word


class TestTheLists:
    @committed
    def test_of_deliveries_is_paged_by_key(self, api: Api, destination: Destination, owner: Owner):
        ids = delivered(owner, destination, "sent", "dead", "sent")

        first = json.loads(api.get(path(destination, "deliveries"), limit="2").content)
        rest = json.loads(api.get(path(destination, "deliveries"), before=first["next_before"]).content)

        shown = [row["generation_id"] for row in first["data"] + rest["data"]]
        assert shown == [generation_id(each) for each in reversed(ids)]
        assert rest["next_before"] is None

    @committed
    def test_of_deliveries_can_be_narrowed_to_a_status(
        self, api: Api, destination: Destination, owner: Owner
    ):
        ids = delivered(owner, destination, "sent", "dead")

        [row] = data_of(api.get(path(destination, "deliveries"), status="dead"))
        assert row["generation_id"] == generation_id(ids[1])
        assert data_of(api.get(path(destination, "dead-letters"))) == [row]

    @committed
    def test_of_receipts_is_paged_by_key(self, api: Api, destination: Destination, owner: Owner):
        delivered(owner, destination, "sent")
        owner.execute(
            """INSERT INTO delivery_receipt (organization_id, workspace_id, destination_id, outcome, traces, error)
               SELECT organization_id, workspace_id, destination_id, 'sent', 7, '' FROM delivery_receipt"""
        )

        first = json.loads(api.get(path(destination, "receipts"), limit="1").content)
        rest = json.loads(api.get(path(destination, "receipts"), before=first["next_before"]).content)

        assert [row["traces"] for row in first["data"] + rest["data"]] == [7, 1]
        assert len(data_of(api.get(path(destination, "receipts"), outcome="partial"))) == 1

    @pytest.mark.parametrize("name", ["deliveries", "receipts", "dead-letters"])
    @pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "gen-", "\x00", "²"])
    def test_refuse_a_cursor_that_is_none(self, api: Api, destination: Destination, name: str, before: str):
        assert error_of(api.get(path(destination, name), before=before))[0] == 400

    @pytest.mark.parametrize(("name", "query"), [("deliveries", "status"), ("receipts", "outcome")])
    def test_refuse_a_word_that_is_none(self, api: Api, destination: Destination, name: str, query: str):
        status, message = error_of(api.get(path(destination, name), **{query: "lost"}))

        assert (status, message.partition(":")[0]) == (400, query)

    @committed
    def test_cost_the_same_however_long_they_are(self, api: Api, destination: Destination, owner: Owner):
        def cost() -> int:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                api.get(path(destination, "deliveries"))
            return len(queries)

        before = cost()
        delivered(owner, destination, *["sent"] * 20)
        assert cost() == before

    @committed
    def test_hold_nothing_of_another_tenants(self, cast: Cast, destination: Destination, owner: Owner):
        delivered(owner, destination, "dead")
        stranger = Api(cast.globex.management_key.secret)

        for name in ("state", "deliveries", "receipts", "dead-letters", "jobs"):
            assert error_of(stranger.get(path(destination, name)))[0] == 404


class TestAnOrder:
    @committed
    def test_to_replay_is_taken_and_done_in_the_background(
        self, api: Api, destination: Destination, owner: Owner
    ):
        delivered(owner, destination, "dead", "dead")

        job = data_of(api.post(path(destination, "replay"), {}), status=202)
        assert (job["kind"], job["is_finished"]) == ("replay", False)
        [job_id] = delivery_jobs.unfinished(owner)
        while delivery_jobs.work(owner, job_id).is_more:
            pass

        [done] = data_of(api.get(path(destination, "jobs")))
        assert (done["id"], done["is_finished"], done["examined"]) == (job["id"], True, 2)

    @committed
    def test_may_name_generations(self, api: Api, destination: Destination, owner: Owner):
        ids = delivered(owner, destination, "dead", "dead")

        data_of(
            api.post(path(destination, "discard"), {"generation_ids": [generation_id(ids[0])]}), status=202
        )
        delivery_jobs.work(owner, delivery_jobs.unfinished(owner)[0])

        [left] = data_of(api.get(path(destination, "dead-letters")))
        assert left["generation_id"] == generation_id(ids[1])

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"generation_ids": ["x"]}, "generation_ids"),
            ({"generation_ids": []}, "generation_ids"),
            ({"generation_ids": "x"}, "generation_ids"),
            ({"since": "yesterday"}, "since"),
            ({"since": "2999-01-01T00:00:00Z"}, "until"),
            ({"since": "2020-01-01T00:00:00Z"}, "since"),
            ({"every": 1}, "every"),
        ],
    )
    def test_that_makes_no_sense_is_refused(self, api: Api, destination: Destination, body, field: str):
        status, message = error_of(api.post(path(destination, "replay"), body))

        assert (status, field in message) == (400, True)

    def test_to_back_fill_has_a_beginning_and_a_bound(self, api: Api, destination: Destination):
        def since(days: int) -> dict[str, str]:
            at = datetime.now(UTC) - timedelta(days=days)
            return {"since": at.isoformat(timespec="seconds").replace("+00:00", "Z")}

        assert error_of(api.post(path(destination, "backfill"), {}))[0] == 400
        assert error_of(api.post(path(destination, "backfill"), since(40)))[0] == 400
        assert data_of(api.post(path(destination, "backfill"), since(30)), status=202)["kind"] == "backfill"

    @committed
    def test_repeated_with_its_idempotency_key_is_one(self, api: Api, destination: Destination, owner: Owner):
        for _ in range(2):
            data_of(api.post(path(destination, "replay"), {}, **{"Idempotency-Key": "once"}), status=202)

        assert len(delivery_jobs.unfinished(owner)) == 1

    def test_beyond_five_that_are_not_done_has_to_wait(self, api: Api, destination: Destination):
        for _ in range(5):
            data_of(api.post(path(destination, "replay"), {}), status=202)

        assert error_of(api.post(path(destination, "replay"), {}))[0] == 409


class TestADestinationThatIsDeadForAWeek:
    @committed
    def test_is_switched_off_with_a_revision(self, destination: Destination, owner: Owner, acme: Acme):
        delivered(owner, destination, "pending")
        owner.execute("UPDATE delivery_state SET failing_since = now() - interval '8 days'")

        assert give_up(owner) == [destination.pk]

        with tenant(acme.organization.pk):
            destination.refresh_from_db()
            assert not destination.is_enabled
            assert "seven days" in Revision.objects.order_by("-pk").first().reason
        assert give_up(owner) == []
