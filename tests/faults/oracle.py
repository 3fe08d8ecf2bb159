"""The judge of the money tests: what the provider recorded, against the books and what callers saw.

The simulator writes down every call before it serves it. Whatever happened to gateways, database and ingest in
between, the books must in the end hold exactly one charge for each of these calls, and the right one.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from config.lib.ids import generation_id, parse_generation_id
from routing.catalog_snapshot import Price
from routing.pricing import Usage, cost
from routing.simulator.record import Call, read_calls
from tests.faults.load import Trace

CHECKPOINT_SECONDS = 1.0
PRICES = """
SELECT DISTINCT ON (endpoint.id) language_model.slug AS model, provider.slug AS provider, price_version.*
  FROM price_version JOIN endpoint ON endpoint.id = price_version.endpoint_id
  JOIN language_model ON language_model.id = endpoint.model_id
  JOIN provider ON provider.id = endpoint.provider_id
 WHERE provider.is_simulator ORDER BY endpoint.id, valid_from DESC, price_version.id DESC
"""
GENERATIONS = """
SELECT id, coalesce(request_id, id) AS request, model, status, is_interrupted, provider, cost_nano, prompt_tokens,
       completion_tokens, http_status
  FROM generation WHERE admitted_at >= to_timestamp(%s) AND status <> 'refused'
"""
SERVICES = ("openrouter/web_search", "openrouter/web_fetch")
"""What is charged for without a provider of models: the test has its own record of these."""
BOOKED = "SELECT coalesce(sum(amount_nano), 0) AS nano FROM ledger_entry WHERE account = 'usage'"


@dataclass
class Verdict:
    """What an audit found."""

    calls: int = 0
    generations: int = 0
    exact: int = 0
    """Completed ones: charged to the nano-dollar what the record is worth."""
    interrupted: int = 0
    cancelled: int = 0
    failed: int = 0
    uncalled: int = 0
    """Begun, and ended before the provider was reached: free."""
    charged_nano: int = 0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.calls} calls, {self.generations} generations: {self.exact} exact, {self.interrupted} interrupted,"
            f" {self.cancelled} cancelled, {self.failed} failed, {self.uncalled} before their call;"
            f" {len(self.violations)} violations"
        )


class Record:
    """The provider's record from some moment on."""

    def __init__(self, path: Path, since: float) -> None:
        self.calls: dict[str, list[Call]] = defaultdict(list)
        """Calls by the generation that they belong to, in order."""
        self.produced_at: dict[str, list[float]] = defaultdict(list)
        """When each token of a call was produced."""
        for call in read_calls(path).values() if path.exists() else ():
            if call.started_at >= since * 10**6:
                self.calls[call.request_id or call.id].append(call)
        for line in path.read_bytes().split(b"\n")[:-1] if path.exists() else ():
            if b'"event":"chunk"' in line:
                event = json.loads(line)
                self.produced_at[event["call"]].append(event["at"] / 10**6)


