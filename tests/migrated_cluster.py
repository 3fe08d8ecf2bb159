"""A PostgreSQL cluster with all migrations applied, made once per state of the migrations and copied from then on."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded_postgres import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from config.stack.folder import locked
from config.stack.guardian import Guardian

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "var" / "test-clusters"
KEPT_CLUSTERS = 3
APPS = ("accounts", "workspaces", "observability", "routing", "config")
DATA_SUFFIXES = {".sql", ".json", ".yaml"}


def imported_by(migration: Path) -> Iterator[Path]:
    """Find our own modules that a migration imports: what it does depends on them too."""
    for node in ast.walk(ast.parse(migration.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            module = ROOT / (name.replace(".", "/") + ".py")
            if module.is_file():
                yield module


def fingerprint() -> str:
    """Name the state of everything that decides what the migrated database looks like."""
    migrations = [file for app in APPS for file in (ROOT / app).rglob("migrations/*.py")]
    data = [file for app in APPS for file in (ROOT / app).rglob("*") if file.suffix in DATA_SUFFIXES]
    fixed = ["requirements/dev.txt", "config/settings.py", "config/embedded_postgres.py"]
    imported = [module for migration in migrations for module in imported_by(migration)]
    content = hashlib.sha256(os.environ.get("HEADGATE_PG_BIN", "the wheel's").encode())
    for file in sorted({*migrations, *data, *imported, *(ROOT / name for name in fixed)}):
        content.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return content.hexdigest()[:16]


def migrate(*, app_url: str, owner_url: str) -> None:
    """Apply all migrations to a database, in a process of their own."""
    environment = {**os.environ, "DATABASE_URL": app_url, "HEADGATE_OWNER_DATABASE_URL": owner_url}
    command = [sys.executable, "manage.py", "migrate", "--skip-checks", "--database", "owner", "-v", "0"]
    if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
        raise pytest.UsageError("the migrations do not apply, see above: there is no database to test on")


def build(workspace: Path, guardian: Guardian) -> Path:
    """Make a migrated cluster in a folder and leave it stopped; return the cluster's real place."""
    postgres = EmbeddedPostgres(workspace / "new", is_durable=False)
    postgres.start(guardian)
    try:
        migrate(app_url=postgres.url(APP_ROLE), owner_url=postgres.url(OWNER_ROLE))
    finally:
        postgres.stop()
    return postgres.cluster


def copy_tree(source: Path, target: Path) -> None:
    """Copy a cluster with its owner and modes."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def forget_old_clusters(but: Path) -> None:
    """Keep only the clusters that were made last."""
    made = sorted(CACHE.glob("cluster-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in [path for path in made if path != but][KEPT_CLUSTERS - 1 :]:
        shutil.rmtree(old)


def migrated_cluster(workspace: Path, guardian: Guardian) -> EmbeddedPostgres:
    """Return a stopped PostgreSQL in a folder of the caller's, migrated to the present code."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / f"cluster-{fingerprint()}"
    with locked(CACHE / "lock"):
        if not kept.exists():
            partial = CACHE / "partial"
            shutil.rmtree(partial, ignore_errors=True)
            copy_tree(build(workspace, guardian), partial)
            partial.rename(kept)
            kept.touch()
            forget_old_clusters(but=kept)
        copy_tree(kept, workspace / "postgres")
    return EmbeddedPostgres(workspace / "postgres", is_durable=False)
