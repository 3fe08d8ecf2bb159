"""`dev.py up`: everything on one machine, in the right order, until somebody stops it."""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.embedded_postgres import EmbeddedPostgres
from config.postgres_programs import PostgresError
from config.stack import banner
from config.stack.folder import DataFolder
from config.stack.guardian import Guardian
from config.stack.output import Output
from config.stack.parts import ROOT, Parts, Ports, postgres_part, stack_environment
from config.stack.ports import HOST, free_port, reserved_port
from config.stack.supervisor import PartFailedError, Supervisor

START_SECONDS = 120.0
CODE_FOLDERS = ("accounts", "workspaces", "observability", "routing", "config", "requirements", "static/dist")


class StoppedError(Exception):
    """Somebody asked to stop before everything was up."""


def up(options: argparse.Namespace) -> int:
    """Run the stack until it is stopped (0) or cannot go on (1)."""
    if bool(os.environ.get("DATABASE_URL")) != bool(os.environ.get("HEADGATE_OWNER_DATABASE_URL")):
        raise PostgresError("set both DATABASE_URL and HEADGATE_OWNER_DATABASE_URL, or neither")
    folder = DataFolder(options.data)
    folder.make()
    with folder.lock() as guard_lock, reserved_port(options.port) as port:
        notes = folder.read_notes()
        simulator, metrics = (free_port(notes.get(name, 0)) for name in ("simulator_port", "metrics_port"))
        folder.write_notes(simulator_port=simulator, metrics_port=metrics)
        return Stack(folder, Ports(port, simulator, metrics), options).run(guard_lock)


def code_fingerprint(*more: str) -> str:
    """Name a state of the code cheaply: when it has changed, the database may have to follow."""
    content = hashlib.sha256("\0".join(more).encode())
    for folder in CODE_FOLDERS:
        for path, folders, files in os.walk(ROOT / folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(files):
                file = Path(path, name)
                found = file.stat()
                content.update(f"{file}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return content.hexdigest()


def is_healthy(port: int) -> bool:
    """Whether a gateway answers on the port."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Stack:
    """One run of everything."""

    def __init__(self, folder: DataFolder, ports: Ports, options: argparse.Namespace) -> None:
        """Run on a folder that we hold."""
        self._began = time.monotonic()
        self._folder, self._ports, self._options = folder, ports, options
        self._postgres = None if os.environ.get("DATABASE_URL") else EmbeddedPostgres(folder.cluster)
        self._environment = stack_environment(folder, ports, self._postgres, is_demo=options.demo)
        secrets = {name: os.environ.get(name) or value for name, value in folder.secrets().items()}
        self._parts = Parts(folder, self._environment | secrets)
        self._base_url = self._environment["HEADGATE_BASE_URL"]
        self._is_ready = False

    def run(self, guard_lock: int) -> int:
        """Start everything, keep it running, stop it; the exit status."""
        self._output = Output(self._folder.logs)
        self._guardian = Guardian(guard_lock)
        self._supervisor = Supervisor(
            output=self._output,
            guardian=self._guardian,
            crash_limit=self._options.crashes,
            is_held=self._folder.is_held,
            on_change=self._record,
        )
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._supervisor.ask_to_stop)
        reason = ""
        try:
            self._start()
            while not self._supervisor.is_stopping:
                self._supervisor.tick()
        except StoppedError:
            pass
        except PartFailedError as error:
            reason = str(error)
        finally:
            self._stop()
        if reason:
            print(f"Why: {reason}", flush=True)
        return 1 if reason else 0

    def _start(self) -> None:
        """Start the parts in an order in which each finds what it needs, as many at a time as can be."""
        self._supervisor.start(self._parts.simulator(self._ports.simulator))
        self._start_postgres()
        self._prepare()
        for gateway in self._parts.gateways(self._ports.gateway, self._options.gateways):
            self._supervisor.start(gateway)
        self._wait("the gateway", lambda: is_healthy(self._ports.gateway))
        self._greet()
        self._supervisor.start(self._parts.ingest())
        self._is_ready = True
        self._supervisor.start(self._parts.worker())

    def _start_postgres(self) -> None:
        if self._postgres is None:
            return
        self._postgres.prepare()
        self._supervisor.start(postgres_part(self._postgres))
        self._wait("PostgreSQL", self._postgres.is_ready)

    def _prepare(self) -> None:
        """Bring the database to this code; skipped when this very code has done so with this very cluster."""
        fingerprint = code_fingerprint(str(self._options.demo), json.dumps(self._environment, sort_keys=True))
        is_ours = self._postgres is not None
        if is_ours and self._folder.read_notes().get("prepared_by") == fingerprint:
            return
        self._supervisor.run_to_end(self._parts.first_start(is_demo=self._options.demo))
        if self._supervisor.is_stopping:
            raise StoppedError
        self._folder.write_notes(prepared_by=fingerprint)

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            self._supervisor.tick(0.03)
            if self._supervisor.is_stopping:
                raise StoppedError
            if time.monotonic() > deadline:
                raise PartFailedError(
                    f"{what} was not ready after {START_SECONDS:.0f} s; see {self._folder.logs}"
                )

    def _greet(self) -> None:
        """Say where it is; what the first start made is shown once, and its file removed after that."""
        seconds = time.monotonic() - self._began
        lines = banner.ready_lines(
            base_url=self._base_url,
            seconds=seconds,
            data=str(self._folder.path),
            metrics=self._environment["HEADGATE_METRICS_LISTEN"],
        )
        facts: dict[str, Any] = {"is_first": False, "email": self._folder.read_notes().get("email", "")}
        if self._folder.prepared.exists():
            facts = json.loads(self._folder.prepared.read_text())
            self._folder.write_notes(email=facts["email"])
        describe = banner.first_start_lines if facts["is_first"] else banner.later_start_lines
        banner.show(lines + describe(facts, base_url=self._base_url) + self._demo_lines())
        self._folder.prepared.unlink(missing_ok=True)

    def _demo_lines(self) -> list[str]:
        """The demonstration's people, each time: they are there to be tried."""
        if not (self._options.demo and self._folder.demo.exists()):
            return []
        return banner.demo_lines(json.loads(self._folder.demo.read_text()), file=str(self._folder.demo))

    def _record(self, pids: dict[str, int]) -> None:
        """Note what runs, for `dev.py manage` and for tests."""
        self._folder.write_record(
            {
                "pid": os.getpid(),
                "base_url": self._base_url,
                "simulator_url": self._environment["HEADGATE_SIMULATOR_URL"],
                "is_ready": self._is_ready,
                "parts": pids,
                "environment": self._environment,
            }
        )

    def _stop(self) -> None:
        began = time.monotonic()
        self._supervisor.stop()
        if self._postgres is not None:
            self._postgres.remove_socket_folder()
        self._folder.remove_record()
        self._guardian.close()
        self._output.close()
        print(f"Stopped everything in {time.monotonic() - began:.1f} s.", flush=True)
