"""Fixtures for the tests of money: they commit, as the owner role, and put the database back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observability.books import Books, books_of, connect
from tests.own_database import own_database

ORGANIZATION_SQL = """
WITH why AS (INSERT INTO revision (object_type, object_id, action, door) VALUES ('test', '', 'create', 'shell'))
INSERT INTO organization (public_id, name, slug, kind, is_model_catalog_filtered)
VALUES (gen_random_uuid(), 'Books', 'books', 'team', false)
RETURNING id
"""


@pytest.fixture(scope="module")
def organization_id() -> Iterator[int]:
    """An organization that exists for a module's tests."""
    with connect() as connection:
        row = connection.execute(ORGANIZATION_SQL).fetchone()
    assert row
    yield row[0]
    own_database().restore()


@pytest.fixture
def books(organization_id: int, tmp_path: Path) -> Iterator[Books]:
    """Empty books."""
    with books_of(organization_id, tmp_path) as books:
        yield books
