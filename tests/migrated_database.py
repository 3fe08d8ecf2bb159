"""The database in tests, in place of pytest-django's fixture: it exists, and both aliases see the same one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.test import TransactionTestCase

from tests.postgres_plugin import restore_database


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None) -> None:
    """Make no test databases, and undo what a test committed by copying the template again.

    Django would empty all tables instead, which the control plane's role may not, and which would take the
    migrations' rows with it.
    """

    def restore(self: Any) -> None:
        connections.close_all()
        restore_database()

    TransactionTestCase._fixture_teardown = restore  # type: ignore[attr-defined]  # a private hook
