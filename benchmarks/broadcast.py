"""How fast a worker delivers traces to a local sink: `python -m benchmarks.broadcast [traces] [type]`.

Runs on a private, durable PostgreSQL of its own; the sink is a process of its own that reads and says 200. Reports wall
time, and the processor time of the worker and of its database backend, per trace. The traces have no contents: opening
those comes on top.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.ingest import database
from config.lib.ids import uuid7
from config.lib.outbound import OutboundRules
from observability.partitions import ensure_partitions

TICKS = os.sysconf("SC_CLK_TCK")
GENERATIONS_SQL = """
INSERT INTO generation (id, admitted_at, organization_id, workspace_id, api_key_id, subjects, process_id, batch, model,
       provider, dialect, is_streamed, status, is_interrupted, finish_reason, http_status, prompt_tokens,
       completion_tokens, reasoning_tokens, cached_tokens, cache_write_tokens, is_usage_estimated, cost_nano,
       byok_nano, is_byok, latency_ms, generation_ms, "user", session_id, detail, refused_count)
SELECT id, now(), %(organization)s, %(workspace)s, 6, '{1,2,3}', %(process)s, 1, 'anthropic/claude-sonnet-4',
       'anthropic', 'chat', true, 'completed', false, 'stop', 200, 1200, 300, 20, 100, 0, false, 4200, 0, false, 312,
       2100, 'user-7', 'session-' || n %% 50, %(detail)s, 1
  FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY given (id, n)
"""
DETAIL = {
    "trace": {"trace_name": "Orders", "feature": "support"},
    "user_agent": "openai-python/2.1",
    "seed": 7,
}


def serve(port: Any) -> None:
    """Read requests and say 200; the port is told through a pipe."""

    class Sink(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.rest, self.left = transport, b"", 0

        def data_received(self, data: bytes) -> None:
            if self.left:
                self.left -= len(data)
            else:
                self.rest += data
                head, found, body = self.rest.partition(b"\r\n\r\n")
                if not found:
                    return
                lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
                self.left, self.rest = int(lines.get(b"content-length", b"0")) - len(body), b""
            if self.left <= 0:
                self.left = 0
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def sink() -> Iterator[str]:
    """The address of a sink."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1/traces"
    finally:
        process.terminate()


def prepare(connection: psycopg.Connection[Any], url: str, kind: str, traces: int) -> int:
    """A destination with so many traces waiting."""
    from tests.observability.broadcasts import Broadcasts
    from tests.observability.conftest import ORGANIZATION_SQL

    connection.execute("SELECT 1")
    organization = connection.execute(ORGANIZATION_SQL).fetchone()
    assert organization is not None
    broadcasts = Broadcasts(connection, organization[0])
    destination = broadcasts.destination(
        url, type=kind, config=Jsonb({"endpoint": url, "url": url}), metadata_groups=Jsonb([])
    )
    for start in range(0, traces, 5000):
        ids = [uuid7() for _ in range(min(5000, traces - start))]
        connection.execute(
            GENERATIONS_SQL,
            {
                "organization": organization[0],
                "workspace": broadcasts.workspace_id,
                "process": uuid.uuid4(),
                "ids": ids,
                "detail": Jsonb(DETAIL),
            },
        )
        broadcasts.enqueue(ids, destination)
    connection.execute("ANALYZE generation; ANALYZE delivery")
    return int(destination)


def cpu_of(pid: int) -> float:
    """The processor seconds of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(connection: psycopg.Connection[Any], destination: int, traces: int) -> None:
    """Deliver everything that waits, and say what it took."""
    from config.celery import spare_the_collector
    from observability.door import OutboundDoor
    from observability.drain import drain

    spare_the_collector()  # as in a worker
    rules = OutboundRules.parse("127.0.0.0/8")
    backend = connection.info.backend_pid
    began, worker, database_cpu = time.perf_counter(), time.process_time(), cpu_of(backend)
    while drain(connection, destination, door=lambda: OutboundDoor(rules), turn_seconds=600):
        pass
    wall, worker = time.perf_counter() - began, time.process_time() - worker
    database_cpu = cpu_of(backend) - database_cpu
    counts = connection.execute("SELECT accepted, sent, dead FROM delivery_state").fetchone()
    size = connection.execute("SELECT sum(sent_bytes), count(*) FROM delivery_receipt").fetchone()
    print(f"accepted, sent, dead: {counts}; bytes and batches: {size}")
    print(
        f"{traces / worker:,.0f} traces/s per worker core ({worker / traces * 1e6:.0f} µs), database backend "
        f"{database_cpu / traces * 1e6:.0f} µs, wall {traces / wall:,.0f}/s"
    )


def main() -> None:
    """Run it."""
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    kind = sys.argv[2] if len(sys.argv) > 2 else "otel-collector"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from tests.postgres_plugin import TEST_SETTINGS

    os.environ.update(TEST_SETTINGS)
    os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
    import django

    django.setup()
    from datetime import UTC, datetime

    from config.lib.outbound import CallFailed
    from observability.destinations import DESTINATIONS
    from observability.destinations.destination import DestinationKind, Limits, Outcome, VendorRequest

    class Plain(DestinationKind):
        """Spans of OTLP's size and shape, for an installation without vendors."""

        slug, name, about, limits = "plain", "Plain", "", Limits()

        def send(self, config: Any, traces: Any, door: Any) -> Outcome:
            spans = [
                {
                    "traceId": trace.trace_id,
                    "spanId": trace.span_id,
                    "startTimeUnixNano": str(trace.started_ns),
                    "attributes": [
                        {"key": f"a.{name}", "value": {"stringValue": str(value)}}
                        for name, value in trace.described.items()
                    ],
                }
                for trace in traces
            ]
            body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
            places = tuple(range(len(traces)))
            try:
                reply = door.send(
                    VendorRequest(config["url"], {"Content-Type": "application/json"}, body, places)
                )
            except CallFailed as error:
                return Outcome(retry=frozenset(places), error=str(error))
            return Outcome(http_status=reply.status, sent_bytes=len(body))

    DESTINATIONS.setdefault("plain", Plain())
    if kind not in DESTINATIONS:
        kind = "plain"
    print(f"{traces:,} traces to a destination of the type {kind}")
    with database() as connection, sink() as url:
        ensure_partitions(connection, today=datetime.now(UTC).date())
        destination = prepare(connection, url, kind, traces)
        measure(connection, destination, traces)


if __name__ == "__main__":
    main()
