"""How fast ingest books requests: `python -m benchmarks.ingest [requests] [keys]`.

Runs on a private, durable PostgreSQL of its own; reports wall time and the processor time of this process and
of its database backend, per request, and reconciles at the end. Some keys ask more than others, for 30 models, from 40
applications, for 20,000 end users of whom few ask most.
"""

from __future__ import annotations

import gc
import os
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from config.embedded_postgres import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from config.lib.ids import uuid7
from config.stack.guardian import Guardian
from observability.destinations import DESTINATIONS
from observability.filter_rules import read_rules
from observability.ingest_writes import Matcher, NewDelivery, no_destinations
from observability.journal import Journal
from observability.journal_follower import JournalFollower
from observability.journal_reader import Finished
from observability.journal_records import Begin, End, Hold
from observability.matching import DestinationMatcher, Row, targets_of
from observability.partitions import ensure_partitions
from observability.reconcile import reconcile
from tests.migrated_cluster import migrate

LIFETIME = 946_684_800_000_000
TICKS = os.sysconf("SC_CLK_TCK")
Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def database() -> Iterator[Connection]:
    """A connection of the owner role to a migrated, durable database that lives as long as the block."""
    with tempfile.TemporaryDirectory(prefix="headgate-bench-") as folder:
        Path(folder).chmod(0o711)
        guardian, postgres = Guardian(), EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start(guardian)
        try:
            migrate(app_url=postgres.url(APP_ROLE), owner_url=postgres.url(OWNER_ROLE))
            with psycopg.connect(postgres.url(OWNER_ROLE), autocommit=True) as connection:
                yield connection
        finally:
            postgres.stop()
            guardian.close()


def subjects_of(key: int) -> tuple[int, ...]:
    """Six subjects: organization, workspace, key, member, member in the workspace, and one more."""
    return (key % 5, 100 + key % 20, 1000 + key, 100_000 + key, 200_000 + key, 300_000 + key % 50)


def make_purses(connection: Connection, process_id: uuid.UUID, keys: int) -> dict[int, int]:
    """A purse and a lease for every subject; returns the purses' ids by subject."""
    organizations = """
    WITH why AS (INSERT INTO revision (object_type, object_id, action, door) VALUES ('test', '', 'create', 'x'))
    INSERT INTO organization (id, public_id, name, slug, kind, is_model_catalog_filtered)
    SELECT 1000 + n, gen_random_uuid(), 'o', 'bench-' || n, 'team', false FROM generate_series(0, 4) n"""
    connection.execute(organizations)
    connection.execute("INSERT INTO gateway_process (id, host) VALUES (%s, 'bench')", [process_id])
    subjects = sorted({subject for key in range(keys) for subject in subjects_of(key)})
    connection.execute(
        """INSERT INTO purse (organization_id, subject, interval, limit_nano, leased_nano, loose, holders)
           SELECT 1000, s, 't', 1000000000000000, 1000000000000, 1, 1 FROM unnest(%s::bigint[]) s""",
        [subjects],
    )
    connection.execute(
        """INSERT INTO lease (process_id, purse_id, window_start, granted_nano, is_loose)
           SELECT %s, id, window_start, leased_nano, true FROM purse""",
        [process_id],
    )
    return dict(connection.execute("SELECT subject, id FROM purse").fetchall())


def fill(journal: Journal, purses: dict[int, int], requests: int, keys: int) -> None:
    """Write finished requests of randomly chosen keys."""
    chance = random.Random(1)
    for number in range(requests):
        key, identifier = int(keys * chance.random() ** 2), str(uuid7())
        model, place = int(30 * chance.random() ** 2), chance.randrange(3)
        subjects = subjects_of(key)
        holds = tuple(Hold(purses[subject], LIFETIME, 9000) for subject in subjects)
        context = {
            "dialect": "chat",
            "is_streamed": True,
            "app_title": f"app-{int(40 * chance.random() ** 2)}",
            "user": f"user-{int(20_000 * chance.random() ** 4)}",
            "provider": f"provider-{(model + place) % 5}",
        }
        now = time.time_ns() // 1000
        begin = Begin(
            identifier,
            now,
            1000 + key % 5,
            key % 20,
            key + 1,
            None,
            subjects,
            holds,
            f"model-{model}",
            context,
        )
        journal.begin(begin)
        journal.end(
            End(
                identifier,
                chance.randrange(1000, 9000),
                0,
                "completed",
                finish_reason="stop",
                http_status=200,
                prompt_tokens=1200,
                completion_tokens=number % 300,
                endpoint_id=model * 3 + place,
                latency_ms=chance.randrange(100, 2000),
                generation_ms=chance.randrange(500, 9000),
                detail={"attempts": [{"endpoint": 1, "status": 200}]},
            )
        )


