"""Every column that holds sealed secrets, which keys they need, and sealing them anew with the current one.

Apps register their columns in `AppConfig.ready()`. Answers kept for repeated requests are not among them: each is
sealed with a key of its own, which its request brings along, and lives for a day (accounts.idempotency).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections, models, transaction
from django.db.models import F, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from config.lib.crypto import KeyRing, SealingError
from config.lib.scoping import RLS_ALIAS, unscoped

BATCH = 100
EVERYBODYS = "secrets of all organizations are sealed with the same keys"


@dataclass(frozen=True)
class SealedColumn:
    """A column of sealed text, or one member of a column of JSON objects; empty text is no secret.

    `record` gets a row and a reason and writes what a change of the row must write, in the transaction that made it.
    """

    model: type[models.Model]
    column: str
    identity: Callable[[Any], str]
    record: Callable[[Any, str], None]
    member: str = ""

    @property
    def name(self) -> str:
        """Table and column, and the member where it is about one."""
        return f"{self.model._meta.db_table}.{self.column}" + (f".{self.member}" if self.member else "")

    def rows(self) -> models.QuerySet[Any]:
        """All rows, with the sealed text as `sealed`."""
        text = (
            Coalesce(KeyTextTransform(self.member, self.column), Value(""), output_field=models.TextField())
            if self.member
            else F(self.column)
        )
        rows: models.QuerySet[Any] = self.model._default_manager.using(RLS_ALIAS).annotate(sealed=text)
        return rows

    def value(self, row: Any, sealed: str) -> Any:
        """What the column of a row holds with another sealed text."""
        return {**getattr(row, self.column), self.member: sealed} if self.member else sealed


@dataclass(frozen=True)
class Resealed:
    """How many secrets were sealed anew, and how many could not be opened."""

    done: int = 0
    unopened: int = 0


_registered: dict[str, SealedColumn] = {}


def register(column: SealedColumn) -> None:
    """Make a column known; once more changes nothing."""
    _registered[column.name] = column


def sealed_columns() -> list[SealedColumn]:
    """All of them, by name."""
    return [_registered[name] for name in sorted(_registered)]


def uses_of_keys(column: SealedColumn, *, using: str = RLS_ALIAS) -> dict[str, int]:
    """How many secrets of a column each key has sealed, by the key's id; nothing before the column exists."""
    connection = connections[using]
    table, name = column.model._meta.db_table, column.column
    with unscoped(reason=EVERYBODYS, using=using), connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s "
            "AND column_name = %s",
            [table, name],
        )
        if cursor.fetchone() is None:
            return {}
        quoted, source = connection.ops.quote_name(name), connection.ops.quote_name(table)
        text = f"({quoted} ->> '{column.member}')" if column.member else quoted
        cursor.execute(
            f"SELECT split_part({text}, '.', 1), count(*) FROM {source} "  # noqa: S608  # names of ours
            f"WHERE {text} <> '' GROUP BY 1 ORDER BY 1"
        )
        return dict(cursor.fetchall())


def seal_anew(column: SealedColumn, ring: KeyRing, *, reason: str) -> Resealed:
    """Seal with the current key what another one has sealed, in transactions of `BATCH` rows.

    It may be stopped at any point and called again. Each row is locked while it is changed, so nothing that is
    written meanwhile is lost.
    """
    total = Resealed()
    last: Any = None  # keys of any type
    while rows := _batch(column, ring, last, reason):
        last = rows[-1][0]
        done = sum(is_done for _, is_done in rows)
        total = Resealed(total.done + done, total.unopened + len(rows) - done)
    return total


def discard(column: SealedColumn, key_id: str, *, reason: str) -> int:
    """Wipe what was sealed with a key that is lost; how many secrets that were."""
    with transaction.atomic(using=RLS_ALIAS), unscoped(reason=EVERYBODYS):
        rows = _rows(column).filter(sealed__startswith=f"{key_id}.")
        lost = list(rows)
        for row in lost:
            _write(column, row, "", reason)
    return len(lost)


def _batch(column: SealedColumn, ring: KeyRing, last: Any, reason: str) -> list[tuple[Any, bool]]:
    """The keys of the rows that were looked at, and whether each was sealed anew."""
    with transaction.atomic(using=RLS_ALIAS), unscoped(reason=EVERYBODYS):
        rows = _rows(column).exclude(sealed__startswith=f"{ring.current}.")
        if last is not None:
            rows = rows.filter(pk__gt=last)
        return [(row.pk, _seal_row(column, row, ring, reason)) for row in rows[:BATCH]]


def _rows(column: SealedColumn) -> models.QuerySet[Any]:
    return column.rows().exclude(sealed="").select_for_update(of=("self",)).order_by("pk")


def _seal_row(column: SealedColumn, row: Any, ring: KeyRing, reason: str) -> bool:
    identity = column.identity(row)
    try:
        plain = ring.open(row.sealed, identity=identity)
    except SealingError:
        return False
    return _write(column, row, ring.seal(plain, identity=identity), reason)


def _write(column: SealedColumn, row: Any, sealed: str, reason: str) -> bool:
    """Write a row's secret if it is still the one that was read."""
    value = column.value(row, sealed)
    if not column.rows().filter(pk=row.pk, sealed=row.sealed).update(**{column.column: value}):
        return False
    setattr(row, column.column, value)
    column.record(row, reason)
    return True
