"""Somebody else's objects, in every address and every body: answered byte for byte like ones that do not exist.

Generated from the table of tests/accounts/api/test_tenancy.py, so that an operation that is added there is asked here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from observability import recent
from tests.accounts.api.test_tenancy import TABLE
from tests.api_objects import (
    PLACEHOLDER,
    World,
    acme_home,
    filled,
    furnish,
    globex_home,
    unknown_world,
)
from tests.cast import Cast
from tests.management_api import Api

Row = tuple[str, str, Any]
ROWS: list[Row] = [(method, path, body) for method, path, body, _ in TABLE]
NOT_FOUND_BY_CONTRACT = ("/private-endpoints", "/generation/feedback")
"""Where the contract answers 404 for what a body names."""


def named_in(value: Any) -> set[str]:
    """The placeholders of a path or body."""
    return set(PLACEHOLDER.findall(json.dumps(value)))


def masked(answer: bytes, *worlds: World) -> str:
    """An answer without the ids that were asked for, which it may repeat."""
    text = answer.decode()
    for value in sorted((value for world in worlds for value in world.values()), key=len, reverse=True):
        text = text.replace(value, "…")
    return text


def named(row: Row) -> str:
    """A row as the name of its test."""
    return f"{row[0]} {row[1]}"


@pytest.fixture
def acme_world(cast: Cast) -> World:
    """An object of each kind that is acme's."""
    return furnish(acme_home(cast.acme))


@pytest.fixture
def globex_world(cast: Cast) -> World:
    """An object of each kind that is globex's."""
    return furnish(globex_home(cast.globex))


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a generation that may still be booked."""
    monkeypatch.setattr(recent, "PATIENCE_SECONDS", 0)


def ask(api: Api, method: str, path: str, body: Any) -> tuple[Any, int]:
    """The answer, and how many statements it took."""
    with CaptureQueriesContext(connection) as statements:
        answer = api.send(method, path, body)
    return answer, len(statements)


class TestSomebodyElsesObjectInTheAddress:
    @pytest.mark.parametrize("row", [row for row in ROWS if named_in(row[1])], ids=named)
    def test_is_answered_as_an_unknown_one(
        self, cast: Cast, acme_world: World, globex_world: World, row: Row
    ):
        method, path, body = row
        api, nobody = Api(cast.globex.management_key.secret), unknown_world()
        own_body = filled(body, globex_world)

        foreign, foreign_statements = ask(api, method, filled(path, acme_world), own_body)
        unknown, unknown_statements = ask(api, method, filled(path, nobody), own_body)

        assert foreign.status_code == unknown.status_code
        assert masked(foreign.content, acme_world) == masked(unknown.content, nobody)
        assert foreign_statements == unknown_statements
        assert foreign.status_code in (400, 404)

    @pytest.mark.parametrize("row", [row for row in ROWS if named_in(row[1]) and row[2]], ids=named)
    def test_is_answered_as_an_unknown_one_whatever_is_asked_of_it(
        self, cast: Cast, acme_world: World, row: Row
    ):
        method, path, _ = row
        api, nobody = Api(cast.globex.management_key.secret), unknown_world()

        answers = [api.send(method, filled(path, world), {"nonsense": 1}) for world in (acme_world, nobody)]

        assert answers[0].content == answers[1].content
        assert {answer.status_code for answer in answers} == {404}


class TestSomebodyElsesObjectInTheBody:
    @pytest.mark.parametrize("row", [row for row in ROWS if named_in(row[2])], ids=named)
    def test_is_answered_as_an_unknown_one(
        self, cast: Cast, acme_world: World, globex_world: World, row: Row
    ):
        method, path, body = row
        api, nobody = Api(cast.globex.management_key.secret), unknown_world()
        own_path = filled(path, globex_world)

        foreign, foreign_statements = ask(api, method, own_path, filled(body, acme_world))
        unknown, unknown_statements = ask(api, method, own_path, filled(body, nobody))

        expected = 404 if path.startswith(NOT_FOUND_BY_CONTRACT) else 400
        assert foreign.status_code == unknown.status_code == expected
        assert masked(foreign.content, acme_world) == masked(unknown.content, nobody)
        assert foreign_statements == unknown_statements
