"""A database, a broker and real workers of its own, to break while traces are delivered."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import psycopg
from celery import Celery

from config.embedded_postgres import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from observability.wakeups import WakeUps
from tests.migrated_cluster import ROOT
from tests.observability.broadcasts import Broadcasts
from tests.observability.conftest import ORGANIZATION_SQL
from tests.postgres_plugin import TEST_SETTINGS, Server

PATIENCE_SECONDS = 120.0


class Drill:
    """What is running, and what may be done to it."""

    def __init__(self, folder: Path, server: Server, postgres: EmbeddedPostgres, broker_url: str) -> None:
        self.folder, self.server, self.postgres, self.broker_url = folder, server, postgres, broker_url
        self.broker = Celery("drill", broker=broker_url)
        queue = str(folder / "broker")
        if broker_url.startswith("filesystem"):
            self.broker.conf.broker_transport_options = {
                "data_folder_in": queue,
                "data_folder_out": queue,
                "control_folder": str(folder / "broker-control"),
            }
        self.connection = self.connect()
        organization_id = self.connection.execute(ORGANIZATION_SQL).fetchone()
        assert organization_id is not None
        self.broadcasts = Broadcasts(self.connection, organization_id[0])
        self.wake_ups = WakeUps(self.wake)
        self.wake_ups.start()
        self.enqueued_at: dict[UUID, float] = {}
        self._worker: subprocess.Popen[bytes] | None = None

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self.postgres.url(OWNER_ROLE), autocommit=True)

    def wake(self, destination: int) -> None:
        """What ingest does."""
        try:
            self.broker.send_task("broadcast.drain", (destination,), queue="broadcast", expires=60)
        except OSError:
            """The broker is being wiped: this one is lost."""

    # --- Workers

    def start_worker(self) -> None:
        environment = {
            **os.environ,
            **TEST_SETTINGS,
            "DATABASE_URL": self.postgres.url(APP_ROLE),
            "HEADGATE_OWNER_DATABASE_URL": self.postgres.url(OWNER_ROLE),
            "HEADGATE_DATA_DIR": str(self.folder),
            "HEADGATE_BROKER_URL": self.broker_url,
            "HEADGATE_OUTBOUND_ALLOW": "127.0.0.0/8",
        }
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "config", "worker"]
        command += ["--pool", "threads", "--concurrency", "8", "--queues", "celery,broadcast"]
        command += ["-B", "--schedule", str(self.folder / "beat"), "--loglevel", "WARNING"]
        command += ["--include", "tests.observability.lines_worker"]
        command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        with (self.folder / "worker.log").open("ab") as log:
            self._worker = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill_worker(self) -> None:
        """As the kernel does when memory is short; with its beat, which would outlive it."""
        assert self._worker is not None
        os.killpg(self._worker.pid, signal.SIGKILL)
        self._worker.wait()

    def stop(self) -> None:
        """End everything."""
        self.wake_ups.stop()
        if self._worker is not None and self._worker.poll() is None:
            self.kill_worker()
        self.connection.close()
        self.broker.close()

    # --- What may happen

    def wipe_broker(self) -> None:
        """Lose every message."""
        if self.broker_url.startswith("filesystem"):
            shutil.rmtree(self.folder / "broker", ignore_errors=True)
            (self.folder / "broker").mkdir()
        else:
            self.broker.control.purge()

    def restart_database(self) -> None:
        """Stop PostgreSQL under everybody and start it again."""
        self.connection.close()
        self.postgres.stop()
        self.postgres.start(self.server.guardian)
        self.connection = self.broadcasts.connection = self.connect()

    # --- Load

    def load(self, seconds: float, *destinations: int, each: int = 3, every: float = 0.1) -> list[UUID]:
        """Requests for these destinations at a steady rate, as ingest books them."""
        ids: list[UUID] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            fresh = self.broadcasts.requests(each, *destinations)
            self.enqueued_at |= dict.fromkeys(fresh, time.time())
            self.wake_ups.tell(destinations)
            ids += fresh
            time.sleep(every)
        return ids

    def wait(self, is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        until = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > until:
                raise AssertionError(f"no {what}:\n{(self.folder / 'worker.log').read_text()[-3000:]}")
            time.sleep(0.2)

    def pending(self, destination: int) -> int:
        accepted, sent, dead, _ = self.broadcasts.counts(destination)
        return int(accepted - sent - dead)


@contextmanager
def running_drill(folder: Path, broker_url: str) -> Iterator[Drill]:
    """A drill with everything running but the worker."""
    for name in ("broker", "broker-control"):
        (folder / name).mkdir()
    with ExitStack() as stack:
        server = Server()
        stack.callback(server.stop)
        drill = Drill(folder, server, server.start(), broker_url)
        stack.callback(drill.stop)
        yield drill


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """A Redis of its own; yields its address."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def silent_listener() -> Iterator[str]:
    """An address where somebody takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Throttle:
    """Says 429 to every other request, and asks for two seconds."""

    def __init__(self) -> None:
        self._lock, self._count = threading.Lock(), 0

    def __call__(self, _ids: list[str]) -> tuple[int, dict[str, str]]:
        with self._lock:
            self._count += 1
            return (429, {"Retry-After": "2"}) if self._count % 2 else (200, {})
