"""A stack to break: two gateways whose wires can be held and cut, callers, and the judge of the money.

with running_drill() as drill:
    key = drill.new_key()
    callers = drill.callers()
    ...
    drill.judge(callers.finish())
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from config.embedded_postgres import DATABASE, OWNER_ROLE
from config.stack.folder import DataFolder
from observability.reconcile import reconcile
from tests.e2e.test_first_light import Acme
from tests.faults.load import Callers, Trace, chat, words
from tests.faults.oracle import Oracle, Verdict
from tests.faults.slow_search import SlowSearch
from tests.faults.wire import NotificationWire, ProviderWire
from tests.live_stack import ROOT, LiveStack, running_stack, stack_folder

GATEWAYS = ("gateway-1", "gateway-2")
ACCOUNTED_SECONDS = 10.0
"""How long after its return the database may lack anything (spec: promises)."""
SMALL_SEGMENT = 1 << 20
LOOKS = 12
JOURNAL_DISK_BYTES = 24 << 20
PATIENCE_SECONDS = 10
"""How long gateways wait for a provider that says nothing."""


class Drill:
    """A running stack and everything that a fault test does with it."""

    def __init__(
        self,
        stack: LiveStack,
        provider: ProviderWire,
        notifications: NotificationWire,
        search: SlowSearch,
        journal: Path,
    ) -> None:
        self.stack = stack
        self.search = search
        self.provider = provider
        self.notifications = notifications
        self.journal = journal
        self.acme = Acme(stack)
        self.url = f"{self.acme.base}/chat/completions"
        self.database_url: str = stack.record["environment"]["HEADGATE_OWNER_DATABASE_URL"]
        self.oracle = Oracle(self.database_url, stack.simulator_record, time.time())
        self._callers: list[Callers] = []

    def begin(self) -> None:
        """Begin a test: what happened before is not judged again, and who still calls hangs up."""
        for callers in self._callers:
            callers.hang_up()
        self._callers.clear()
        self.oracle = Oracle(self.database_url, self.stack.simulator_record, time.time())
        self.provider.forget_held()

    def new_key(self, **fields: object) -> str:
        """The secret of a fresh key."""
        return self.acme.new_key(**fields)[0]

    def disable(self, hash_: str) -> None:
        """Disable a key through the management API."""
        change = urllib.request.Request(
            f"{self.acme.base}/keys/{hash_}",
            json.dumps({"disabled": True}).encode(),
            {"Authorization": f"Bearer {self.acme.management_key}", "Content-Type": "application/json"},
            method="PATCH",
        )
        with urllib.request.urlopen(change, timeout=15) as answer:
            assert answer.status == 200

    def callers(self) -> Callers:
        """Somebody to send requests."""
        self._callers.append(Callers(self.url))
        return self._callers[-1]

    # --- Gateways

    def wait_for_gateways(self) -> None:
        """Wait until every gateway runs and has shown it since we asked, with nobody else in the books."""
        with self.oracle.connect() as connection:
            row = connection.execute("SELECT clock_timestamp() AS now").fetchone()
            assert row is not None
            self.stack.wait(
                lambda: self._are_gateways_fresh(connection, row["now"]), what="two live gateways"
            )

    def _are_gateways_fresh(self, connection: psycopg.Connection[dict[str, Any]], since: datetime) -> bool:
        beats = [
            row["heartbeat_at"] for row in connection.execute("SELECT heartbeat_at FROM gateway_process")
        ]
        is_known = len(beats) == len(GATEWAYS) and all(beat > since for beat in beats)
        return is_known and all(self.stack.pid(part) for part in GATEWAYS) and self._are_all_ready()

    def _are_all_ready(self) -> bool:
        """Whether each of many connections, which the kernel deals out to all gateways, meets a ready one."""
        return all(self._is_ready() for _ in range(LOOKS))

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.stack.base_url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def replace(self, *parts: str) -> None:
        """Kill gateways without a word; return when their successors serve and their journals are adopted."""
        old = {part: self.stack.kill(part) for part in parts}
        for part, pid in old.items():
            self.stack.wait_for_restart(part, pid)
        self.provider.forget_held()
        self.wait_for_gateways()

    def epochs(self) -> int:
        """How often gateways were fenced, in all: rises with each fence."""
        with self.oracle.connect() as connection:
            row = connection.execute("SELECT coalesce(sum(epoch), 0) AS n FROM gateway_process").fetchone()
        assert row is not None
        return int(row["n"])

    def wait_until_database_answers(self) -> None:
        """Wait until PostgreSQL takes connections."""
        self.stack.wait(self._is_database_there, what="the database")

    def _is_database_there(self) -> bool:
        try:
            self.epochs()
        except psycopg.OperationalError:
            return False
        return True

    # --- The end of a test

    def wait_until_booked(self, trace: Trace) -> None:
        """Wait until the charge for what a caller was answered is in the books."""
        self.stack.wait(lambda: self.oracle.charges([trace.identifier]), what="the charge")

    def judge(self, traces: Iterable[Trace], *, seconds: float = 30.0) -> Verdict:
        """Wait until everything is in the books, then compare; fails with what is wrong."""
        seen = list(traces)
        deadline = time.monotonic() + seconds
        while missing := self.oracle.missing(seen):
            assert time.monotonic() < deadline, self.oracle.describe(missing, seen)
            time.sleep(0.1)
        verdict = self.oracle.audit(seen)
        assert not verdict.violations, "\n".join([str(verdict), *verdict.violations[:10]])
        self.check_books()
        return verdict

    def check_books(self) -> None:
        """Run `manage.py reconcile`'s checks in this process, which is a good deal quicker."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            wrong = [outcome for outcome in reconcile(connection) if not outcome.is_ok]
        assert not wrong, wrong

    def check_by_command(self) -> None:
        """What an operator runs says that the books are clean."""
        assert self.stack.manage("reconcile").rstrip().endswith("\nclean")

    # --- Other processes

    @contextmanager
    def second_ingest(self) -> Iterator[subprocess.Popen[bytes]]:
        """Another ingest on the same journals."""
        command = [sys.executable, str(ROOT / "manage.py"), "ingest"]
        with (self.stack.data / "logs" / "second-ingest.log").open("ab") as log:
            process = subprocess.Popen(command, env=self.stack.environment(), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Leave no room on the journals' disk."""
        filler = self.journal / "filler"
        free = os.statvfs(self.journal)
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize)
        try:
            yield
        finally:
            filler.unlink()

    @contextmanager
    def frozen(self, part: str) -> Iterator[None]:
        """Stop a part in its tracks, for as long as the block lasts."""
        pid = self.stack.kill(part, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def mixed_bodies() -> list[dict[str, object]]:
    """Streams of up to some seconds and whole answers, of several prices."""
    streams = [
        chat(words(count), chunk_delay_ms=pace, first_delay_ms=random.choice((0, 20, 200)))
        for count, pace in ((5, 5), (20, 20), (40, 50), (60, 50), (12, 300))
    ]
    whole = [chat(words(8), is_streamed=False), chat("one", model="simulator/flat", is_streamed=False)]
    return [*streams, *whole]


def quick_bodies() -> list[dict[str, object]]:
    """Short requests with much that is noted with them: records are large, and segments are full the sooner."""
    notes = {"user": "u" * 500, "session_id": "s" * 500}
    flat = chat("one", model="simulator/flat", is_streamed=False)
    return [body | notes for body in (chat(words(5), chunk_delay_ms=2), flat)]


@contextmanager
def running_drill() -> Iterator[Drill]:
    """The demonstration with two gateways on wires, and, for root, a small disk of its own for the journals."""
    with ExitStack() as cleanup:
        data = cleanup.enter_context(stack_folder()) / "var"
        notifications = NotificationWire(lambda: _socket_path(data))
        cleanup.callback(notifications.close)
        listen = f"postgres://{OWNER_ROLE}@127.0.0.1:{notifications.port}/{DATABASE}"
        listen_url = f"{listen}?sslmode=disable&gssencmode=disable"
        yield cleanup.enter_context(_drill_on(data, notifications, listen_url))


@contextmanager
def unheard_drill() -> Iterator[Drill]:
    """The same, but nobody ever gets through to where notifications come from."""
    with ExitStack() as cleanup:
        data = cleanup.enter_context(stack_folder()) / "var"
        notifications = NotificationWire(lambda: _socket_path(data))
        cleanup.callback(notifications.close)
        notifications.cut()
        yield cleanup.enter_context(_drill_on(data, notifications, "postgres://nobody@127.0.0.1:9/nowhere"))


@contextmanager
def _drill_on(data: Path, notifications: NotificationWire, listen_url: str) -> Iterator[Drill]:
    with ExitStack() as cleanup:
        journal = data.with_name("journal")
        journal.mkdir()
        cleanup.enter_context(small_disk(journal))
        provider = ProviderWire(lambda: int(DataFolder(data).read_notes()["simulator_port"]))
        cleanup.callback(provider.close)
        search = SlowSearch()
        cleanup.callback(search.close)
        given = {
            **search.environment,
            "HEADGATE_SIMULATOR_URL": f"http://127.0.0.1:{provider.port}",
            "HEADGATE_LISTEN_DATABASE_URL": listen_url,
            "HEADGATE_JOURNAL_DIR": str(journal),
            "HEADGATE_JOURNAL_SEGMENT_BYTES": str(SMALL_SEGMENT),
            "HEADGATE_FIRST_TOKEN_SECONDS": str(PATIENCE_SECONDS),
            "HEADGATE_ANSWER_SECONDS": str(PATIENCE_SECONDS),
        }
        options = ("--demo", "--gateways", str(len(GATEWAYS)), "--crashes", "100000")
        stack = cleanup.enter_context(running_stack(data, *options, given=given))
        drill = Drill(stack, provider, notifications, search, journal)
        drill.wait_for_gateways()
        yield drill
        drill.begin()


def _socket_path(data: Path) -> str:
    record = DataFolder(data).read_record()
    assert record is not None, "nothing runs"
    url = record["environment"]["HEADGATE_OWNER_DATABASE_URL"]
    return f"{parse_qs(urlsplit(url).query)['host'][0]}/.s.PGSQL.5432"


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small disk in memory on a folder, where that is allowed."""
    mount = [
        "mount",
        "-t",
        "tmpfs",
        "-o",
        f"size={JOURNAL_DISK_BYTES},mode=0711",
        "headgate-test",
        str(folder),
    ]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
