"""The gateway's journal: what a process owes the database, appended to local files before it can be lost.

The order `begin`, `fence.is_set()`, provider must never change: either the process sees the fence or the
reaper sees the begin (spec: money §5). Settle leases in memory only after `end` returned. All methods but the
sync thread's belong to one thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from pathlib import Path
from typing import Self
from uuid import UUID

from observability.journal_records import (
    MAX_CONTENT_BYTES,
    Begin,
    Checkpoint,
    Closed,
    Content,
    End,
    Extend,
    Refusal,
    Rotated,
    encode_line,
)
from observability.journal_segment import HEADER_BYTES, JournalFull, Segment, sync_folder

__all__ = ["Fence", "Journal", "JournalBusy", "JournalFull"]

SEGMENT_BYTES = 16 << 20
SYNC_SECONDS = 0.1
RETRY_SECONDS = 0.2

log = logging.getLogger(__name__)


class JournalBusy(RuntimeError):
    """The journal cannot be closed in good order while requests are open."""


class Fence:
    """The byte by which a reaper stops a process that it could not hear."""

    __slots__ = ("_journal",)

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def is_set(self) -> bool:
        """Whether this process must not call a provider before it has resynchronised its leases."""
        return self._journal._segment.header[0] != 0  # on the hot path: one call less

    def clear(self) -> None:
        """Take the fence down; only with the own gateway_process row locked."""
        self._journal.clear_fence()


class _Opened:
    """The lines of an open request, which go along when the segment is rotated."""

    __slots__ = ("checkpoint", "end", "lines")

    def __init__(self, line: bytes) -> None:
        self.lines = line
        self.checkpoint = b""
        self.end = b""


class Journal:
    """One process's journal. Make it after the last fork, and before registering the process."""

    def __init__(self, folder: Path, process_id: UUID, segment_bytes: int) -> None:
        self.folder = folder
        self.process_id = process_id
        self.dropped_refusals = 0
        self.dropped_contents = 0
        self.fence = Fence(self)
        self.segment_bytes = segment_bytes
        self._retired_bytes = 0
        self._open: dict[str, _Opened] = {}
        self._unwritten_ends: list[str] = []
        self._retired: deque[Segment] = deque()
        self._retry_at = 0.0
        self._syncer: threading.Thread | None = None
        self._is_stopping = threading.Event()
        self._segment = self._new_segment(0, b"")

    @classmethod
    def create(cls, folder: Path, process_id: UUID, *, segment_bytes: int = SEGMENT_BYTES) -> Self:
        """Start a journal in the folder, which must be on a persistent local disk. Raises JournalFull."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            journal = cls(folder, process_id, segment_bytes)
            sync_folder(folder)
        except OSError as error:
            raise JournalFull(f"no journal can be started in {folder}: {error}") from error
        return journal

    @property
    def open_count(self) -> int:
        """How many requests have begun and not ended."""
        return len(self._open)

    @property
    def written_bytes(self) -> int:
        """How many bytes were appended in all, those that went along to a new segment included."""
        return self._retired_bytes + self._segment.position - HEADER_BYTES

    @property
    def unsynced_bytes(self) -> int:
        """How many bytes of the present segment a power cut could take."""
        return self._segment.position - self._segment.synced_position

    @property
    def unwritten_ends(self) -> int:
        """How many ends wait in memory, because there is no room for them."""
        return len(self._unwritten_ends)

    @property
    def room_bytes(self) -> int:
        """How much of the present segment new requests may take yet."""
        return max(0, self._segment.begin_limit - self._segment.position)

    def is_fenced(self) -> bool:
        """Whether the fence is up. Ask between `begin` and the provider."""
        return self._segment.header[0] != 0

    def clear_fence(self) -> None:
        """Take the fence down."""
        self._segment.header[0] = 0

    def begin(self, record: Begin) -> None:
        """Write a request down before its provider is called. Raises JournalFull: answer 503."""
        line = encode_line(record)
        self._append_new(line)
        self._open[record.id] = _Opened(line)

    def extend(self, record: Extend) -> None:
        """Write further holds of an open request down before its next call. Raises JournalFull."""
        line = encode_line(record)
        self._append_new(line)
        self._open[record.id].lines += line

    def checkpoint(self, record: Checkpoint) -> None:
        """Write down what an open stream has cost by now; on a full disk the last one written counts."""
        opened = self._open.get(record.id)
        if opened is None:
            return
        line = encode_line(record)
        self._append_reserved(line, self._segment.checkpoint_limit)
        opened.checkpoint = line

    def end(self, record: End, content: Content | None = None) -> None:
        """Write the end of a request down. It is kept in memory while even the reserve is full.

        `content` goes before it in the same write, unless there is no room for new requests either.
        """
        line = encode_line(record)
        opened = self._open.get(record.id)
        if opened is None:
            raise KeyError(f"{record.id} is not open")
        if content is not None and self._has_appended_with(content, line):
            del self._open[record.id]
            return
        if self._append_reserved(line, self._segment.size):
            del self._open[record.id]
            return
        if not self._unwritten_ends:
            log.error("the journal's reserve is full; ends wait in memory, from %s on", record.id)
        opened.end = line
        self._unwritten_ends.append(record.id)

    def refuse(self, record: Refusal) -> None:
        """Write a refusal down; on a full disk it is only counted, because no money depends on it."""
        try:
            self._append_new(encode_line(record))
        except JournalFull:
            self.dropped_refusals += 1

    def start_syncing(self) -> None:
        """Put the journal on the disk every 100 ms from a thread, which bounds what a power cut can take."""
        self._syncer = threading.Thread(target=self._keep_syncing, name="journal-sync", daemon=True)
        self._syncer.start()

    def close(self) -> None:
        """End the journal in good order. Raises JournalBusy while requests are open."""
        if self._unwritten_ends:
            self._has_rotated(0)
        if self._open:
            raise JournalBusy(f"{len(self._open)} requests are open, or their ends find no room")
        self._append_reserved(encode_line(Closed()), self._segment.size)
        self._is_stopping.set()
        if self._syncer is not None:
            self._syncer.join()
        self._close_retired()
        self._segment.close()

    def _has_appended_with(self, content: Content, end: bytes) -> bool:
        line = encode_line(content)
        try:
            if len(line) <= MAX_CONTENT_BYTES:
                self._append_new(line + end)
                return True
        except JournalFull:
            pass  # money comes first: the end has a reserve of its own
        self.dropped_contents += 1
        return False

    def _append_new(self, line: bytes) -> None:
        segment = self._segment
        if segment.position + len(line) > segment.begin_limit:
            self._rotate(len(line))
            segment = self._segment
        try:
            segment.append(line)
        except JournalFull:
            raise
        except OSError as error:
            raise JournalFull(f"the journal cannot be written: {error}") from error

    def _append_reserved(self, line: bytes, limit: int) -> bool:
        segment = self._segment
        if segment.position + len(line) > segment.begin_limit and self._has_rotated(len(line)):
            segment, limit = self._segment, self._segment.size
        if segment.position + len(line) > limit:
            return False
        try:
            segment.append(line)
        except OSError as error:
            log.error("the journal cannot be written: %s", error)
            return False
        return True

    def _has_rotated(self, room: int) -> bool:
        try:
            self._rotate(room)
        except JournalFull:
            return False
        return True

    def _rotate(self, room: int) -> None:
        now = time.monotonic()
        if now < self._retry_at:
            raise JournalFull("there was no room for another segment a moment ago")
        carry = b"".join([opened.lines + opened.checkpoint + opened.end for opened in self._open.values()])
        old = self._segment
        try:
            self._segment = self._new_segment(old.number + 1, carry, room)
        except OSError as error:
            self._retry_at = now + RETRY_SECONDS
            raise JournalFull(f"there is no room for another segment: {error}") from error
        for identifier in self._unwritten_ends:
            del self._open[identifier]
        self._unwritten_ends.clear()
        self._retire(old)

    def _new_segment(self, number: int, carry: bytes, room: int = 0) -> Segment:
        size = max(self.segment_bytes, 2 * (len(carry) + room + 4096))
        segment = Segment(self.folder, self.process_id, number, size)
        try:
            if carry:
                segment.append(carry)
            segment.publish()
        except OSError:
            segment.abandon()
            raise
        return segment

    def _retire(self, old: Segment) -> None:
        # A reaper that took the old segment for the newest put its fence there; it looks again afterwards.
        if old.header[0]:
            self._segment.header[0] = 1
        try:
            old.append(encode_line(Rotated()))
        except OSError as error:  # readers also see by the next file that this one is over
            log.warning("the end of segment %d could not be marked: %s", old.number, error)
        self._retired_bytes += old.position - HEADER_BYTES
        self._retired.append(old)
        if self._syncer is None:
            self._close_retired()

    def _keep_syncing(self) -> None:
        is_failing = False
        while not self._is_stopping.wait(SYNC_SECONDS):
            try:
                self._close_retired()
                self._segment.sync()
                is_failing = False
            except OSError as error:
                if not is_failing:
                    log.error("the journal does not reach the disk, a power cut may lose charges: %s", error)
                is_failing = True

    def _close_retired(self) -> None:
        if self._retired:
            sync_folder(self.folder)
        while self._retired:
            self._retired[0].close()
            self._retired.popleft()
