"""Follows one process's journal and knows, at every position, which requests are open.

A segment is readable alone, because rotation carries the open requests along. Nothing here is committed: the
position in the database is the truth, and `seek` goes there after every surprise.
"""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

from observability.journal_records import (
    MAX_CONTENT_BYTES,
    Begin,
    Checkpoint,
    Closed,
    Content,
    CorruptLine,
    End,
    Extend,
    Hold,
    Record,
    Refusal,
    Rotated,
    checked_body,
    decode_line,
    salvage,
)
from observability.journal_segment import HEADER_BYTES, segment_path

CHUNK_BYTES = 1 << 20
LONGEST_BYTES = 2 * MAX_CONTENT_BYTES + CHUNK_BYTES
"""More than two lines of content have, so that behind a damaged one the next is seen whole."""


class Position(NamedTuple):
    """A place in a journal; segments begin behind their header page."""

    segment: int
    offset: int


START = Position(0, HEADER_BYTES)


@dataclass(slots=True)
class Opened:
    """A request that has begun, with all its holds, the last checkpoint and its content known."""

    begin: Begin
    holds: tuple[Hold, ...]
    checkpoint: Checkpoint | None = None
    content: Content | None = None

    def interrupted(self) -> Finished:
        """The request as it is settled when its end will never come: at its last checkpoint."""
        last = self.checkpoint or Checkpoint(self.begin.id, 0, 0, 0, 0)
        end = End(
            id=self.begin.id,
            cost_nano=last.cost_nano,
            byok_nano=last.byok_nano,
            status="interrupted",
            provider=last.provider,
            endpoint_id=last.endpoint_id,
            price_version_id=last.price_version_id,
            prompt_tokens=last.prompt_tokens,
            completion_tokens=last.completion_tokens,
            is_usage_estimated=True,
            upstream_cost_nano=last.byok_nano or None,
            is_byok=last.byok_nano > 0,
        )
        return Finished(self.begin, self.holds, end, self.content)


class Finished(NamedTuple):
    """A request with its end: what is booked, and what was said, if anybody wanted that."""

    begin: Begin
    holds: tuple[Hold, ...]
    end: End
    content: Content | None = None


class Damaged(NamedTuple):
    """Bytes of a journal that could not be read, or only with repairs."""

    segment: int
    offset: int
    record: bytes
    error: str


@dataclass(slots=True)
class Portion:
    """What was read from one stretch of one segment; `end` is where to go on, perhaps in the next segment."""

    start: Position
    end: Position
    to_offset: int
    finished: list[Finished] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    damaged: list[Damaged] = field(default_factory=list)
    is_closed: bool = False

    @property
    def count(self) -> int:
        """How many rows it makes."""
        return len(self.finished) + len(self.refusals) + len(self.damaged)

    @property
    def is_whole_segment(self) -> bool:
        """Whether it reaches the end of its segment."""
        return self.end.segment != self.start.segment


