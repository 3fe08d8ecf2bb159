"""The parts that `dev.py up` runs, and the environment that they share."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.embedded_postgres import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from config.stack.folder import DataFolder
from config.stack.supervisor import Part

ROOT = Path(__file__).resolve().parent.parent.parent
# Gateways finish their streams first, the simulator and ingest outlive them, PostgreSQL outlives everything.
# Together the patience stays under the ten seconds in which Ctrl-C is promised to be done.
FRONT, BACK, DATABASE = 0, 1, 2
DRAIN_SECONDS = 5
POSTGRES = "postgres"


@dataclass(frozen=True)
class Ports:
    """Where the stack listens, on this machine only."""

    gateway: int
    simulator: int
    metrics: int


def stack_environment(
    folder: DataFolder,
    ports: Ports,
    postgres: EmbeddedPostgres | None,
    given: Mapping[str, str] = os.environ,
    *,
    is_demo: bool = False,
) -> dict[str, str]:
    """Everything that config.lib.environment reads and that a laptop needs; what is given already wins.

    The demonstration has a web of its own to search and to read: the simulator's.
    """
    ours = {
        "HEADGATE_ALLOWED_HOSTS": "127.0.0.1,localhost,[::1]",
        "HEADGATE_BASE_URL": f"http://127.0.0.1:{ports.gateway}",
        "HEADGATE_HTTPS": "false",
        "HEADGATE_PLANE": "all",
        "HEADGATE_SIMULATOR_URL": f"http://127.0.0.1:{ports.simulator}",
        "HEADGATE_BROKER_URL": "filesystem://localhost//",
        "HEADGATE_METRICS_LISTEN": f"127.0.0.1:{ports.metrics}",
        "HEADGATE_LOG_FORMAT": "console",
        "HEADGATE_DRAIN_NOTICE_SECONDS": "0",
        "HEADGATE_DRAIN_SECONDS": str(DRAIN_SECONDS),
    }
    if is_demo:
        ours["HEADGATE_SEARXNG_URL"] = f"http://127.0.0.1:{ports.simulator}/web"
        ours["HEADGATE_OUTBOUND_ALLOW"] = "127.0.0.1/32"
    if postgres is not None:
        ours["DATABASE_URL"] = postgres.url(APP_ROLE)
        ours["HEADGATE_OWNER_DATABASE_URL"] = postgres.url(OWNER_ROLE)
    chosen = {name: given.get(name) or value for name, value in ours.items()}
    return chosen | {"HEADGATE_DATA_DIR": str(folder.path)}


def postgres_part(postgres: EmbeddedPostgres) -> Part:
    """The embedded PostgreSQL, which has its own idea of signals."""
    return Part(
        name=POSTGRES,
        command=postgres.command(),
        options=postgres.process_options(),
        stop_stage=DATABASE,
        stop_signal=signal.SIGINT,
        hard_signal=signal.SIGQUIT,
        stop_seconds=1,
    )


class Parts:
    """Makes the parts that are Python, all with the same environment."""

    def __init__(self, folder: DataFolder, environment: Mapping[str, str]) -> None:
        """Run everything in the checkout, in this environment on top of our own."""
        self._folder = folder
        self._options = {"cwd": ROOT, "env": {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}}

    def _part(self, name: str, *arguments: str, stage: int, seconds: float) -> Part:
        command = [sys.executable, *arguments]
        return Part(name=name, command=command, options=self._options, stop_stage=stage, stop_seconds=seconds)

    def simulator(self, port: int) -> Part:
        """The provider that ships with us."""
        record = str(self._folder.path / "simulator.jsonl")
        arguments = ["-m", "routing.simulator", "--port", str(port), "--record", record]
        return self._part("simulator", *arguments, stage=BACK, seconds=1.5)

    def first_start(self, *, is_demo: bool) -> Part:
        """Migrations, static files and first rows; runs to its end."""
        arguments = ["-m", "config.stack.first_start", "--result", str(self._folder.prepared)]
        demo = ["--demo", str(self._folder.demo)] if is_demo else []
        return self._part("prepare", *arguments, *demo, stage=FRONT, seconds=2)

    def gateways(self, port: int, count: int) -> list[Part]:
        """So many processes that share one port; each serves both planes."""
        arguments = ["-m", "routing.gateway", "--port", str(port)]
        names = [f"gateway-{number}" for number in range(1, count + 1)]
        return [self._part(name, *arguments, stage=FRONT, seconds=DRAIN_SECONDS + 2) for name in names]

    def ingest(self) -> Part:
        """Moves the journals into the database."""
        return self._part("ingest", "manage.py", "ingest", stage=BACK, seconds=1.5)

    def worker(self) -> Part:
        """Celery, its beat inside; threads, because tasks wait for networks and start-up time counts."""
        alone = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
        beat = ["-B", "--schedule", str(self._folder.path / "beat-schedule")]
        quiet = [
            "-W",
            "ignore:You're running the worker with superuser privileges",
            "-m",
            "celery",
            "--quiet",
        ]
        arguments = [*quiet, "-A", "config", "worker", "--pool", "threads", "--concurrency", "8"]
        queues = ["--queues", "celery,broadcast"]
        return self._part(
            "worker", *arguments, *queues, *beat, *alone, stage=FRONT, seconds=DRAIN_SECONDS + 2
        )
