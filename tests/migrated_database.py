"""The database in tests, in place of pytest-django's fixture: it exists, and both aliases see the same one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from tests.own_database import own_database
from tests.recorded_cast import RecordedCast


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None) -> None:
    """Make no test databases, and undo what a test committed by copying the template again.

    Django would empty all tables instead, which the control plane's role may not, and which would take the
    migrations' rows with it.
    """

    def restore(self: Any) -> None:
        connections.close_all()
        own_database().restore()

    TransactionTestCase._fixture_teardown = restore  # type: ignore[attr-defined]  # a private hook


@pytest.fixture(scope="session")
def recorded_cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> RecordedCast:
    """The cast, to be put on any test's stage."""
    with django_db_blocker.unblock():
        return RecordedCast(own_database())


@pytest.fixture(scope="session", autouse=True)
def cast_is_recorded_first(request: pytest.FixtureRequest) -> None:
    """Have it made, if any test will need it, before one can have written something."""
    if any("recorded_cast" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("recorded_cast")
