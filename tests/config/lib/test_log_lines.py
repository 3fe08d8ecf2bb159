"""A log line is one line, says whose it is, and holds no secret."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from config.lib.log_context import Fields, current, sane_request_id
from config.lib.log_lines import formatter, without_secrets


def line(message: str, *arguments: object, kind: str = "json", failed: bool = False) -> str:
    """What becomes of a record."""
    trouble = None
    if failed:
        try:
            raise ValueError("no sk-hg-v1-0123456789abcdef here")
        except ValueError:
            trouble = sys.exc_info()
    record = logging.LogRecord("a.b", logging.WARNING, "file", 1, message, arguments, trouble)
    return formatter(kind).format(record)


class TestALine:
    def test_is_json_with_the_names_that_collectors_expect(self):
        said = json.loads(line("%s of %d", "one", 2))

        assert said.pop("timestamp").endswith("Z")
        assert said == {"message": "one of 2", "level": "warning", "logger": "a.b"}

    def test_says_whose_request_it_is_about(self):
        token = current.set(Fields(request_id="r-1", generation_id="gen-1", organization_id=7))

        said = json.loads(line("x"))
        current.reset(token)

        assert (said["request_id"], said["generation_id"], said["organization_id"]) == ("r-1", "gen-1", 7)
        assert "request_id" not in json.loads(line("x"))

    def test_stays_one_line_whatever_is_in_it(self):
        said = line("two\nlines\u2028%s", "\x00\ud800")

        assert len(said.splitlines()) == 1
        assert json.loads(said)["message"].startswith("two\nlines")

    def test_holds_the_traceback_without_the_secret_in_it(self):
        said = line("broken", failed=True)

        assert len(said.splitlines()) == 1
        assert "Traceback" in json.loads(said)["exception"]
        assert "0123456789abcdef" not in said

    def test_for_people_cannot_pass_for_two_or_colour_the_terminal(self):
        said = line("refused %s", "x\n2026-01-01 INFO root: all is well\x1b[2J", kind="console")

        assert said.endswith(r"refused x\n2026-01-01 INFO root: all is well\x1b[2J")

    def test_is_plain_for_people(self):
        said = line("one %d", 1, kind="console")

        assert said.endswith(" WARNING a.b: one 1")


class TestSecrets:
    @pytest.mark.parametrize(
        ("text", "secret"),
        [
            ("key sk-hg-v1-0123456789abcdef0123 refused", "0123456789abcdef"),
            ("openai said: Incorrect API key sk-proj-AbCdEfGhIjKlMn", "AbCdEfGh"),
            ("Authorization: Bearer abc.def-ghi_jkl", "abc.def"),
            ("postgres://headgate_owner:hunter2@db:5432/headgate", "hunter2"),
            ("GET /x?api_key=hunter2&y=1", "hunter2"),
            ("password=hunter2; user=x", "hunter2"),
            ("AKIAIOSFODNN7EXAMPLEXX", "IOSFODNN7"),
        ],
    )
    def test_are_cut_out(self, text: str, secret: str):
        assert secret not in without_secrets(text)

    @pytest.mark.parametrize(
        "text",
        ["gen-01a20d803a14760cb14a384eba1ff27c", "http://127.0.0.1:8000/api/v1/keys", "ask-me-anything-now"],
    )
    def test_are_not_seen_where_there_are_none(self, text: str):
        assert without_secrets(text) == text


class TestARequestIdFromOutside:
    @pytest.mark.parametrize("given", [b"a", b"req_01H", b"0af7651916cd43dd-b7ad.6:b/7=+@x", b"x" * 128])
    def test_is_kept_where_it_is_sane(self, given: bytes):
        assert sane_request_id(given) == given

    @pytest.mark.parametrize(
        "given", [None, b"", b"-x", b"x" * 129, b"a b", b"a\r\nSet-Cookie: x", b"\xff", b"{}", b'"', b"a\x00"]
    )
    def test_is_replaced_where_it_is_not(self, given: bytes | None):
        assert sane_request_id(given) is None
