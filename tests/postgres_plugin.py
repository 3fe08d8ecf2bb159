"""An early pytest plugin (`-p tests.postgres_plugin`): a private PostgreSQL, and the tiers of tests.

It must come before pytest-django reads the settings, so it is no conftest. The first process starts one server
for the whole run; every process of the run (pytest-xdist) works on its own copy of the migrated database.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from config.embedded_postgres import APP_ROLE, DATABASE, OWNER_ROLE, SUPERUSER, EmbeddedPostgres
from config.stack.guardian import Guardian
from tests.migrated_cluster import migrate, migrated_cluster
from tests.own_database import in_database, own_database, replace_database
from tests.scheduling import ByFile, rank

EXTERNAL_TEMPLATE = "headgate_test_template"
TEST_SETTINGS = {
    "HEADGATE_SECRET_KEY": "only-for-tests-" + "0123456789abcdef" * 4,
    "HEADGATE_SEALING_KEYS": "test:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "HEADGATE_ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "HEADGATE_BASE_URL": "http://testserver",
    "HEADGATE_HTTPS": "false",
    "HEADGATE_BROKER_URL": "memory://",
}
# What a plain run leaves out, and the options that take it in.
TIERS = {
    "full": ("--full", "slow tests that add little to a plain run"),
    "faults": ("--faults", "drills: processes killed, the database stopped, under load"),
    "browser": ("--browser", "pages in a real browser"),
    "gallery": ("--gallery", "what takes the pictures of docs/gallery anew"),
}


# --- Tiers


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer an option for every tier; --full takes the browser in as well."""
    group = parser.getgroup("tiers", "what a plain run leaves out")
    for option, meaning in TIERS.values():
        group.addoption(option, action="store_true", help=f"run also {meaning}")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the tiers' marks, and let our database fixture win over pytest-django's."""
    for name, (option, meaning) in TIERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning} ({option})")
    for plugin in ("tests.migrated_database", "tests.live_stack"):
        config.pluginmanager.import_plugin(plugin)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect, visibly in the closing line, the tiers that nobody asked for, and put the rest in order."""
    items.sort(key=rank)
    left_out = {name for name, (option, _) in TIERS.items() if not config.getoption(option)}
    if config.getoption("--full"):
        left_out.discard("browser")
    deselected = [item for item in items if left_out & {mark.name for mark in item.iter_markers()}]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in deselected]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Divide the tests among processes by our own rule, whatever --dist says."""
    return ByFile(config, log)


# --- The server


class Server:
    """What the first process of a run starts and must stop."""

    def __init__(self) -> None:
        self.workspace = Path(tempfile.mkdtemp(prefix="headgate-tests-"))
        self.workspace.chmod(0o711)  # root's PostgreSQL runs as somebody else
        self.guardian = Guardian()
        self.postgres: EmbeddedPostgres | None = None

    def start(self) -> EmbeddedPostgres:
        """Start a PostgreSQL with the migrated database."""
        self.postgres = migrated_cluster(self.workspace, self.guardian)
        self.postgres.start(self.guardian)
        return self.postgres

    def stop(self) -> None:
        """Stop it and leave nothing."""
        if self.postgres is not None:
            self.postgres.stop()
        self.guardian.close()
        shutil.rmtree(self.workspace, ignore_errors=True)


def use_own_server(server: Server) -> None:
    """Start the run's own PostgreSQL and point the environment at it."""
    os.environ.update(TEST_SETTINGS)
    postgres = server.start()
    os.environ["DATABASE_URL"] = postgres.url(APP_ROLE)
    os.environ["HEADGATE_OWNER_DATABASE_URL"] = postgres.url(OWNER_ROLE)
    os.environ["HEADGATE_TEST_ADMIN_URL"] = postgres.url(SUPERUSER, "postgres")
    os.environ["HEADGATE_TEST_TEMPLATE"] = DATABASE


def use_given_server() -> None:
    """Make the template in the server that DATABASE_URL names; its two roles must exist there."""
    admin = os.environ["HEADGATE_OWNER_DATABASE_URL"]
    replace_database(admin, EXTERNAL_TEMPLATE, template="template1")
    urls = [in_database(url, EXTERNAL_TEMPLATE) for url in (os.environ["DATABASE_URL"], admin)]
    os.environ.update(TEST_SETTINGS)
    migrate(app_url=urls[0], owner_url=urls[1])
    os.environ["HEADGATE_TEST_ADMIN_URL"] = admin
    os.environ["HEADGATE_TEST_TEMPLATE"] = EXTERNAL_TEMPLATE


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Have the database before pytest-django reads the settings."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        if os.environ.get("DATABASE_URL"):
            use_given_server()
        else:
            server = Server()
            early_config.add_cleanup(server.stop)
            use_own_server(server)
    own_database()
    for name in ("DATABASE_URL", "HEADGATE_OWNER_DATABASE_URL"):
        os.environ[name] = in_database(os.environ[name], own_database().name)
    return (yield)
