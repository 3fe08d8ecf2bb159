"""Moves one process's journal into the database, batch by batch, each exactly once.

What was read is kept in memory until its transaction has committed; after any error the position in the
database is the truth, and the journal is read again from there.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import msgspec
import psycopg

from observability.ingest_batch import UnstorableRecord
from observability.ingest_sanitise import sanitised
from observability.ingest_writes import Matcher, lock_position, no_destinations, write_portion
from observability.journal_reader import START, JournalReader, Portion, Position
from observability.journal_segment import HEADER_BYTES, segment_numbers, segment_path, unread_bytes

BATCH_ROWS = 5000
UNSTORABLE = (
    psycopg.DataError,
    psycopg.IntegrityError,
    UnstorableRecord,
    UnicodeError,
    OverflowError,
    RecursionError,
    TypeError,
    msgspec.MsgspecError,
)

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
log = logging.getLogger(__name__)


class JournalFollower:
    """Reads behind one process and books what it finds."""

    def __init__(
        self, folder: Path, process_id: UUID, *, matcher: Matcher = no_destinations, limit: int = BATCH_ROWS
    ) -> None:
        self.folder = folder
        self.process_id = process_id
        self.matcher = matcher
        self.limit = limit
        self.booked = self.dead_letters = 0
        self.committed = START
        self.is_ended = False
        self.was_full = False
        self._reader: JournalReader | None = None
        self._portion: Portion | None = None

    @property
    def lag_bytes(self) -> int:
        """How much was written that is not booked. Raises OSError when the journal is gone."""
        return unread_bytes(self.folder, self.process_id, *self.committed)

    def close(self) -> None:
        """Forget everything that is not committed."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._portion = None

    def has_work(self) -> bool:
        """Whether there may be something to book. Touches no database and, when idle, hardly the disk."""
        return self._reader is None or self._has_read(self._reader, self.limit)

    def step(self, connection: Connection) -> bool:
        """Book one batch. False when there was nothing, or another ingester is at it."""
        try:
            return self._step(connection, self.limit)
        except UNSTORABLE as error:
            until = self._portion.end if self._portion else START
            log.error(
                "a batch of %s cannot be stored, going one by one: %s", self.process_id, _summary(error)
            )
            self.close()
            return self._step_carefully(connection, until)
        except BaseException:
            self.close()
            raise

    def _step(self, connection: Connection, limit: int) -> bool:
        reader = self._reader or self._open(connection)
        if reader is None or not self._has_read(reader, limit) or self._portion is None:
            return False
        return self._write(connection, reader, self._portion)

    def _step_carefully(self, connection: Connection, until: Position) -> bool:
        """Book one record at a time up to there; what cannot be stored is booked on a sanitised row."""
        reader = self._open(connection)
        while reader is not None and reader.position < until:
            try:
                if not self._step(connection, 1):
                    break
            except UNSTORABLE as error:
                if self._portion is None or not self._write_sanitised(
                    connection, reader, self._portion, error
                ):
                    break
        return True

    def _write_sanitised(
        self, connection: Connection, reader: JournalReader, portion: Portion, error: Exception
    ) -> bool:
        reason = _summary(error)
        for with_new_ids in (False, True):
            plain = sanitised(portion, error=reason, with_new_ids=with_new_ids)
            try:
                return self._write(connection, reader, plain)
            except UNSTORABLE as another:
                log.error("nor can its sanitised row: %s", _summary(another))
        plain.finished, plain.refusals = [], []  # charged to an organization that does not exist
        return self._write(connection, reader, plain)

    def _open(self, connection: Connection) -> JournalReader | None:
        """Begin at the committed position; None when the journal is closed, which only `adopt` may look into."""
        row = connection.execute(
            "SELECT segment, byte_offset, is_closed FROM journal_position WHERE process_id = %s",
            [self.process_id],
        ).fetchone()
        if row and row[2]:
            self.is_ended = True
            return None
        position = self.committed = Position(row[0], max(row[1], HEADER_BYTES)) if row else START
        self._reader = JournalReader(self.folder, self.process_id, position)
        return self._reader

    def _has_read(self, reader: JournalReader, limit: int) -> bool:
        portion = self._portion
        is_full = portion is not None and (portion.count >= limit or portion.is_whole_segment)
        if not is_full and reader.has_more():
            portion = self._portion = reader.read(limit, portion)
            self.is_ended |= portion.is_closed
        # Begins and checkpoints alone are not worth a transaction.
        return portion is not None and (portion.count > 0 or portion.is_whole_segment)

    def _write(self, connection: Connection, reader: JournalReader, portion: Portion) -> bool:
        with connection.transaction(), connection.cursor() as cursor:
            committed = lock_position(cursor, self.process_id)
            if committed is None:
                return False
            if committed.is_closed:
                self.close()
                return False
            if committed.position != portion.start:
                self._portion = None
                reader.seek(committed.position)
                return False
            write_portion(cursor, self.process_id, committed, portion, matcher=self.matcher)
        self._portion, self.committed = None, portion.end
        self.booked += portion.count
        self.dead_letters += len(portion.damaged)
        self.was_full = portion.count >= self.limit or portion.is_whole_segment
        if portion.is_whole_segment:
            remove_segments(self.folder, self.process_id, below=portion.end.segment)
        return True


def remove_segments(folder: Path, process_id: UUID, *, below: int) -> None:
    """Delete the segments that the committed position has passed."""
    for number in segment_numbers(folder, process_id):
        if number < below:
            segment_path(folder, process_id, number).unlink(missing_ok=True)


def _summary(error: Exception) -> str:
    """What went wrong, without the values: those may hold what a client sent."""
    if isinstance(error, psycopg.Error):
        return f"{type(error).__name__}: {error.diag.message_primary or ''}"[:500]
    return f"{type(error).__name__}: {error}"[:500]