def one_destination(finished: Any) -> list[NewDelivery]:
    """One destination that wants everything."""
    return [NewDelivery(f.begin.organization_id, f.begin.workspace_id, 7, f.begin.id) for f in finished]


def time_matching(requests: int = 2000) -> None:
    """What it costs to decide which destinations are told of a request, in µs; the best of thirty rounds."""
    rules = read_rules(
        {"groups": [{"rules": [{"field": "model", "operator": "contains", "value": "model"}]}]}
    )
    kinds = {"none": None, "five": (1.0, None), "five samples": (0.5, None), "five with rules": (1.0, rules)}
    finished = [
        Finished(Begin(str(uuid7()), 1, 1, 1, 1, None, (), (), "model", {}), (), End("", 1, 0, "completed"))
        for _ in range(requests)
    ]
    for name, given in kinds.items():
        rows = [Row(n, next(iter(DESTINATIONS)), 1, [1], ["global"], *given) for n in range(5) if given]
        best = min(_seconds(KnownMatcher(rows), finished) for _ in range(30))
        print(f"matching, {name}: {best / requests * 1e6:.2f} µs per request", flush=True)


class KnownMatcher(DestinationMatcher):
    """Knows its destinations without a database."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__(refuse)
        self._targets = targets_of(rows)
        self._stamp, self._looked_at = (), float("inf")


def refuse() -> Connection:
    """There is no database."""
    raise NotImplementedError


def _seconds(matcher: Matcher, finished: list[Finished]) -> float:
    began = time.perf_counter()
    list(matcher(finished))
    return time.perf_counter() - began


def backend_seconds(connection: Connection) -> float:
    """The processor time of the connection's backend."""
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(connection: Connection, folder: Path, requests: int, keys: int, matcher: Matcher) -> None:
    """Fill one journal, book it, and report."""
    connection.execute(
        """TRUNCATE generation, usage_hour, usage_minute, usage_day, usage_model_day, usage_key_day,
                    usage_label_day, usage_speed_day, ledger_entry, delivery, lease, purse CASCADE"""
    )
    connection.execute("DELETE FROM gateway_process; DELETE FROM journal_position")
    connection.execute(
        """WITH why AS (INSERT INTO revision (object_type, object_id, action, door) VALUES ('x', '', 'delete', 'x'))
           DELETE FROM organization WHERE slug LIKE 'bench-%'"""
    )
    journal = Journal.create(folder, uuid.uuid4(), segment_bytes=16 << 20)
    fill(journal, make_purses(connection, journal.process_id, keys), requests, keys)
    connection.execute("ANALYZE")
    follower = JournalFollower(folder, journal.process_id, matcher=matcher)
    wall, cpu, backend = time.perf_counter(), time.process_time(), backend_seconds(connection)
    while follower.step(connection):
        pass
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    backend = backend_seconds(connection) - backend
    rows = follower.booked
    wrong = [outcome.check.code for outcome in reconcile(connection) if outcome.violations]
    verdict = f"NOT CLEAN: {', '.join(wrong)}" if wrong else "clean"
    print(
        f"{keys} keys, one destination {matcher is one_destination}: {rows} requests, {rows / wall:,.0f}/s wall; "
        f"ingest {cpu / rows * 1e6:.1f} µs each = {rows / cpu:,.0f}/s per core of its own, "
        f"PostgreSQL {backend / rows * 1e6:.1f} µs; both on one core {rows / (cpu + backend):,.0f}/s; {verdict}",
        flush=True,
    )
    follower.close()
    journal.close()


def main(requests: int, keys: list[int]) -> None:
    """Print the table."""
    gc.set_threshold(100_000, 50, 100)  # as the ingest process does
    time_matching()
    with database() as connection, tempfile.TemporaryDirectory() as folder:
        ensure_partitions(connection, today=datetime.now(UTC).date())
        for number in keys:
            for matcher in (one_destination, no_destinations):
                run(connection, Path(folder), requests, number, matcher)


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, [int(word) for word in sys.argv[2:]] or [50, 2000]
    )
