"""Clients that are no dependencies of ours, installed once at their locked versions, into the tests' cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import dev
from config.stack.folder import locked

CLIENTS = Path(__file__).resolve().parent / "clients"
CACHE = dev.ROOT / "var" / "test-clients"
INSTALL_SECONDS, RUN_SECONDS = 180.0, 120.0


def run(command: list[str], *, folder: Path, env: Mapping[str, str], seconds: float) -> str:
    """Run a program to its end and return what it printed; fails with all of that if the program does."""
    done = subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout


def cached(kind: str, *locks: Path) -> Path:
    """The folder for what these files lock; it exists when that is installed."""
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE / f"{kind}-{dev.digest(*locks)[:16]}"


def python_with_clients() -> Path:
    """A Python that has what clients/requirements.txt locks."""
    return python_with(CLIENTS / "requirements.txt")


def python_with(lock: Path) -> Path:
    """A Python that has what a file locks."""
    uv = dev.uv()
    folder = cached("python", lock)
    with locked(CACHE / "lock"):
        if not folder.exists():
            partial = CACHE / "partial"
            make = [uv, "venv", "--quiet", "--clear", "--python", str(dev.PYTHON), str(partial)]
            sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(partial), str(lock)]
            for command in (make, sync):
                run(command, folder=CACHE, env=dev.uv_environment(), seconds=INSTALL_SECONDS)
            partial.rename(folder)
    return folder / "bin" / "python"


def node_with_clients() -> Path:
    """A folder with the scripts of clients/node and the modules that its lock names."""
    source = CLIENTS / "node"
    folder = cached("node", *sorted(path for path in source.iterdir() if path.is_file()))
    with locked(CACHE / "lock"):
        if not folder.exists():
            partial = CACHE / "partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(source, partial, ignore=shutil.ignore_patterns("node_modules"))
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            run(command, folder=partial, env=os.environ, seconds=INSTALL_SECONDS)
            partial.rename(folder)
    return folder
