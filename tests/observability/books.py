"""A small world for the tests of money: an organization's books, gateway processes and their journals."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from config.lib.ids import uuid7
from config.lib.money import LIFETIME_START
from observability.ingest_writes import Matcher, no_destinations
from observability.journal import Journal
from observability.journal_follower import JournalFollower
from observability.journal_records import Begin, Checkpoint, End, Hold, Refusal
from observability.reconcile import reconcile

NOW = datetime.now(UTC)
LIFETIME = int(LIFETIME_START.timestamp()) * 10**6
KEY_SUBJECT = 42
TABLES = """generation, generation_content, classification, usage_hour, usage_minute, usage_day,
 usage_model_day, usage_key_day, usage_label_day, usage_speed_day, ledger_entry, delivery,
 dead_letter_record, api_key_use, secret_use, sealed_usage, sealed_spend, sealed_batch,
 sealed_day, job_run, journal_position, gateway_process, lease, purse, invoice"""


def microseconds(at: datetime) -> int:
    """A time as journals have it."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def connect() -> psycopg.Connection[tuple[Any, ...]]:
    """A connection of the owner role to this run's database."""
    return psycopg.connect(os.environ["HEADGATE_OWNER_DATABASE_URL"], autocommit=True)


class Books:
    """One organization, its purses, and whoever writes journals about it."""

    def __init__(
        self, connection: psycopg.Connection[tuple[Any, ...]], folder: Path, organization_id: int
    ) -> None:
        self.connection = connection
        self.folder = folder
        self.organization_id = organization_id
        self.journals: list[Journal] = []

    def purse(self, *, subject: int = KEY_SUBJECT, interval: str = "t", **columns: Any) -> int:
        values = {"organization_id": self.organization_id, "subject": subject, "interval": interval} | columns
        names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        query = f"INSERT INTO purse ({names}) VALUES ({marks}) RETURNING id"
        return self.one(query, *values.values())

    def lease(self, journal: Journal, purse: int, granted: int, *, window: datetime = LIFETIME_START) -> None:
        """What `lease_op` does: the lease, and the purse's counts of it if the window is its own."""
        self.run(
            """INSERT INTO lease (process_id, purse_id, window_start, granted_nano, is_loose)
               VALUES (%s, %s, %s, %s, true)""",
            *(journal.process_id, purse, window, granted),
        )
        self.run(
            """UPDATE purse SET leased_nano = leased_nano + %s, loose = loose + 1, holders = holders + 1
                WHERE id = %s AND window_start = %s""",
            *(granted, purse, window),
        )

    def process(self, *, segment_bytes: int = 1 << 20) -> Journal:
        """A gateway process as far as the books see it: a journal and a row."""
        process_id = uuid.uuid4()
        journal = Journal.create(self.folder, process_id, segment_bytes=segment_bytes)
        self.register(process_id)
        self.journals.append(journal)
        return journal

    def register(self, process_id: UUID) -> None:
        self.run("INSERT INTO gateway_process (id, host) VALUES (%s, 'here')", process_id)

    def kill(self, journal: Journal) -> None:
        """What the kernel does when a process dies: its lock is free, and nothing else happens."""
        journal._segment.header.close()
        os.close(journal._segment.fd)
        self.journals.remove(journal)

    def follower(
        self, journal: Journal, *, matcher: Matcher = no_destinations, limit: int = 2000
    ) -> JournalFollower:
        return JournalFollower(self.folder, journal.process_id, matcher=matcher, limit=limit)

    def ingest(self, journal: Journal) -> None:
        """Book all that has ended, from scratch."""
        follower = self.follower(journal)
        while follower.step(self.connection):
            pass
        follower.close()

    def begin(
        self,
        *,
        purses: tuple[tuple[int, int], ...] = (),
        at: datetime | None = None,
        window: int = LIFETIME,
        counts_byok: bool = False,
        counts_credits: bool = True,
        **changes: Any,
    ) -> Begin:
        """A request on the key; purses: (id, hold)."""
        admitted_at = at or NOW
        values: dict[str, Any] = {
            "id": str(uuid7(int(admitted_at.timestamp() * 1000))),
            "admitted_at": microseconds(admitted_at),
            "organization_id": self.organization_id,
            "workspace_id": 5,
            "api_key_id": 6,
            "member_id": None,
            "subjects": (KEY_SUBJECT,),
            "holds": tuple(Hold(purse, window, nano, counts_byok, counts_credits) for purse, nano in purses),
            "model": "simulator/echo",
            "context": {"dialect": "chat", "is_streamed": True, "provider": "simulator"},
        }
        return Begin(**values | changes)

    def request(self, journal: Journal, *, cost: int = 100, byok: int = 0, **begin: Any) -> str:
        """A request from its beginning to its end."""
        record = self.begin(**begin)
        journal.begin(record)
        journal.end(ended(record, cost=cost, byok=byok))
        return record.id

    def refusal(self, **changes: Any) -> Refusal:
        values: dict[str, Any] = {
            "id": str(uuid7()),
            "admitted_at": microseconds(NOW),
            "organization_id": self.organization_id,
            "workspace_id": 5,
            "api_key_id": 6,
            "member_id": None,
            "model": "simulator/echo",
            "error_type": "payment_required",
            "http_status": 402,
        }
        return Refusal(**values | changes)

    def one(self, query: str, *parameters: Any) -> Any:
        row = self.connection.execute(query, parameters).fetchone()
        return row[0] if row and len(row) == 1 else row

    def all(self, query: str, *parameters: Any) -> list[Any]:
        rows = self.connection.execute(query, parameters).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def run(self, query: str, *parameters: Any) -> None:
        self.connection.execute(query, parameters)

    def purse_state(self, purse: int) -> Any:
        """spent, leased, holders, loose."""
        return self.one("SELECT spent_nano, leased_nano, holders, loose FROM purse WHERE id = %s", purse)

    def assert_clean(self) -> None:
        """The books are right in every respect."""
        wrong = {o.check.code: o.violations for o in reconcile(self.connection) if o.violations}
        assert wrong == {}


def ended(begin: Begin, *, cost: int = 100, byok: int = 0, status: str = "completed", **changes: Any) -> End:
    """The end of a request."""
    values: dict[str, Any] = {
        "id": begin.id,
        "cost_nano": cost,
        "byok_nano": byok,
        "status": status,
        "finish_reason": "stop",
        "http_status": 200,
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "latency_ms": 3,
        "generation_ms": 40,
        "is_byok": byok > 0,
    }
    return End(**values | changes)


def checkpoint(begin: Begin, *, cost: int = 40) -> Checkpoint:
    """What a stream has cost by now."""
    return Checkpoint(begin.id, cost, 0, 10, 7)


@contextmanager
def books_of(organization_id: int, folder: Path) -> Iterator[Books]:
    """Empty books, emptied again afterwards."""
    with connect() as connection:
        books = Books(connection, folder, organization_id)
        try:
            yield books
        finally:
            for journal in list(books.journals):
                books.kill(journal)
            connection.execute(f"TRUNCATE {TABLES}")
