"""The data folder of a stack: what is in it, who holds it, and the secrets made for it."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# How long a guarding process may need to clear up after a supervisor that was killed.
TAKE_OVER_SECONDS = 12.0


class FolderInUseError(Exception):
    """Another stack runs on the folder; the message names its process."""


def write_privately(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def new_secrets() -> dict[str, str]:
    """Secrets for one installation: Django's, and the first key of the ring that seals credentials."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return {
        "HEADGATE_SECRET_KEY": secrets.token_urlsafe(50),
        "HEADGATE_SEALING_KEYS": f"{secrets.token_hex(4)}:{key}",
    }


def try_lock(descriptor: int) -> bool:
    """Lock an open file for as long as it stays open; False when somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever has it."""
    with path.open("a") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield


class DataFolder:
    """Everything one stack keeps."""

    def __init__(self, path: Path) -> None:
        """Name the folder; make() makes it."""
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.cluster = self.path / "postgres"
        self.prepared = self.path / "prepared.json"  # what the first start made, until it has been shown
        self.demo = self.path / "demo.json"  # the demonstration's people and keys
        self._lock_file = self.path / "up.lock"
        self._held = self.path / "held"
        self._record = self.path / "up.json"
        self._secrets = self.path / "secrets.env"
        self._notes = self.path / "notes.json"

    def make(self) -> None:
        """Make what is missing; others may pass through (root's PostgreSQL is another user), not look."""
        broker = [self.path / "broker", self.path / "broker-control"]  # as config.settings names them
        for folder in (self.path, self.logs, self._held, *broker):
            folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)

    # --- Who holds it

    @contextlib.contextmanager
    def lock(self) -> Iterator[int]:
        """Hold the folder; raises FolderInUseError when another stack does.

        Gives the descriptor of a second lock, for the guarding process to hold as well: it is free again only
        when all parts have ended, even if the supervisor was killed.
        """
        with self._lock_file.open("a+") as holder, (self.path / "guard.lock").open("a") as guard:
            if not try_lock(holder.fileno()):
                holder.seek(0)
                raise FolderInUseError(
                    f"{self.path} is in use by process {holder.read() or '(just starting)'}:"
                    " stop that one, or choose another folder with --data"
                )
            holder.truncate(0)
            holder.write(str(os.getpid()))
            holder.flush()
            deadline = time.monotonic() + TAKE_OVER_SECONDS
            while not try_lock(guard.fileno()):
                if time.monotonic() > deadline:
                    raise FolderInUseError(f"parts of a stack that was killed still run on {self.path}")
                time.sleep(0.02)
            yield guard.fileno()

    # --- What runs

    def write_record(self, record: dict[str, Any]) -> None:
        """Note what runs; it may name a database's password, so only we can read it."""
        write_privately(self._record, json.dumps(record, indent=2) + "\n")

    def read_record(self) -> dict[str, Any] | None:
        """What runs, as written by write_record; None when nothing does."""
        if not self._record.exists():
            return None
        with self._lock_file.open("a") as holder:
            if try_lock(holder.fileno()):  # it was killed; the record tells of the past
                return None
        record: dict[str, Any] = json.loads(self._record.read_text())
        return record

    def remove_record(self) -> None:
        """Note that nothing runs."""
        self._record.unlink(missing_ok=True)

    def is_held(self, part: str) -> bool:
        """Whether a part is to stay down: a file of its name is in held/ (drills and tests put it there)."""
        return (self._held / part).exists()

    # --- What is remembered

    def secrets(self) -> dict[str, str]:
        """The installation's secrets, by name of their variable; made at first use and kept."""
        if not self._secrets.exists():
            lines = [f"{name}={value}\n" for name, value in new_secrets().items()]
            write_privately(self._secrets, "".join(lines))
        pairs = (line.partition("=") for line in self._secrets.read_text().splitlines() if line)
        return {name: value for name, _, value in pairs}

    def read_notes(self) -> dict[str, Any]:
        """What earlier starts noted: the simulator's port, what they prepared and from which code."""
        if not self._notes.exists():
            return {}
        notes: dict[str, Any] = json.loads(self._notes.read_text())
        return notes

    def write_notes(self, **notes: Any) -> None:
        """Add to the notes."""
        write_privately(self._notes, json.dumps(self.read_notes() | notes, indent=2) + "\n")
