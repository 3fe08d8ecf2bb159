"""CSV files of any length, sent while they are read.

The rows come from a generator that holds a transaction of its own, in a thread of its own: a context variable is reset
where it was set, and nobody who downloads slowly keeps a worker thread from others. No more than a few pieces wait
for whoever reads them.
"""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError

from django.db import connections
from django.http import StreamingHttpResponse

PIECE_CHARACTERS = 64 * 1024
PIECES_WAITING = 2
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")

Rows = Callable[[], Iterator[Sequence[str]]]


def csv_answer(*, name: str, header: Sequence[str], rows: Rows) -> StreamingHttpResponse:
    """An answer that is saved as a CSV file; `rows` is called in the thread that reads them."""
    pieces = _in_a_thread(lambda: csv_pieces(header, rows()))
    return StreamingHttpResponse(
        pieces,
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        },
    )


def harmless(text: str) -> str:
    """Somebody's text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text


def csv_pieces(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """The file in pieces of some size."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(header)
    for row in rows:
        writer.writerow(row)
        if written.tell() >= PIECE_CHARACTERS:
            yield written.getvalue().encode()
            written.seek(0)
            written.truncate()
    yield written.getvalue().encode()


async def _in_a_thread(pieces: Callable[[], Iterator[bytes]]) -> AsyncIterator[bytes]:
    """What a thread produces, as fast as it is taken."""
    queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(PIECES_WAITING)
    reader = Reader(asyncio.get_running_loop(), queue, pieces)
    reader.start()
    try:
        while (piece := await queue.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        reader.stop()


class Reader(threading.Thread):
    """Puts pieces into a queue of the event loop until there are no more or nobody wants them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        queue: asyncio.Queue[bytes | Exception | None],
        pieces: Callable[[], Iterator[bytes]],
    ) -> None:
        super().__init__(name="export", daemon=True)
        self._loop, self._queue, self._pieces = loop, queue, pieces
        self._is_unwanted = threading.Event()

    def stop(self) -> None:
        """Nobody wants more; called on the loop."""
        self._is_unwanted.set()
        while not self._queue.empty():  # so that a put that waits comes to its end
            self._queue.get_nowait()

    def run(self) -> None:
        """Read, and close this thread's connection."""
        last: Exception | None = None
        try:
            self._read()
        except Exception as error:  # told to whoever waits on the loop
            last = error
        finally:
            connections.close_all()
        self._put(last)

    def _read(self) -> None:
        pieces = self._pieces()
        for piece in pieces:
            if not self._put(piece):
                pieces.close()  # type: ignore[attr-defined]  # a generator: ends its transaction
                return

    def _put(self, piece: bytes | Exception | None) -> bool:
        """Wait until there is room; false when nobody wants it any more."""
        if self._is_unwanted.is_set():
            return False
        try:
            asyncio.run_coroutine_threadsafe(self._queue.put(piece), self._loop).result()
        except (CancelledError, RuntimeError):  # the loop has ended
            return False
        return not self._is_unwanted.is_set()
