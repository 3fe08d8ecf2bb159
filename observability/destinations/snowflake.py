"""Snowflake, by its SQL API (https://docs.snowflake.com/en/developer-guide/sql-api)."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from config.lib.declared import Flag, Text
from config.lib.outbound import CallFailed, Reply
from observability.destinations.authorization import bearer
from observability.destinations.destination import Config, Door, Limits, Probed
from observability.destinations.exchange import Outcome, VendorRequest
from observability.destinations.fields import with_headers
from observability.destinations.json_kind import JsonKind, shown_by
from observability.destinations.judging import said_by
from observability.destinations.otlp import encoded
from observability.destinations.warehouse import columns, name_field, row_of
from observability.trace import Trace

TYPES = {
    "text": "VARCHAR",
    "time": "TIMESTAMP_TZ",
    "whole": "NUMBER",
    "number": "FLOAT",
    "texts": "ARRAY",
    "json": "VARIANT",
}
LOOKS = 6
LOOK_SECONDS = 1.0
STATEMENT_SECONDS = 60
ACCEPTED = 202


class Snowflake(JsonKind):
    """One statement and one bind for a batch; its request id makes a repetition harmless."""

    slug = "snowflake"
    name = "Snowflake"
    about = "A table of your own."
    fields = (
        Text(
            name="account",
            pattern=r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*",
            help="The account's identifier: eac52885.us-east-1",
        ),
        Text(name="token", most=2000, help="A programmatic access token."),
        name_field("database", "The database."),
        name_field("schema", "The schema."),
        name_field("table", "The table."),
        name_field("warehouse", "What computes."),
        Flag(name="shouldIncludeCacheWriteTokens", help="Whether the table has CACHE_WRITE_TOKENS."),
    )
    required = ("account", "token")
    secrets = frozenset({"token"})
    addresses = frozenset({"account"})
    defaults = {
        "database": "SNOWFLAKE_LEARNING_DB",
        "schema": "PUBLIC",
        "table": "OPENROUTER_TRACES",
        "warehouse": "COMPUTE_WH",
        "shouldIncludeCacheWriteTokens": False,
    }
    limits = Limits(traces=500, bytes=8 << 20, linger_seconds=30)
    verified_against = "a strict local receiver built from Snowflake's SQL API reference"

    def __init__(self, origin: str = "", sleep: Callable[[float], None] = time.sleep) -> None:
        self._origin, self._sleep = origin, sleep

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        with_writes = bool(config["shouldIncludeCacheWriteTokens"])
        rows = [_told(row_of(trace, with_cache_writes=with_writes)) for trace in traces]
        identity = hashlib.sha256("".join(trace.generation_id for trace in traces).encode()).digest()
        return [
            self._request(
                config,
                _insertion(config),
                (encoded(rows).decode(),),
                str(uuid.UUID(bytes=identity[:16], version=4)),
                tuple(range(len(traces))),
            )
        ]

    def send(self, config: Config, traces: Sequence[Trace], door: Door) -> Outcome:
        [request] = self.requests(config, traces)
        try:
            reply = self._finished(config, door.send(request), door)
        except CallFailed as error:
            return self.judge(request, error)
        if reply.status == ACCEPTED:  # it still runs: sent again with the same id it is not run twice
            carried = frozenset(request.traces)
            return Outcome(retry=carried, http_status=ACCEPTED, error="The statement is still running.")
        return self.judge(request, reply)

    def probe(self, config: Config, door: Door) -> Probed:
        """Reads nothing, from the columns that will be written."""
        names = ", ".join(columns(with_cache_writes=bool(config["shouldIncludeCacheWriteTokens"])))
        statement = f"SELECT {names} FROM {_table(config)} LIMIT 0"  # noqa: S608  # checked names
        request = self._request(config, statement, (), str(uuid.uuid4()), ())
        try:
            reply = self._finished(config, door.send(request), door)
        except CallFailed as error:
            return Probed(is_ok=False, message=f"No answer: {error}")
        if reply.status == 422:
            return Probed(is_ok=False, message="The table or one of its columns does not exist.")
        return shown_by(reply)

    def _finished(self, config: Config, reply: Reply, door: Door) -> Reply:
        """The answer of the statement, asked for until it is there or patience ends."""
        for _ in range(LOOKS):
            if reply.status != ACCEPTED:
                break
            self._sleep(LOOK_SECONDS)
            reply = door.send(self._look(config, _handle(reply)))
        return reply

    def _request(
        self, config: Config, statement: str, binds: tuple[str, ...], identity: str, numbers: tuple[int, ...]
    ) -> VendorRequest:
        body: dict[str, Any] = {
            "statement": statement,
            "timeout": STATEMENT_SECONDS,
            "database": config["database"],
            "schema": config["schema"],
            "warehouse": config["warehouse"],
        }
        if binds:
            body["bindings"] = {
                str(number): {"type": "TEXT", "value": value} for number, value in enumerate(binds, 1)
            }
        return VendorRequest(
            url=f"{self._statements(config)}?requestId={identity}&retry=true",
            headers=self._headers(config),
            body=encoded(body),
            traces=numbers,
        )

    def _look(self, config: Config, handle: str) -> VendorRequest:
        url = f"{self._statements(config)}/{handle}"
        return VendorRequest(url=url, headers=self._headers(config), body=b"", traces=(), method="GET")

    def _headers(self, config: Config) -> Mapping[str, str]:
        own = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Authorization": bearer(config["token"]),
            "X-Snowflake-Authorization-Token-Type": "PROGRAMMATIC_ACCESS_TOKEN",
        }
        return with_headers(config, own)

    def _statements(self, config: Config) -> str:
        origin = self._origin or f"https://{config['account']}.snowflakecomputing.com"
        return f"{origin}/api/v2/statements"


def table_statement(config: Config) -> str:
    """The SQL that makes the table."""
    kinds = columns(with_cache_writes=bool(config["shouldIncludeCacheWriteTokens"]))
    lines = ",\n".join(f"  {name} {TYPES[kind]}" for name, kind in kinds.items())
    return f"CREATE TABLE IF NOT EXISTS {_table(config)} (\n{lines}\n)"


def _insertion(config: Config) -> str:
    kinds = columns(with_cache_writes=bool(config["shouldIncludeCacheWriteTokens"]))
    values = ", ".join(_value(name, kind) for name, kind in kinds.items())
    return (
        f"INSERT INTO {_table(config)} ({', '.join(kinds)}) "  # noqa: S608  # checked names
        f"SELECT {values} FROM TABLE(FLATTEN(input => PARSE_JSON(?))) v"
    )


def _value(name: str, kind: str) -> str:
    if kind == "json":
        return f'TRY_PARSE_JSON(v.value:"{name}"::VARCHAR)'
    return f'v.value:"{name}"::{TYPES[kind]}'


def _table(config: Config) -> str:
    return f'"{config["database"]}"."{config["schema"]}"."{config["table"]}"'


def _handle(reply: Reply) -> str:
    try:
        handle = said_by(reply)["statementHandle"]
    except (KeyError, TypeError):
        handle = ""
    if not isinstance(handle, str) or not handle.replace("-", "").isalnum():
        raise CallFailed("the answer names no statement")
    return handle


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