class Oracle:
    """Compares record, books and callers. Made before the first request that it is to judge."""

    def __init__(self, database_url: str, record: Path, now: float) -> None:
        self._url = database_url
        self._path = record
        self._since = now
        self._requests = Counter[UUID]()
        with self.connect() as connection:
            self._prices = {
                (row["model"], row["provider"]): _price(row) for row in connection.execute(PRICES)
            }
            self._booked_before = _number(connection, BOOKED)

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """A connection of the owner role."""
        return psycopg.connect(self._url, autocommit=True, row_factory=dict_row)

    def worth(self, call: Call, tokens: int | None = None) -> int:
        """What a call is worth by the catalog's price, in all or up to so many tokens of its answer."""
        completion = call.completion_tokens if tokens is None else tokens
        return cost(
            self._prices[call.model, call.provider], Usage(prompt=call.prompt_tokens, completion=completion)
        ).total_nano

    def charges(self, identifiers: Iterable[str]) -> list[int]:
        """What was charged for some generations, in nano-dollars."""
        wanted = {parse_generation_id(identifier) for identifier in identifiers}
        with self.connect() as connection:
            rows = connection.execute(GENERATIONS, [self._since]).fetchall()
        return [row["cost_nano"] for row in rows if row["id"] in wanted]

    def services(self) -> tuple[int, int]:
        """How many uses of paid services were charged, and how many were not."""
        with self.connect() as connection:
            rows = connection.execute(GENERATIONS, [self._since]).fetchall()
        costs = [row["cost_nano"] for row in rows if row["model"] in SERVICES]
        return sum(map(bool, costs)), costs.count(0)

    def missing(self, traces: Iterable[Trace]) -> set[UUID]:
        """The generations that record or callers know of and the books do not."""
        record = Record(self._path, self._since)
        known = set(record.calls) | {trace.identifier for trace in traces if trace.status == 200}
        wanted = {uuid for identifier in known if (uuid := parse_generation_id(identifier))}
        with self.connect() as connection:
            found = {row["id"] for row in connection.execute(GENERATIONS, [self._since])}
        return wanted - found

    def describe(self, missing: Iterable[UUID], traces: Iterable[Trace]) -> str:
        """What record and callers know of generations that the books do not have."""
        record, seen = Record(self._path, self._since), {trace.identifier: trace for trace in traces}
        names = [generation_id(uuid) for uuid in missing]
        known = [f"{name}: {record.calls.get(name)}; {seen.get(name)}" for name in names[:10]]
        return "\n".join([f"{len(names)} generations are not in the books", *known])

    def audit(self, traces: Iterable[Trace]) -> Verdict:
        """Judge everything since the oracle was made; call it when nothing is missing."""
        verdict = Verdict()
        record = Record(self._path, self._since)
        with self.connect() as connection:
            rows = connection.execute(GENERATIONS, [self._since]).fetchall()
            booked = _number(connection, BOOKED) - self._booked_before
        generations: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            generations[row["id"]].append(row)
        self._requests = Counter[UUID]()
        for row in rows:
            self._requests[row["request"]] += row["cost_nano"]
        verdict.generations = len(rows)
        verdict.charged_nano = sum(row["cost_nano"] for row in rows)
        if booked != verdict.charged_nano:
            verdict.violations.append(f"ledger moved by {booked}, charged were {verdict.charged_nano}")
        seen = {trace.identifier: trace for trace in traces if trace.identifier}
        self._judge_calls(verdict, record, generations, seen)
        self._judge_the_uncalled(verdict, record, generations, seen)
        return verdict

    def _judge_calls(
        self,
        verdict: Verdict,
        record: Record,
        generations: Mapping[UUID, list[dict[str, Any]]],
        seen: Mapping[str, Trace],
    ) -> None:
        for identifier, calls in record.calls.items():
            verdict.calls += len(calls)
            uuid = parse_generation_id(identifier)
            found = generations.get(uuid, []) if uuid else []
            if len(found) != 1:
                verdict.violations.append(f"{identifier} was called and has {len(found)} generations")
                continue
            fault = self._judge(verdict, record, calls, found[0], seen.get(identifier))
            if fault:
                verdict.violations.append(f"{identifier}: {fault}; {found[0]}; {calls}")

    def _judge(
        self,
        verdict: Verdict,
        record: Record,
        calls: list[Call],
        row: Mapping[str, Any],
        trace: Trace | None,
    ) -> str:
        charged: int = row["cost_nano"]
        last = calls[-1]
        if trace is not None and trace.is_whole and trace.cost_nano != self._requests[row["id"]]:
            return f"the caller was told {trace.cost_nano}"
        if row["status"] == "completed":
            verdict.exact += 1
            is_right = last.outcome == "done" and charged == self.worth(last)
            return "" if is_right else f"completed, and worth {self.worth(last)}"
        if trace is not None and trace.is_whole:
            return "the caller has the whole answer"
        if row["is_interrupted"]:
            verdict.interrupted += 1
        elif row["status"] == "cancelled":
            verdict.cancelled += 1
        else:
            verdict.failed += 1
        least = self._least(record, last, row, trace)
        most = self.worth(last) if last.is_billable else 0
        return "" if least <= charged <= most else f"must lie between {least} and {most}"

    def _least(self, record: Record, call: Call, row: Mapping[str, Any], trace: Trace | None) -> int:
        """What must have been charged, as far as the caller can know."""
        if trace is None or not trace.arrivals or not call.is_billable:
            return 0
        arrived = len(trace.arrivals)
        if not row["is_interrupted"]:
            return self.worth(call, arrived)  # the gateway lived, and what it delivered is charged
        # A checkpoint precedes the first token on its way out, and none is older than a second at any later one.
        produced_at = record.produced_at[call.id][min(arrived, call.completion_tokens) - 1]
        return self.worth(call, max(1, trace.tokens_by(produced_at - CHECKPOINT_SECONDS)))

    def _judge_the_uncalled(
        self,
        verdict: Verdict,
        record: Record,
        generations: Mapping[UUID, list[dict[str, Any]]],
        seen: Mapping[str, Trace],
    ) -> None:
        called = {parse_generation_id(identifier) for identifier in record.calls}
        for uuid, found in generations.items():
            if uuid in called or found[0]["model"] in SERVICES:
                continue
            verdict.uncalled += 1
            if len(found) != 1 or found[0]["cost_nano"]:
                verdict.violations.append(f"{uuid} was never called for and is charged: {found}")
        for identifier, trace in seen.items():
            if trace.is_whole and parse_generation_id(identifier) not in called:
                verdict.violations.append(f"{identifier} was answered by nobody")


def _price(row: Mapping[str, Any]) -> Price:
    names = ("prompt", "completion", "request", "reasoning", "cache_read", "cache_write", "image", "audio")
    return Price(
        version_id=row["id"],
        web_search=row["web_search_femto"],
        **{name: row[f"{name}_femto"] for name in names},
    )


def _number(connection: psycopg.Connection[dict[str, Any]], query: Any) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row["nano"])
