"""The cast as rows: the domain functions make it once per process, each test gets it by one statement.

They need 230 statements for it, which would be two thirds of the time of many a test. The same ids, keys and times
serve all tests of a process.
"""

from __future__ import annotations

import pickle

import psycopg
from django.db import connection, connections
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from tests.cast import Cast, assemble
from tests.own_database import OwnDatabase

FIRST_ID = 100_000
"""Rows that a test writes before the cast comes have lower ids, later ones have higher ids."""

# A revision counts for its transaction alone, and covers whatever else the test writes in it.
AT_EACH_ENTRY = {("revision", "transaction_id"): SQL("pg_current_xact_id()::text::bigint")}
SEQUENCES_SQL = "SELECT seqrelid::regclass::text FROM pg_sequence"
COLUMNS_SQL = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
# The owner is a superuser: the function is above row-level security, and no trigger nor foreign key is asked.
FUNCTION_SQL = """
CREATE SCHEMA tests;
GRANT USAGE ON SCHEMA tests TO PUBLIC;
CREATE FUNCTION tests.enter_cast() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET session_replication_role = replica AS {};
"""


class RecordedCast:
    """Everybody, in a form that is quick to put on a stage."""

    def __init__(self, database: OwnDatabase) -> None:
        """Have the cast made in the database, note its rows, and leave only a function behind that writes them."""
        with database.connection() as administrator:
            for (sequence,) in administrator.execute(SEQUENCES_SQL).fetchall():
                administrator.execute("SELECT setval(%s::regclass, %s)", [sequence, FIRST_ID])
            self._pickled = pickle.dumps(assemble())
            connections.close_all()
            statements = [insertion(administrator, *name) for name in database.written(administrator)]
            statements += moves(administrator)
            body = SQL("BEGIN {} END").format(SQL("").join(statements)).as_string()
            function = SQL(FUNCTION_SQL).format(Literal(body)).as_string()
        database.restore()
        self._is_quick = True
        try:
            database.add(function)
        except psycopg.errors.InsufficientPrivilege:  # a given server, whose superuser we are not
            self._is_quick = False

    def enter(self) -> Cast:
        """Write the rows, in the test's transaction if it has one."""
        if not self._is_quick:
            return assemble()
        with connection.cursor() as cursor:
            cursor.execute("SELECT tests.enter_cast()")
        cast: Cast = pickle.loads(self._pickled)
        return cast


def insertion(administrator: psycopg.Connection, schema: str, name: str) -> Composed:
    """The statement that writes the rows that a table has."""
    table = Identifier(schema, name)
    columns = administrator.execute(COLUMNS_SQL, [table.as_string()]).fetchall()
    rows = administrator.execute(SQL("SELECT t::text FROM ONLY {} AS t").format(table)).fetchall()
    values: list[Composable] = [SQL("({}::{})").format(Literal(row), table) for (row,) in rows]
    return SQL(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM (VALUES {}) AS rows (r);\n"
    ).format(
        table,
        SQL(", ").join(Identifier(column) for (column,) in columns),
        SQL(", ").join(
            AT_EACH_ENTRY.get((name, column), SQL("(r).{}").format(Identifier(column)))
            for (column,) in columns
        ),
        SQL(", ").join(values),
    )


def moves(administrator: psycopg.Connection) -> list[Composed]:
    """The statements that move the sequences behind the cast's own numbers."""
    found = administrator.execute(
        "SELECT seqrelid::regclass::text, pg_sequence_last_value(seqrelid) FROM pg_sequence"
    )
    return [
        SQL("PERFORM setval({}, greatest({}, (SELECT last_value FROM {})));\n").format(
            Literal(sequence), Literal(last), SQL(sequence)
        )
        for sequence, last in found
        if last != FIRST_ID
    ]
