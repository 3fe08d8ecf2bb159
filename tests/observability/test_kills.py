"""Processes that are killed at any moment lose and double no charge, with two ingesters at work all the time."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from observability.ingest import Ingester
from tests.observability.books import LIFETIME, Books, connect
from tests.observability.deadline import eventually
from tests.observability.test_ingest_process import running

ROOT = Path(__file__).resolve().parents[2]
KILLS = 25
GATEWAY = """
import os, random, sys, time
from pathlib import Path
from uuid import UUID
from config.lib.ids import uuid7
from observability.journal import Journal
from observability.journal_records import Begin, Checkpoint, End, Hold

folder, process_id, organization, purse, window, record = sys.argv[1:]
journal = Journal.create(Path(folder), UUID(process_id), segment_bytes=65_536)
journal.start_syncing()
sys.stdin.readline()
served = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
streams = []
while True:
    identifier, now = str(uuid7()), time.time_ns() // 1000
    holds = (Hold(int(purse), int(window), 1000),)
    journal.begin(Begin(identifier, now, int(organization), 5, 6, None, (42,), holds, "simulator/echo"))
    os.write(served, f"called {identifier} 0\\n".encode())
    streams.append(identifier)
    for stream in random.sample(streams, min(3, len(streams))):
        cost = random.randrange(1, 500)
        journal.checkpoint(Checkpoint(stream, cost, 0, 10, cost))
        os.write(served, f"checkpoint {stream} {cost}\\n".encode())
    if len(streams) > 20:
        stream, cost = streams.pop(random.randrange(20)), random.randrange(500, 1000)
        journal.end(End(stream, cost, 0, "completed"))
        os.write(served, f"ended {stream} {cost}\\n".encode())
    time.sleep(0.001)
"""


class Fleet:
    """Gateway processes that come and go, and the independent record of what they served."""

    def __init__(self, books: Books, purse: int) -> None:
        self.books = books
        self.purse = purse
        self.record = books.folder / "served.log"
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        process_id = uuid.uuid4()
        arguments = [
            self.books.folder,
            process_id,
            self.books.organization_id,
            self.purse,
            LIFETIME,
            self.record,
        ]
        command = [sys.executable, "-c", GATEWAY, *map(str, arguments)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
        self.running.append(process)
        eventually(lambda: list(self.books.folder.glob(f"{process_id}.*.journal")))
        self.books.register(process_id)
        self.books.run(
            """INSERT INTO lease (process_id, purse_id, window_start, granted_nano, is_loose)
               SELECT %s, id, window_start, 1000000, true FROM purse WHERE id = %s""",
            *(process_id, self.purse),
        )
        self.books.run(
            "UPDATE purse SET leased_nano = leased_nano + 1000000, loose = loose + 1, holders = holders + 1"
        )
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.close()

    def kill_one(self) -> None:
        process = self.running.pop(0)
        process.kill()
        process.wait()

    def served(self) -> dict[str, dict[str, int]]:
        """By request: what is known of it, by kind of line; the last cost counts."""
        requests: dict[str, dict[str, int]] = {}
        for line in self.record.read_text().splitlines():
            kind, identifier, cost = line.split()
            requests.setdefault(identifier, {})[kind] = int(cost)
        return requests


@pytest.mark.faults
@pytest.mark.timeout(180)
class TestKilledProcesses:
    def test_are_charged_exactly_for_what_they_served(self, books: Books):
        purse, chance = books.purse(), random.Random(7)
        fleet = Fleet(books, purse)
        with running(Ingester(books.folder, connect)), running(Ingester(books.folder, connect)):
            for _ in range(2):
                fleet.start()
            for _ in range(KILLS):
                time.sleep(0.3 + chance.random() / 2)
                fleet.kill_one()
                fleet.start()
            while fleet.running:
                fleet.kill_one()
            eventually(lambda: not list(books.folder.glob("*.journal")), seconds=30)

        served, booked = fleet.served(), {}
        for identifier, status, cost in books.all("SELECT id::text, status, cost_nano FROM generation"):
            assert identifier not in booked
            booked[identifier] = (status, cost)
        assert len(served) > KILLS * 20
        unlogged = 0  # a killed process may have written one more line to its journal than to the record
        for identifier, known in served.items():
            status, cost = booked[identifier]
            if "ended" in known:
                assert (status, cost) == ("completed", known["ended"])
            else:
                unlogged += (status, cost) != ("interrupted", known.get("checkpoint", 0))
        assert unlogged <= KILLS + 2
        unserved = booked.keys() - served.keys()  # killed between the begin and the call
        assert all(booked[identifier] == ("interrupted", 0) for identifier in unserved)
        assert books.purse_state(purse) == (sum(cost for _, cost in booked.values()), 0, 0, 0)
        books.assert_clean()
