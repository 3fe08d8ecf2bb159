"""CSV files of any length: read page by page, each in a scope of its own, with cells that no spreadsheet executes."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from io import StringIO
from typing import TypeAlias

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
MOST_PAGES = 200

ReadPage: TypeAlias = Callable[[str], tuple[list[Sequence[object]], str | None]]
"""From a cursor, empty at first: the rows and where the next page begins. Opens its own transaction and scope."""


def cell(value: object) -> str:
    """The value as text; what a spreadsheet would take for a formula is led by an apostrophe (OWASP)."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def lines(rows: Iterable[Sequence[object]]) -> str:
    """The rows as lines of CSV (RFC 4180)."""
    written = StringIO()
    csv.writer(written).writerows([cell(value) for value in row] for row in rows)
    return written.getvalue()


def csv_file(name: str, headings: Sequence[str], read_page: ReadPage) -> StreamingHttpResponse:
    """A download of everything that `read_page` gives, up to MOST_PAGES pages; a last line says if that cut it."""
    return StreamingHttpResponse(
        _streamed(headings, read_page),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _streamed(headings: Sequence[str], read_page: ReadPage) -> AsyncIterator[str]:
    yield lines([headings])
    cursor: str | None = ""
    for _ in range(MOST_PAGES):
        rows, cursor = await sync_to_async(read_page)(cursor or "")
        yield lines(rows)
        if cursor is None:
            return
    yield lines([["There is more; ask for a shorter time."]])
