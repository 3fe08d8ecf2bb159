"""CSV files that no spreadsheet takes for a program, however long they are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from asgiref.sync import async_to_sync

from config.lib.csv_export import MOST_PAGES, cell, csv_file, lines


def read(response) -> str:
    """The whole file."""

    async def gather() -> str:
        return "".join([part.decode() async for part in response.streaming_content])

    return async_to_sync(gather)()


class TestACell:
    @pytest.mark.parametrize(
        "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://evil")']
    )
    def test_is_no_formula(self, text: str) -> None:
        assert cell(text) == f"'{text}"

    @pytest.mark.parametrize(("value", "text"), [("a=b", "a=b"), (None, ""), (7, "7"), ("", "")])
    def test_is_left_alone_otherwise(self, value: object, text: str) -> None:
        assert cell(value) == text

    def test_is_quoted_where_it_has_to_be(self) -> None:
        assert lines([['a,"b"', "c\nd"]]) == '"a,""b""","c\nd"\r\n'


class TestAFile:
    def test_goes_on_until_the_last_page(self) -> None:
        pages: dict[str, tuple[list[Sequence[object]], str | None]] = {
            "": ([[3], [2]], "2"),
            "2": ([[1]], None),
        }

        assert read(csv_file("numbers.csv", ["n"], pages.__getitem__)) == "n\r\n3\r\n2\r\n1\r\n"

    def test_says_where_it_was_cut(self) -> None:
        text = read(csv_file("numbers.csv", ["n"], lambda cursor: ([["x"]], "more")))

        assert text.count("x\r\n") == MOST_PAGES
        assert text.endswith("There is more; ask for a shorter time.\r\n")
