"""Finds gateway processes that are gone or silent, and settles what they left (spec: money §5).

Dead is who lost the kernel's lock on the newest segment; no clock decides. Silent is who holds the lock but
shows no heartbeat: he is fenced, never reaped, and finds the fence before he calls a provider.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from observability.array_literals import moments, numbers
from observability.ingest_sanitise import sanitised
from observability.ingest_writes import CommittedPosition, Cursor, Matcher, lock_position, write_portion
from observability.journal_follower import BATCH_ROWS, UNSTORABLE, Connection, JournalFollower
from observability.journal_reader import JournalReader, Portion, Position
from observability.journal_segment import HEADER_BYTES, segment_numbers, segment_path

PATIENCE_SECONDS = 10.0
LONGEST_GAP_SECONDS = 3.0
LEASED_PURSES_SQL = """
SELECT id FROM purse WHERE id IN (SELECT purse_id FROM lease WHERE process_id = %s)
 ORDER BY id FOR NO KEY UPDATE
"""
CLOSE_LEASES_SQL = """
WITH closed AS (DELETE FROM lease WHERE process_id = %s RETURNING *)
UPDATE purse SET leased_nano = leased_nano - closed.granted_nano + closed.consumed_nano,
                 loose = loose - closed.is_loose::integer, holders = holders - 1
  FROM closed WHERE purse.id = closed.purse_id AND purse.window_start = closed.window_start
"""
TRIM_LEASES_SQL = """
WITH kept AS (
  SELECT lease.purse_id, lease.window_start, lease.is_loose,
         least(lease.granted_nano, lease.consumed_nano + coalesce(held.nano, 0)) AS nano, lease.granted_nano
    FROM lease LEFT JOIN unnest(%(purses)s::bigint[], %(windows)s::timestamptz[], %(nanos)s::bigint[])
         held (purse_id, window_start, nano) USING (purse_id, window_start)
   WHERE lease.process_id = %(process)s),
trimmed AS (
  UPDATE lease SET granted_nano = kept.nano, is_loose = false FROM kept
   WHERE lease.process_id = %(process)s AND lease.purse_id = kept.purse_id
     AND lease.window_start = kept.window_start)
UPDATE purse SET leased_nano = leased_nano - kept.granted_nano + kept.nano,
                 loose = loose - kept.is_loose::integer
  FROM kept WHERE purse.id = kept.purse_id AND purse.window_start = kept.window_start
