"""ClickHouse, by its HTTP interface (https://clickhouse.com/docs/interfaces/http)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from config.lib.declared import Flag, Text
from observability.destinations.destination import Config, Door, Limits, Probed
from observability.destinations.exchange import VendorRequest
from observability.destinations.fields import Address, with_headers
from observability.destinations.json_kind import JsonKind, probed
from observability.destinations.otlp import encoded
from observability.destinations.warehouse import columns, name_field, row_of
from observability.trace import Trace

TYPES = {
    "text": "Nullable(String)",
    "time": "DateTime64(3)",
    "whole": "Int64",
    "number": "Float64",
    "texts": "Array(String)",
    "json": "Nullable(String)",
}


class ClickHouse(JsonKind):
    """Rows in JSONEachRow; a repeated batch is recognized where the table's engine can."""

    slug = "clickhouse"
    name = "ClickHouse"
    about = "A table of your own."
    fields = (
        Address(name="host", help="The HTTP interface, with its port: https://…:8443"),
        name_field("database", "The database."),
        Text(name="username", help="Who may insert into the table."),
        Text(name="password", most=500, help="The user's password."),
        name_field("table", "The table."),
        Flag(name="shouldIncludeCacheWriteTokens", help="Whether the table has CACHE_WRITE_TOKENS."),
    )
    required = ("host", "database", "username", "password")
    secrets = frozenset({"password"})
    defaults = {"table": "OPENROUTER_TRACES", "shouldIncludeCacheWriteTokens": False}
    limits = Limits(traces=500, bytes=8 << 20, linger_seconds=2)
    verified_against = "ClickHouse's own engine (chdb) behind a small HTTP front of the tests"

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        with_writes = bool(config["shouldIncludeCacheWriteTokens"])
        rows = [_told(row_of(trace, with_cache_writes=with_writes)) for trace in traces]
        token = hashlib.sha256("".join(trace.generation_id for trace in traces).encode()).hexdigest()
        names = ", ".join(f"`{name}`" for name in columns(with_cache_writes=with_writes))
        statement = f"INSERT INTO {_table(config)} ({names}) FORMAT JSONEachRow"  # checked names
        settings = {
            "query": statement,
            "date_time_input_format": "best_effort",
            "insert_deduplication_token": token,
        }
        body = b"\n".join(encoded(row) for row in rows)
        return [self._request(config, settings, body, tuple(range(len(traces))))]

    def probe(self, config: Config, door: Door) -> Probed:
        """Reads nothing, from the columns that will be written."""
        names = ", ".join(
            f"`{name}`" for name in columns(with_cache_writes=bool(config["shouldIncludeCacheWriteTokens"]))
        )
        statement = f"SELECT {names} FROM {_table(config)} LIMIT 0"  # noqa: S608  # checked names
        shown = probed(self._request(config, {}, statement.encode(), ()), door)
        if not shown.is_ok and "404" in shown.message:
            return Probed(is_ok=False, message="The table or one of its columns does not exist.")
        return shown

    def _request(
        self, config: Config, settings: dict[str, str], body: bytes, numbers: tuple[int, ...]
    ) -> VendorRequest:
        headers = {
            "Content-Type": "application/json",
            "X-ClickHouse-User": config["username"],
            "X-ClickHouse-Key": config["password"],
            "X-ClickHouse-Database": config["database"],
        }
        query = f"/?{urlencode(settings)}" if settings else "/"
        return VendorRequest(
            url=f"{config['host'].rstrip('/')}{query}",
            headers=with_headers(config, headers),
            body=body,
            traces=numbers,
        )


def table_statement(config: Config) -> str:
    """The SQL that makes the table."""
    kinds = columns(with_cache_writes=bool(config["shouldIncludeCacheWriteTokens"]))
    lines = ",\n".join(f"  `{name}` {TYPES[kind]}" for name, kind in kinds.items())
    lines = lines.replace("`TRACE_ID` Nullable(String)", "`TRACE_ID` String")
    lines = lines.replace("`SPAN_ID` Nullable(String)", "`SPAN_ID` String", 1)
    return (
        f"CREATE TABLE IF NOT EXISTS {_table(config)} (\n{lines}\n) ENGINE = ReplacingMergeTree\n"
        "PARTITION BY toYYYYMM(TIMESTAMP)\nORDER BY (TIMESTAMP, TRACE_ID, SPAN_ID)"
    )


def _table(config: Config) -> str:
    return f"`{config['database']}`.`{config['table']}`"


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Times as ClickHouse reads them."""
    return {
        name: value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if isinstance(value, datetime) else value
        for name, value in row.items()
    }
