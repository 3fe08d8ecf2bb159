"""CSV files: no formulas, pieces of some size, and an end whoever reads them."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import cast

import pytest

from config.lib.exports import PIECE_CHARACTERS, Rows, csv_answer, csv_pieces, harmless


def pieces_of(rows: Rows) -> AsyncGenerator[bytes, None]:
    """An answer's pieces, as the server takes them."""
    answer = csv_answer(name="a.csv", header=("a",), rows=rows)
    return cast("AsyncGenerator[bytes, None]", answer.streaming_content)


class TestACell:
    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\ta", "\ra"])
    def test_is_no_formula(self, text: str):
        assert harmless(text) == f"'{text}"

    @pytest.mark.parametrize("text", ["", "a", "1", " =1", "a=1"])
    def test_that_is_none_stays_as_it_is(self, text: str):
        assert harmless(text) == text


class TestAFile:
    def test_is_read_by_others(self):
        rows = [('say "hi"', "a,b"), ("two\nlines", "é")]

        whole = b"".join(csv_pieces(("one", "two"), rows)).decode()

        assert [tuple(row) for row in csv.reader(io.StringIO(whole, newline=""))] == [("one", "two"), *rows]

    def test_comes_in_pieces_of_some_size(self):
        sizes = [len(piece) for piece in csv_pieces(("a",), (["x" * 1000] for _ in range(1000)))]

        assert max(sizes) < PIECE_CHARACTERS + 2000
        assert sum(sizes) == 3 + 1000 * 1002

    async def test_is_read_no_faster_than_it_is_taken(self):
        read = 0

        def rows() -> Iterator[Sequence[str]]:
            nonlocal read
            for read in range(1, 1001):  # noqa: B007  # counted, not used
                yield ["x" * PIECE_CHARACTERS]

        pieces = pieces_of(rows)
        await anext(pieces)
        await asyncio.sleep(0.1)

        assert read < 10
        await pieces.aclose()

    async def test_that_breaks_breaks_for_its_reader(self):
        def rows() -> Iterator[Sequence[str]]:
            yield ["a"]
            raise KeyError("lost")

        with pytest.raises(KeyError, match="lost"):
            async for _ in pieces_of(rows):
                pass

    async def test_that_nobody_wants_any_more_lets_go_of_what_it_held(self):
        is_let_go = threading.Event()

        def rows() -> Iterator[Sequence[str]]:
            try:
                while True:
                    yield ["x" * PIECE_CHARACTERS]
            finally:
                is_let_go.set()

        pieces = pieces_of(rows)
        await anext(pieces)
        await pieces.aclose()

        assert await asyncio.to_thread(is_let_go.wait, 10)
