"""Runs queries of analytics within the tenant's own transaction, for so long and no longer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import OperationalError, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from psycopg.errors import QueryCanceled

from config.lib.scoping import tenant
from observability.analytics.question import Question, TooSlow
from observability.analytics.statement import statement_of

MOST_SECONDS: Final = 15
MOST_SECONDS_OF_FILES: Final = 300
FETCHED: Final = 2000


@dataclass(frozen=True)
class Row:
    """A group: its dimensions' values (numbers where they are numbered), its time bucket, its metrics, its tags."""

    keys: tuple[Any, ...]
    at: datetime | None
    values: tuple[Any, ...]
    tags: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Result:
    """The rows up to the limit; `is_truncated` when there are more."""

    rows: list[Row]
    is_truncated: bool
    milliseconds: float


def run(organization_id: int, question: Question) -> Result:
    """Answer a query about the organization that the transaction is scoped to. Raises InvalidQuery, TooSlow."""
    [result] = run_all(organization_id, [question])
    return result


def run_all(organization_id: int, questions: Sequence[Question]) -> list[Result]:
    """Answer several, each of which may take as long as one. Raises InvalidQuery, TooSlow."""
    statements = [statement_of(organization_id, question, now=timezone.now()) for question in questions]
    with _bounded(MOST_SECONDS), connections["default"].cursor() as cursor:
        return [
            _answer(cursor, question, *statement)
            for question, statement in zip(questions, statements, strict=True)
        ]


def _answer(cursor: CursorWrapper, question: Question, text: str, parameters: list[Any]) -> Result:
    began = time.perf_counter()
    cursor.execute(text, parameters)
    found = cursor.fetchall()
    milliseconds = round((time.perf_counter() - began) * 1000, 1)
    rows = [_row(question, row) for row in found[: question.limit]]
    return Result(rows, len(found) > question.limit, milliseconds)


def stream(organization_id: int, question: Question) -> Iterator[Row]:
    """The same rows, one after the other, in a transaction of their own. Raises InvalidQuery at once, TooSlow later."""
    text, parameters = statement_of(organization_id, question, now=timezone.now())
    return _streamed(organization_id, question, text, parameters)


def _streamed(organization_id: int, question: Question, text: str, parameters: list[Any]) -> Iterator[Row]:
    with (
        tenant(organization_id),
        _bounded(MOST_SECONDS_OF_FILES),
        connections["default"].chunked_cursor() as cursor,
    ):
        cursor.execute(text, parameters)
        left = question.limit
        while left and (found := cursor.fetchmany(min(FETCHED, left))):
            yield from (_row(question, row) for row in found)
            left -= len(found)


@contextmanager
def _bounded(seconds: int) -> Iterator[None]:
    """Let statements of the block take so long; the transaction goes on afterwards. Raises TooSlow."""
    try:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            [before] = cursor.fetchone() or ["0"]
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
            yield
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow from error
        raise


def _row(question: Question, columns: tuple[Any, ...]) -> Row:
    named = len(question.dimensions)
    place = named + (len(question.tagging.columns) if question.tagging else 0)
    at = columns[place] if question.granularity else None
    tags = tuple(tag or None for tag in columns[named:place])
    return Row(columns[:named], at, columns[place + (1 if question.granularity else 0) :], tags)