"""


@contextmanager
def lock_of_the_dead(folder: Path, process_id: UUID) -> Iterator[bool]:
    """Hold the lock of a process that is certainly gone; yields False when it lives, or its files are gone."""
    numbers = segment_numbers(folder, process_id)
    if not numbers:
        yield False
        return
    path = segment_path(folder, process_id, numbers[-1])
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _is_locked(fd) and segment_numbers(folder, process_id)[-1:] == numbers[-1:]
    finally:
        os.close(fd)


def _is_locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def adopt(connection: Connection, follower: JournalFollower) -> bool:
    """Book all that a dead process left, settle its open requests and close its leases. False: not dead."""
    folder, process_id = follower.folder, follower.process_id
    with lock_of_the_dead(folder, process_id) as is_dead:
        if not is_dead:
            return False
        while follower.step(connection):
            pass
        follower.close()
        if not _settle_the_rest(connection, folder, process_id, follower.matcher):
            return False
        for path in sorted(folder.glob(f"{process_id}.*.new")):
            path.unlink(missing_ok=True)
        for number in segment_numbers(folder, process_id):  # the newest, whose lock we hold, last
            segment_path(folder, process_id, number).unlink(missing_ok=True)
        return True


def _settle_the_rest(connection: Connection, folder: Path, process_id: UUID, matcher: Matcher) -> bool:
    """In one transaction: the rest, the open requests, the leases, the process and its position."""
    error: Exception | None = None
    for with_new_ids in (None, False, True):
        try:
            with connection.transaction(), connection.cursor() as cursor:
                committed = lock_position(cursor, process_id)
                if committed is None:
                    return False
                if (
                    committed.is_closed
                    and not segment_path(folder, process_id, committed.position.segment).exists()
                ):
                    return True  # settled before; only its files were left
                with closing(JournalReader(folder, process_id, committed.position)) as reader:
                    committed = _book_the_rest(cursor, process_id, reader, committed, matcher)
                    last = _last_portion(reader)
                if with_new_ids is not None:
                    last = sanitised(last, error=str(error), with_new_ids=with_new_ids)
                write_portion(cursor, process_id, committed, last, matcher=matcher, is_last=True)
                _close_process(cursor, process_id)
            return True
        except UNSTORABLE as unstorable:
            error = unstorable
    raise RuntimeError(f"what {process_id} left cannot be stored") from error


def _book_the_rest(
    cursor: Cursor, process_id: UUID, reader: JournalReader, committed: CommittedPosition, matcher: Matcher
) -> CommittedPosition:
    while True:
        portion = reader.read(BATCH_ROWS)
        if not portion.count and not portion.is_whole_segment:
            return committed
        write_portion(cursor, process_id, committed, portion, matcher=matcher)
        committed = CommittedPosition(portion.end, committed.batch + 1, committed.is_closed)


def _last_portion(reader: JournalReader) -> Portion:
    """The open requests, settled at their last checkpoint, and what was half written; behind it is nothing."""
    torn = reader.torn_tail()
    return Portion(
        start=reader.position,
        end=Position(reader.position.segment + 1, HEADER_BYTES),
        to_offset=reader.position.offset,
        finished=reader.interrupted(),
        damaged=[torn] if torn else [],
    )


def _close_process(cursor: Cursor, process_id: UUID) -> None:
    cursor.execute(LEASED_PURSES_SQL, [process_id])
    cursor.execute(CLOSE_LEASES_SQL, [process_id])
    cursor.execute("DELETE FROM gateway_process WHERE id = %s", [process_id])


def fence(connection: Connection, follower: JournalFollower) -> bool:
    """Stop a silent process from calling providers and take back what its open requests do not hold.

    False when there is nothing to fence or another reaper is at it. The process finds the fence after its
    next begin, locks its row, takes the fence down and reads its new epoch and leases.
    """
    folder, process_id = follower.folder, follower.process_id
    while follower.step(connection):
        pass
    with connection.transaction(), connection.cursor() as cursor:
        committed = lock_position(cursor, process_id)
        if committed is None or committed.is_closed:
            return False
        mine = "SELECT FROM gateway_process WHERE id = %s FOR UPDATE"
        if not cursor.execute(mine, [process_id]).rowcount:
            return False
        raise_fence(folder, process_id)
        with closing(JournalReader(folder, process_id, committed.position)) as reader:
            _book_the_rest(cursor, process_id, reader, committed, follower.matcher)
            _trim_leases(cursor, process_id, reader)
        cursor.execute("UPDATE gateway_process SET epoch = epoch + 1 WHERE id = %s", [process_id])
    return True


def raise_fence(folder: Path, process_id: UUID) -> None:
    """Set the fence in the newest segment, and look again: the process may have rotated meanwhile."""
    fenced: int | None = None
    while (numbers := segment_numbers(folder, process_id)) and numbers[-1] != fenced:
        fenced = numbers[-1]
        fd = os.open(segment_path(folder, process_id, fenced), os.O_RDWR | os.O_CLOEXEC)
        try:
            with mmap.mmap(fd, HEADER_BYTES) as header:
                header[0] = 1
        finally:
            os.close(fd)


def _trim_leases(cursor: Cursor, process_id: UUID, reader: JournalReader) -> None:
    held: dict[tuple[int, int], int] = defaultdict(int)
    for opened in reader.open.values():
        for hold in opened.holds:
            held[hold.purse_id, hold.window_start] += hold.nano
    cursor.execute(LEASED_PURSES_SQL, [process_id])
    cursor.execute(
        TRIM_LEASES_SQL,
        {
            "process": process_id,
            "purses": numbers(purse_id for purse_id, _ in held),
            "windows": moments(window for _, window in held),
            "nanos": numbers(held.values()),
        },
    )


def forfeit(connection: Connection, process_id: UUID) -> bool:
    """Give up on a process whose machine is gone with its journal: free its leases without settling them.

    Should the journal ever come back, what it still owes is booked then. False for an unknown process.
    """
    with connection.transaction(), connection.cursor() as cursor:
        known = cursor.execute("SELECT FROM gateway_process WHERE id = %s FOR UPDATE", [process_id]).rowcount
        _close_process(cursor, process_id)
        closed = cursor.execute(
            "UPDATE journal_position SET is_closed = true WHERE process_id = %s AND NOT is_closed",
            [process_id],
        ).rowcount
    return bool(known or closed)


class HeartbeatWatch:
    """Knows who has been silent for the whole of an unbroken view of the database."""

    def __init__(
        self, *, patience_seconds: float = PATIENCE_SECONDS, longest_gap_seconds: float = LONGEST_GAP_SECONDS
    ) -> None:
        self._patience = patience_seconds
        self._longest_gap = longest_gap_seconds
        self._looked_at: float | None = None
        self._seen: dict[UUID, tuple[datetime, float]] = {}
        self._fenced: dict[UUID, datetime] = {}

    def lose_sight(self) -> None:
        """The view is broken: everybody's silence counts from the next look."""
        self._seen.clear()

    def look(self, heartbeats: Mapping[UUID, datetime], now: float) -> list[UUID]:
        """Take in the heartbeats at a monotonic time; returns the silent ones that are not fenced yet."""
        if self._looked_at is not None and now - self._looked_at > self._longest_gap:
            self.lose_sight()  # we were paused ourselves, or busy for too long
        self._looked_at = now
        for process_id, beat in heartbeats.items():
            known = self._seen.get(process_id)
            if known is None or known[0] != beat:
                self._seen[process_id] = (beat, now)
        self._seen = {process_id: self._seen[process_id] for process_id in heartbeats}
        return [
            process_id
            for process_id, (beat, since) in self._seen.items()
            if now - since >= self._patience and self._fenced.get(process_id) != beat
        ]

    def note_fenced(self, process_id: UUID) -> None:
        """Do not fence it again before it has shown a heartbeat."""
        self._fenced[process_id] = self._seen[process_id][0]
