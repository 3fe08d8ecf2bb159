"""The database of one process of a run: a copy of the migrated one, put back as it was after tests that commit.

Putting it back deletes the rows that were written and resets the sequences, which takes a tenth of the time of another
copy. Where a test has changed more than that (tables, policies, the rows of the migrations), it is copied again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from urllib.parse import urlsplit

import psycopg
from django.db import connections
from psycopg.sql import SQL, Composed, Identifier, Literal

from config.embedded_postgres import OWNER_ROLE

Rows = dict[tuple[str, str], tuple[int, int]]
"""How many rows a table has, and the transaction that wrote the newest: together they tell any change."""

CATALOGS = (
    *("pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_index", "pg_inherits", "pg_namespace"),
    *("pg_policy", "pg_proc", "pg_rewrite", "pg_trigger", "pg_type"),
)
TABLES_SQL = """
SELECT relnamespace::regnamespace::text, relname FROM pg_class
WHERE relkind = 'r' AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
"""
# Whoever is connected may hold a lock, or commit later.
END_CONNECTIONS_SQL = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
SEQUENCES_SQL = "SELECT seqrelid, seqstart, pg_sequence_last_value(seqrelid) FROM pg_sequence"


def in_database(url: str, name: str) -> str:
    """The same address with another database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def replace_database(admin_url: str, name: str, *, template: str) -> None:
    """Make a database afresh as a copy of another, whoever is connected to it."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(
            f'CREATE DATABASE "{name}" OWNER {OWNER_ROLE} TEMPLATE "{template}" STRATEGY FILE_COPY'
        )


class OwnDatabase:
    """This process's database, with a memory of how it was when it was new."""

    def __init__(self) -> None:
        """Make it."""
        self._admin = os.environ["HEADGATE_TEST_ADMIN_URL"]
        self.name = f"headgate_test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
        self._additions = ""
        self._copy()

    def add(self, statements: str) -> None:
        """Make functions for the tests' own use part of what restore() brings back."""
        with self.connection() as connection:
            connection.execute(statements.encode())
            self._additions += statements
            self._new = self._rows(connection)

    def written(self, connection: psycopg.Connection) -> list[tuple[str, str]]:
        """The tables, by schema and name, whose rows were changed."""
        return [name for name, state in self._rows(connection).items() if state != self._new[name]]

    def restore(self) -> None:
        """Bring it back to the state after the migrations; connections to it are ended, Django's too."""
        connections.close_all()
        try:
            with self.connection() as connection:
                is_restored = self._delete_what_is_new(connection)
        except psycopg.Error:  # nobody is let in, or a given server's role may not leave triggers out
            is_restored = False
        if not is_restored:
            self._copy()

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """A connection to it as its administrator, who is above row-level security."""
        with psycopg.connect(in_database(self._admin, self.name), autocommit=True) as connection:
            yield connection

    def _copy(self) -> None:
        replace_database(self._admin, self.name, template=os.environ["HEADGATE_TEST_TEMPLATE"])
        with self.connection() as connection:
            names = [("pg_catalog", catalog) for catalog in CATALOGS]
            names += connection.execute(TABLES_SQL).fetchall()
            connection.execute(self._additions.encode())
            self._look = SQL(" UNION ALL ").join(count(*name) for name in names)
            self._new = self._rows(connection)
            self._sequences = set(connection.execute(SEQUENCES_SQL))

    def _rows(self, connection: psycopg.Connection) -> Rows:
        return {(schema, name): rest for schema, name, *rest in connection.execute(self._look)}  # type: ignore[misc]

    def _delete_what_is_new(self, connection: psycopg.Connection) -> bool:
        """Empty the tables that were empty; false when something else was changed."""
        connection.execute(END_CONNECTIONS_SQL)
        changed = self.written(connection)
        if any(self._new[name][0] for name in changed):
            return False
        connection.execute("SET session_replication_role = replica")  # no trigger, no check of references
        for name in changed:
            connection.execute(SQL("DELETE FROM {}").format(Identifier(*name)))
        self._reset_sequences(connection)
        return True

    def _reset_sequences(self, connection: psycopg.Connection) -> None:
        for sequence, start, last in self._sequences - set(connection.execute(SEQUENCES_SQL)):
            value = start if last is None else last
            connection.execute("SELECT setval(%s::regclass, %s, %s)", [sequence, value, last is not None])


def count(schema: str, table: str) -> Composed:
    """Ask for a table's state."""
    return SQL("SELECT {}, {}, count(*), coalesce(max(xmin::text::bigint), 0) FROM ONLY {}").format(
        Literal(schema), Literal(table), Identifier(schema, table)
    )


@cache
def own_database() -> OwnDatabase:
    """This process's database."""
    return OwnDatabase()
