"""A private PostgreSQL for one data folder: the binaries of a wheel, a Unix socket, never as root.

The wheel's own starter is not used: as root it adds a user, opens every folder above the data to the world
and leaves its server behind when it is killed. This one serves `dev.py up` and the tests; production sets
DATABASE_URL.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from config.postgres_programs import (
    SYSTEM_FOLDER,
    Account,
    PostgresError,
    runnable_programs,
    unprivileged_account,
)
from config.stack.guardian import Guardian

SUPERUSER, OWNER_ROLE, APP_ROLE = "headgate_admin", "headgate_owner", "headgate_app"
DATABASE = "headgate"
SOCKET_PATH_LIMIT = 107
START_SECONDS, STOP_SECONDS = 60.0, 10.0
SETUP_SQL = f"""\
CREATE ROLE {OWNER_ROLE} LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS;
CREATE ROLE {APP_ROLE} LOGIN NOCREATEDB NOSUPERUSER NOBYPASSRLS;
ALTER SCHEMA public OWNER TO {OWNER_ROLE};
CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE};
"""


class EmbeddedPostgres:
    """A database cluster in a folder, and the server that opens it."""

    def __init__(self, cluster: Path, *, is_durable: bool = True) -> None:
        """Name the cluster's folder; is_durable=False trades safety on power loss for speed, for tests."""
        self._link = cluster.absolute()
        self._is_durable = is_durable
        self._process: subprocess.Popen[bytes] | None = None

    # --- Where things are

    @cached_property
    def account(self) -> Account | None:
        """Whom the server runs as; None for ourselves."""
        return unprivileged_account(self._link)

    @cached_property
    def cluster(self) -> Path:
        """The cluster's real folder: the one given, or one under /var/lib that root links to."""
        parent = self._link.parent
        if self._link.is_symlink():
            return self._link.resolve()
        if self.account is None or self._link.exists() or self.account.can("x", parent):
            return self._link
        SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        outside = SYSTEM_FOLDER / f"cluster-{secrets.token_hex(6)}"
        self._link.symlink_to(outside)
        return outside

    @cached_property
    def programs(self) -> Path:
        """The folder of programs that the account can run."""
        return runnable_programs(self.account)

    @cached_property
    def major(self) -> int:
        """The programs' major version."""
        found = re.search(r"\d+", self._run("postgres", "--version"))
        if found is None:
            raise PostgresError(f"{self.programs / 'postgres'} does not tell its version")
        return int(found.group())

    @property
    def socket_folder(self) -> Path:
        """A short path, as a socket's may have 107 bytes at most; its name follows from the cluster's."""
        tag = hashlib.sha256(str(self.cluster).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"headgate-{os.geteuid()}-{tag}"

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address for one of the roles, as DATABASE_URL has it."""
        return f"postgres://{role}@/{database}?host={self.socket_folder}"

    # --- The life of the server

    def prepare(self) -> None:
        """Do all that is needed before the server can start; the first time that makes the cluster."""
        self._make_socket_folder()
        if not self.cluster.exists():
            self._create_cluster()
        version = (self.cluster / "PG_VERSION").read_text().strip()
        if version != str(self.major):
            raise PostgresError(
                f"{self.cluster} was made by PostgreSQL {version}, the programs in {self.programs} are"
                f" {self.major}: point HEADGATE_PG_BIN at the old ones, dump, and load into a new folder"
            )
        self._await_predecessor()

    def command(self) -> list[str]:
        """The server's command line; it stays in the foreground; SIGINT ends it fast, SIGQUIT at once."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "log_checkpoints": "off",
            "log_error_verbosity": "terse",  # without the details, which quote rows
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._is_durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.cluster), *options]

    def process_options(self) -> dict[str, Any]:
        """Popen's arguments for running as the account, from a folder that everybody can enter."""
        shared: dict[str, Any] = {"cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}
        if self.account is None:
            return shared
        return shared | {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}

    def is_ready(self) -> bool:
        """Whether a server accepts connections, by its own word."""
        status = self._status()
        return status is not None and status[1] == "ready" and process_exists(status[0])

    def start(self, guardian: Guardian) -> None:
        """Start the server and wait until it is ready; its log is postgres.log beside the cluster."""
        self.prepare()
        log = self._link.parent / "postgres.log"
        with log.open("ab") as output:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
            self._process = subprocess.Popen(
                self.command(), start_new_session=True, **streams, **self.process_options()
            )
        guardian.watch(self._process.pid, last_signal=signal.SIGINT)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop what start() started: connections are ended, and the data is left clean."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
        self._process = None
        self.remove_socket_folder()

    def remove_socket_folder(self) -> None:
        """Leave nothing in the temporary folder once the server has ended."""
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    # --- Steps

    def _run(self, program: str, *arguments: str, stdin: str = "") -> str:
        """Run one of PostgreSQL's programs to its end and return what it printed."""
        command = [str(self.programs / program), *arguments]
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, **self.process_options()
        )
        if done.returncode:
            raise PostgresError(f"{program} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def _create_cluster(self) -> None:
        """Make the cluster with its roles and database beside its place; move it there when it is whole."""
        partial = self.cluster.with_name(self.cluster.name + ".new")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        if self.account is not None:
            self.account.own(partial)
        # The built-in provider gives the same order of text everywhere; it came with PostgreSQL 17.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        options = locale if self.major >= 17 else ["--locale=C.UTF-8"]
        durability = [] if self._is_durable else ["--no-sync"]
        access = [
            "-U",
            SUPERUSER,
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]  # who may reach the socket is the folder's mode
        self._run("initdb", "-D", str(partial), *access, *options, *durability)
        single = ["--single", "-c", "exit_on_error=true", "-D", str(partial), "template1"]
        self._run("postgres", *single, stdin=SETUP_SQL)
        partial.rename(self.cluster)

    def _make_socket_folder(self) -> None:
        """Make the socket's folder, ours alone; one that somebody else put there is refused."""
        folder = self.socket_folder
        if len(str(folder / ".s.PGSQL.5432")) > SOCKET_PATH_LIMIT:
            raise PostgresError(f"{folder} is too long a path for a socket: set TMPDIR to a shorter one")
        owner = os.geteuid() if self.account is None else self.account.uid
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if self.account is not None:
                self.account.own(folder)
        found = folder.lstat()
        if folder.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
            raise PostgresError(f"{folder} belongs to somebody else or is open to others: remove it")

    def _status(self) -> tuple[int, str] | None:
        """The process id and state that a running server keeps in its folder; None when there is none."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), lines[7].strip() if len(lines) > 7 else "starting"
        except (FileNotFoundError, IndexError, ValueError):  # absent, or being written at this moment
            return None

    def _await_predecessor(self) -> None:
        """Wait for a server on the same data that is still stopping; PostgreSQL itself refuses a live one."""
        deadline = time.monotonic() + STOP_SECONDS
        while (status := self._status()) and process_exists(status[0]) and time.monotonic() < deadline:
            time.sleep(0.02)


def process_exists(pid: int) -> bool:
    """Whether a process with this id exists, ours or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
