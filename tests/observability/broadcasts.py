"""A small world for the tests of delivery: destinations, requests that they are to be told of, and their receivers."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from config.lib.ids import generation_id, milliseconds_of, uuid7
from config.lib.outbound import CallFailed, OutboundRules
from observability.delivery_counts import accept
from observability.destinations import DESTINATIONS
from observability.destinations.destination import (
    Config,
    DestinationKind,
    Door,
    Limits,
    Outcome,
    VendorRequest,
)
from observability.destinations.judging import judge, unanswered
from observability.door import TOTAL_SECONDS, OutboundDoor
from observability.drain import drain
from observability.ingest_writes import NewDelivery, _write_deliveries
from observability.reconcile import reconcile
from observability.trace import Trace

WHY = """WITH why AS (
 INSERT INTO revision (object_type, object_id, action, door) VALUES ('test', '', 'create', 'shell'))"""
WORKSPACE_SQL = f"""{WHY}
INSERT INTO workspace (public_id, organization_id, name, slug, is_default, is_strict, is_io_logging_enabled,
                       is_broadcast_enabled, is_data_discount_logging_enabled, io_logging_sampling_rate,
                       is_byok_in_budgets)
VALUES (gen_random_uuid(), %s, 'W', %s, false, false, false, true, false, 1, false) RETURNING id
"""
TABLES = """generation, delivery, delivery_receipt, delivery_state, delivery_job, generation_content, destination,
 observability_settings"""


@dataclass
class Received:
    """One request as a receiver got it."""

    ids: list[str]
    at: float


Behaviour = Callable[[list[str]], tuple[int, Mapping[str, str]]]
"""What a receiver answers to these generations: a status and headers."""


def content(_ids: list[str]) -> tuple[int, Mapping[str, str]]:
    """Everything is welcome."""
    return 200, {}


@dataclass
class Receiver:
    """A vendor that runs here and remembers."""

    url: str
    behaviour: Behaviour = content
    received: list[Received] = field(default_factory=list)

    @property
    def taken(self) -> list[str]:
        """The generations that it said yes to, in order."""
        return [each for request in self.received for each in request.ids]


class Lines(DestinationKind):
    """A vendor that takes a list of generation ids, and tells by the status what it thinks of it."""

    slug, name, about = "test-lines", "Lines", "For tests."
    limits = Limits(traces=20, bytes=1 << 20)

    def send(self, config: Config, traces: Sequence[Trace], door: Door) -> Outcome:
        body = json.dumps([trace.generation_id for trace in traces]).encode()
        everything = frozenset(range(len(traces)))
        request = VendorRequest(config["url"], {"Content-Type": "application/json"}, body, tuple(everything))
        try:
            reply = door.send(request)
        except CallFailed as error:
            return unanswered(everything, error)
        known = {"http_status": reply.status, "sent_bytes": len(body), "error": f"HTTP {reply.status}"}
        if reply.status in (400, 413, 422):
            return Outcome(split=everything, **known)
        if reply.status in (401, 403, 404):
            return Outcome(retry=everything, is_misconfigured=True, **known)
        if reply.status == 504:
            return judge(request, reply)
        if reply.status >= 400:
            wait = reply.headers.get("retry-after")
            return Outcome(retry=everything, retry_after=float(wait) if wait else None, **known)
        return Outcome(**known | {"error": ""})


@contextmanager
def receiver(behaviour: Behaviour = content) -> Iterator[Receiver]:
    """A receiver on this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            ids = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers = known.behaviour(ids)
            if status < 300:
                known.received.append(Received(ids, datetime.now(UTC).timestamp()))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    known = Receiver(f"http://127.0.0.1:{server.server_port}/", behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def local_door(seconds: float = TOTAL_SECONDS) -> OutboundDoor:
    """The way out, to this machine too."""
    return OutboundDoor(OutboundRules.parse("127.0.0.0/8"), total_seconds=seconds)


class Broadcasts:
    """One workspace, its destinations, and what waits for them."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], organization_id: int) -> None:
        self.connection = connection
        self.organization_id = organization_id
        self.workspace_id = self.one(WORKSPACE_SQL, organization_id, uuid.uuid4().hex[:20])

    def destination(self, url: str, **columns: Any) -> int:
        values = {
            "public_id": uuid.uuid4(),
            "organization_id": self.organization_id,
            "workspace_id": self.workspace_id,
            "type": "test-lines",
            "name": "Lines",
            "config": Jsonb({"url": url}),
            "is_everywhere": False,
            "is_enabled": True,
            "sealed_secrets": "",
            "sampling_rate": 1,
            "is_private": False,
            "regions": Jsonb(["global"]),
            "metadata_groups": Jsonb([]),
        } | columns
        names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        query = f"{WHY} INSERT INTO destination ({names}) VALUES ({marks}) RETURNING id"
        return self.one(query, *values.values())

    def change(self, destination: int, **columns: Any) -> None:
        """What a change of its settings does to the row."""
        sets = ", ".join(f"{name} = %s" for name in columns)
        query = f"{WHY} UPDATE destination SET {sets} WHERE id = %s"
        self.run(query, *columns.values(), destination)

    def generation(self, **columns: Any) -> UUID:
        identifier = columns.pop("id", None) or uuid7()
        values = {
            "id": identifier,
            "admitted_at": datetime.fromtimestamp(milliseconds_of(identifier) / 1000, UTC),
            "organization_id": self.organization_id,
            "workspace_id": self.workspace_id,
            "subjects": [],
            "process_id": uuid.uuid4(),
            "batch": 1,
            "model": "simulator/echo",
            "provider": "simulator",
            "dialect": "chat",
            "is_streamed": False,
            "status": "completed",
            "is_interrupted": False,
            "prompt_tokens": 3,
            "completion_tokens": 4,
            "reasoning_tokens": 0,
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "is_usage_estimated": False,
            "cost_nano": 0,
            "byok_nano": 0,
            "is_byok": False,
            "refused_count": 1,
        } | columns
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(["%s"] * len(values))
        self.run(f"INSERT INTO generation ({names}) VALUES ({marks})", *values.values())
        return identifier

    def requests(self, count: int, *destinations: int) -> list[UUID]:
        """Requests that were booked for these destinations."""
        ids = sorted(self.generation() for _ in range(count))
        self.enqueue(ids, *destinations)
        return ids

    def enqueue(
        self,
        ids: Sequence[UUID],
        *destinations: int,
        most: int | None = None,
        made: type[NewDelivery] = NewDelivery,
    ) -> None:
        """What ingest does in its transaction."""
        rows = [
            made(self.organization_id, self.workspace_id, destination, str(identifier))
            for identifier in ids
            for destination in destinations
        ]
        with self.connection.transaction(), self.connection.cursor() as cursor:
            _write_deliveries(cursor, accept(cursor, rows, most))

    def drain(self, destination: int, **options: Any) -> bool:
        return drain(self.connection, destination, **{"door": local_door, **options})

    def make_due(self, destination: int) -> None:
        """The time that somebody has to wait is over: for retries, leases and the breaker."""
        self.run(
            "UPDATE delivery SET next_at = now() WHERE destination_id = %s AND status = 'pending'",
            destination,
        )
        self.run(
            "UPDATE delivery_state SET open_until = now(), leased_until = NULL WHERE destination_id = %s",
            destination,
        )

    def one(self, query: str, *parameters: Any) -> Any:
        row = self.connection.execute(query, parameters).fetchone()
        return row[0] if row and len(row) == 1 else row

    def all(self, query: str, *parameters: Any) -> list[Any]:
        rows = self.connection.execute(query, parameters).fetchall()
        return [row[0] if len(row) == 1 else row for row in rows]

    def run(self, query: str, *parameters: Any) -> None:
        self.connection.execute(query, parameters)

    def counts(self, destination: int) -> Any:
        """accepted, sent, dead, dropped."""
        query = "SELECT accepted, sent, dead, dropped FROM delivery_state WHERE destination_id = %s"
        return self.one(query, destination)

    def statuses(self, destination: int) -> dict[UUID, str]:
        query = "SELECT generation_id, status FROM delivery WHERE destination_id = %s"
        return dict(self.all(query, destination))

    def assert_nothing_is_lost(self) -> None:
        """What was accepted is sent, dead or waiting."""
        wrong = [o.violations for o in reconcile(self.connection) if o.check.code == "R15" and o.violations]
        assert wrong == []


def public(ids: Sequence[UUID]) -> list[str]:
    """The ids as vendors get them."""
    return [generation_id(each) for each in ids]


@contextmanager
def lines_known() -> Iterator[None]:
    """The vendor of the tests is one that destinations may have."""
    DESTINATIONS[Lines.slug] = Lines()
    try:
        yield
    finally:
        del DESTINATIONS[Lines.slug]
