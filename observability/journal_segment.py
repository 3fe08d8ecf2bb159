"""One file of a journal: a header page whose first byte is the fence, then lines up to the first zero byte.

The file is preallocated, so that appending needs no new disk space, and flock'ed for as long as its process
lives: the kernel frees the lock when the process is gone, and nothing else does (spec: money §4, §5).
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path
from uuid import UUID

HEADER_BYTES = 4096
LEAST_RESERVE_BYTES = 1 << 20
SUFFIX = ".journal"


class JournalFull(OSError):
    """There is no room for a new request: the disk is full or refuses to give space."""


def segment_path(folder: Path, process_id: UUID, number: int) -> Path:
    """The file of a process's numbered segment."""
    return folder / f"{process_id}.{number}{SUFFIX}"


def segment_numbers(folder: Path, process_id: UUID) -> list[int]:
    """The segments of a process that exist, oldest first."""
    names = (path.name.split(".") for path in folder.glob(f"{process_id}.*{SUFFIX}"))
    return sorted(int(parts[1]) for parts in names if len(parts) == 3 and parts[1].isdigit())


def journal_processes(folder: Path) -> set[UUID]:
    """The processes that have a journal in the folder."""
    found = set()
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            found.add(UUID(path.name.split(".")[0]))
        except ValueError:
            continue  # not one of ours
    return found


def unread_bytes(folder: Path, process_id: UUID, segment: int, offset: int) -> int:
    """How many bytes of a journal lie behind a position."""
    return sum(
        max(
            0,
            _end_of(segment_path(folder, process_id, number))
            - (offset if number == segment else HEADER_BYTES),
        )
        for number in segment_numbers(folder, process_id)
        if number >= segment
    )


def _end_of(path: Path) -> int:
    """Where a segment's first zero byte is; lines have none, so it is found by halving."""
    with path.open("rb") as file:
        low, high = HEADER_BYTES, os.fstat(file.fileno()).st_size
        while low < high:
            middle = (low + high) // 2
            if os.pread(file.fileno(), 1, middle) in (b"", b"\0"):
                high = middle
            else:
                low = middle + 1
    return low


class Segment:
    """A segment being written. It is invisible to readers until `publish`."""

    def __init__(self, folder: Path, process_id: UUID, number: int, size: int) -> None:
        self.number = number
        self.path = segment_path(folder, process_id, number)
        self.size = -(-size // HEADER_BYTES) * HEADER_BYTES
        reserve = max(self.size // 4, min(LEAST_RESERVE_BYTES, self.size // 2))
        self.begin_limit = self.size - reserve
        self.checkpoint_limit = self.size - reserve // 2
        self.position = self.synced_position = HEADER_BYTES
        self._temporary = self.path.with_suffix(".new")
        self.fd = os.open(self._temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.posix_fallocate(self.fd, 0, self.size)
            self.header = mmap.mmap(self.fd, HEADER_BYTES)
        except OSError:
            self._give_up()
            raise

    def append(self, line: bytes) -> None:
        """Write a line at the end. Raises OSError; then nothing of the line is left."""
        written = os.pwrite(self.fd, line, self.position)
        if written != len(line):
            os.ftruncate(self.fd, self.position)
            raise JournalFull(f"only {written} of {len(line)} bytes could be written to {self.path.name}")
        self.position += written

    def publish(self) -> None:
        """Show the segment to readers; it must be complete by now."""
        self._temporary.rename(self.path)

    def abandon(self) -> None:
        """Remove a segment that was never published."""
        self.header.close()
        self._give_up()

    def _give_up(self) -> None:
        os.close(self.fd)
        self._temporary.unlink(missing_ok=True)

    def sync(self) -> None:
        """Put what was appended on the disk, so that a power cut does not take it."""
        position = self.position
        if position != self.synced_position:
            os.fdatasync(self.fd)
            self.synced_position = position

    def close(self) -> None:
        """Sync the file and let it go, lock and all."""
        self.sync()
        self.header.close()
        os.close(self.fd)


def sync_folder(folder: Path) -> None:
    """Put the names of new files on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