class JournalReader:
    """Reads a journal in order, from a position on."""

    def __init__(self, folder: Path, process_id: UUID, position: Position = START) -> None:
        self.folder = folder
        self.process_id = process_id
        self.position = Position(position.segment, HEADER_BYTES)
        self.open: dict[str, Opened] = {}
        self._is_over = False
        self._fd: int | None = None
        self.seek(position)

    def close(self) -> None:
        """Let the file go."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def has_more(self) -> bool:
        """Whether something was written behind the position; one system call when not."""
        return os.pread(self._file(), 1, self.position.offset) not in (b"", b"\0") or self._has_next()

    def seek(self, position: Position) -> None:
        """Be exactly at a committed position, reading the segment again where necessary."""
        position = Position(position.segment, max(position.offset, HEADER_BYTES))
        if position.segment != self.position.segment or position.offset < self.position.offset:
            self._enter(position.segment)
        while self.position.offset < position.offset:
            before = self.position
            self._read_chunk(self._portion(), limit=CHUNK_BYTES, until=position.offset)
            if self.position == before:
                raise CorruptLine(f"{self.process_id} cannot be read again up to {position}")

    def read(self, limit: int, portion: Portion | None = None) -> Portion:
        """Read, or read on, up to `limit` rows' worth of one segment; fewer when there are no more yet."""
        portion = portion or self._portion()
        while portion.count < limit and not self._is_over:
            if self._read_chunk(portion, limit=limit):
                continue
            if not self._has_next():
                break
            # What was written before the next segment appeared is visible by now: look once more, then go on.
            self._is_over = not self._read_chunk(portion, limit=limit)
        if self._is_over:
            self._leave(portion)
        portion.end = self.position
        return portion

    def torn_tail(self) -> Damaged | None:
        """What a dead process left half written, if anything."""
        tail = os.pread(self._file(), CHUNK_BYTES, self.position.offset).split(b"\0", 1)[0]
        return Damaged(*self.position, tail, "torn") if tail else None

    def interrupted(self) -> list[Finished]:
        """All open requests, settled at their last checkpoint."""
        return [opened.interrupted() for opened in self.open.values()]

    def _portion(self) -> Portion:
        return Portion(self.position, self.position, self.position.offset)

    def _file(self) -> int:
        if self._fd is None:
            path = segment_path(self.folder, self.process_id, self.position.segment)
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self._fd

    def _has_next(self) -> bool:
        return segment_path(self.folder, self.process_id, self.position.segment + 1).exists()

    def _enter(self, segment: int) -> None:
        self.close()
        self.position = Position(segment, HEADER_BYTES)
        self.open = {}
        self._is_over = False

    def _read_chunk(self, portion: Portion, *, limit: int, until: int | None = None) -> bool:
        """Take in the complete lines that follow; False when there was none."""
        start = self.position.offset
        data = self._chunk(start, LONGEST_BYTES if until is None else until - start)
        at = 0
        while at < len(data) and data[at] and portion.count < limit and not self._is_over:
            newline = data.find(b"\n", at)
            if newline < 0:
                break
            if self._take(data[at:newline], portion, start + at):
                at = newline + 1
                continue
            resume = self._after_damage(start + at, portion)
            if resume is None:
                break
            at = resume - start
        self.position = Position(self.position.segment, start + at)
        portion.to_offset = start + at
        return at > 0

    def _chunk(self, start: int, most: int) -> bytes:
        """Some bytes from there on: as a rule CHUNK_BYTES of them, more where a line is longer."""
        data = os.pread(self._file(), min(CHUNK_BYTES, most), start)
        if len(data) == CHUNK_BYTES < most and data[0] and b"\n" not in data:
            return os.pread(self._file(), min(LONGEST_BYTES, most), start)
        return data

    def _take(self, line: bytes, portion: Portion, offset: int) -> bool:
        """Apply a line; False when its checksum does not hold."""
        try:
            record: Record | None = decode_line(line)
        except CorruptLine:
            return False
        except msgspec.MsgspecError as error:
            portion.damaged.append(Damaged(self.position.segment, offset, line, str(error)))
            record = _repaired(line)
        if isinstance(record, End) and record.id not in self.open:
            # Its begin was damaged: nobody can be charged, but the charge must not vanish unseen.
            orphan = Damaged(self.position.segment, offset, line, "an end without a begin")
            portion.damaged.append(orphan)
        elif record is not None:
            self._apply(record, portion)
        return True

    def _apply(self, record: Record, portion: Portion) -> None:
        if isinstance(record, Begin):
            self.open[record.id] = Opened(record, record.holds)
        elif isinstance(record, End):
            opened = self.open.pop(record.id)
            portion.finished.append(Finished(opened.begin, opened.holds, record, opened.content))
        elif isinstance(record, Checkpoint):
            if record.id in self.open:
                self.open[record.id].checkpoint = record
        elif isinstance(record, Content):
            if record.id in self.open:
                self.open[record.id].content = record
        elif isinstance(record, Refusal):
            portion.refusals.append(record)
        elif isinstance(record, Extend):
            if record.id in self.open:
                self.open[record.id].holds += record.holds
        elif isinstance(record, Rotated):
            self._is_over = True
        elif isinstance(record, Closed):
            portion.is_closed = True

    def _after_damage(self, offset: int, portion: Portion) -> int | None:
        """Where the next whole line begins behind a damaged one; None while the line may still be in flight.

        Read again: a line whose successors are whole has been written completely by now.
        """
        data = os.pread(self._file(), LONGEST_BYTES, offset)
        at = data.find(b"\n") + 1
        if _is_whole(data[: at - 1]):
            return None
        while (newline := data.find(b"\n", at)) >= 0:
            if _is_whole(data[at:newline]):
                error = "the checksum does not match"
                portion.damaged.append(Damaged(self.position.segment, offset, data[:at], error))
                return offset + at
            at = newline + 1
        return None

    def _leave(self, portion: Portion) -> None:
        """Go on to the next segment. A request that was not carried along lost its end: settle it here."""
        left_open, segment = self.open, self.position.segment + 1
        self._enter(segment)
        lost = left_open.keys() - self._carried(left_open.keys())
        portion.finished += [left_open[identifier].interrupted() for identifier in sorted(lost)]
        self._enter(segment)

    def _carried(self, wanted: Set[str]) -> set[str]:
        """Which of these requests begin again in the segment just entered."""
        portion = self._portion()
        found: set[str] = set()
        while not wanted <= found and not self._is_over and self._read_chunk(portion, limit=CHUNK_BYTES):
            found |= self.open.keys() | {finished.begin.id for finished in portion.finished}
        return found


def _is_whole(line: bytes) -> bool:
    try:
        checked_body(line)
    except CorruptLine:
        return False
    return True


def _repaired(line: bytes) -> Record | None:
    try:
        return salvage(line)
    except (msgspec.MsgspecError, RecursionError):
        return None
