"""Whatever is sent to an operation, the answer is never a fault of ours (spec: promises, text faults).

Generated from our own document: every field of every body, every query parameter and every part of an address gets
each of the values below; whole bodies that are no sensible JSON besides.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from observability import recent
from tests.accounts.api.test_somebody_elses import ROWS, Row, named
from tests.api_objects import acme_home, filled, furnish
from tests.cast import Cast
from tests.management_api import Api, operation_of, our_document

VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**40,
    -(2**63) - 1,
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202e",
    "x" * 65_536,
    "2026-02-30T00:00:00Z",
    [],
    {},
    [None],
    [[]],
    ["\0"],
    ["x" * 65_536],
    [{}],
    {"a": {"b": ["\ud800"]}},
    {"": None},
)
FEW: tuple[Any, ...] = (None, True, -1, 10**40, "a\0b", "\ud800", "x" * 65_536, [[]], {"": None})
"""What a plain run sends, a third of them to each field in turn; --full sends all values to all fields."""
TURNS = 3
BODIES = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    b'{"name": "a", "name": "b"}',
    b'{"limit": 1e999}',
    b'{"limit": NaN}',
    b'{"limit": ' + b"9" * 10_000 + b"}",
    b'{"x": "' + b"x" * 65_536 + b'"}',
)
QUERIES = ("", "\0", "-1", "9" * 40, "x" * 4_096, "null", "[]", "\ud800".encode("utf-8", "surrogatepass"))
PARTS = ("%00", "%ED%A0%80", "..", "%2e%2e", "-1", "9" * 40, "x" * 4_096, "@", "%", "a%2Fb")


def fields_of(operation: dict[str, Any]) -> dict[str, list[str]]:
    """The fields of an operation's body, as our document describes it, and the fields inside each of them."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return {name: list(_properties(inner)) for name, inner in _properties(schema).items()}


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    for way in ("allOf", "oneOf", "anyOf"):
        schema = {**schema, **next((each for each in schema.get(way, []) if "$ref" in each), {})}
    while "$ref" in schema:
        schema = our_document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    properties: dict[str, Any] = schema.get("properties", {})
    return properties


def queries_of(operation: dict[str, Any]) -> list[str]:
    """The names of an operation's query parameters."""
    return [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]


class Sender:
    """Sends one operation in all its malformed ways; complains about answers that are our fault."""

    def __init__(self, api: Api, method: str, path: str, body: Any) -> None:
        self.api, self.method, self.path, self.body = api, method, path, body
        self.operation = operation_of(our_document(), method, path.partition("?")[0]) or {}

    def send(self, path: str, body: Any, **options: Any) -> None:
        """Send it."""
        answer = self.api.send(self.method, path, body, **options)
        described = f"{self.method} {path[:200]} {str(body)[:200]} {str(options)[:200]}"
        assert answer.status_code < 500, f"{described}: {answer.status_code} {answer.content[:500]!r}"

    def send_fields(self, values: tuple[Any, ...]) -> None:
        """Every field with each of the values, the rest as it should be."""
        whole = self.body or {}
        # A body whose fields are not ours to list (a preset's) has those of the table's example.
        fields = fields_of(self.operation) or {name: [] for name in whole}
        assert bool(fields) is ("requestBody" in self.operation)
        turns = TURNS if values is FEW else 1
        for number, (name, inner) in enumerate(fields.items()):
            for value in values[number % turns :: turns]:
                self.send(self.path, {**whole, name: value})
                for part in inner:
                    self.send(self.path, {**whole, name: {**(whole.get(name) or {}), part: value}})

    def send_bodies(self) -> None:
        """Bodies that are no object of ours."""
        for body in BODIES:
            self.send(self.path, body)

    def send_queries(self) -> None:
        """Every parameter of the query string with every value."""
        path = self.path.partition("?")[0]
        for name in queries_of(self.operation):
            for value in QUERIES:
                self.send(path, self.body, query_params={name: value})

    def send_parts(self) -> None:
        """Every value in the place of each id of the address."""
        wanted = self.path.partition("?")[0].split("/")
        for number in range(2, len(wanted)):
            for part in PARTS:
                self.send("/".join([*wanted[:number], part, *wanted[number + 1 :]]), self.body)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a generation that may still be booked."""
    monkeypatch.setattr(recent, "PATIENCE_SECONDS", 0)


class TestMalformedInput:
    @pytest.mark.parametrize(
        "values", [pytest.param(FEW, id="few"), pytest.param(VALUES, id="all", marks=pytest.mark.full)]
    )
    @pytest.mark.parametrize("row", ROWS, ids=named)
    def test_is_never_our_fault(self, cast: Cast, row: Row, values: tuple[Any, ...]):
        method, path, body = row
        world = furnish(acme_home(cast.acme))
        sender = Sender(
            Api(cast.acme.management_key.secret), method, filled(path, world), filled(body, world)
        )

        sender.send_fields(values)
        sender.send_queries()
        sender.send_parts()
        if body is not None:
            sender.send_bodies()

    @pytest.mark.parametrize("name", ["Authorization", "x-api-key", "Idempotency-Key", "X-Forwarded-For"])
    @pytest.mark.parametrize("value", ["", "\0", "Bearer", "Bearer " + "x" * 8_192, "\u00e9", "Basic Og=="])
    def test_in_a_header_is_never_our_fault(self, cast: Cast, name: str, value: str):
        api = Api(cast.acme.management_key.secret)

        answer = api.send(
            "post", "/workspaces", {"name": "N", "slug": "n"}, **{re.sub("-", "_", name): value}
        )

        assert answer.status_code < 500
        assert json.loads(answer.content)
