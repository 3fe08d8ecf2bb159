"""Which destinations are told of which requests: decided by ingest, from destinations that it keeps in memory.

What a request costs here is paid for each request of the installation, so where a workspace has no destination it is
one look into a dictionary. The gateway keeps content for the same sessions (observability.sampling).
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import psycopg
import re2

from observability.destinations import DESTINATIONS
from observability.filter_rules import CONTENT, Facts, Filter, Value, compile_rules, text_of
from observability.ingest_rows import place_in_request
from observability.ingest_writes import NewDelivery, Unjudged
from observability.journal_reader import Finished
from observability.judging_time import JudgingTime
from observability.sampling import destination_subject, is_sampled, session_of

REFRESH_SECONDS = 1.0
NAMES_SECONDS = 10.0
DEFAULT_REGION = "global"
LIVE_SQL = """
  FROM destination d JOIN workspace w ON w.id = d.workspace_id
 WHERE d.deleted_at IS NULL AND d.is_enabled AND w.deleted_at IS NULL AND w.is_broadcast_enabled
"""
# Whatever is changed gets another xmin, whoever commits first.
STAMP_SQL = f"""
SELECT count(*), sum(d.id), sum(d.xmin::text::bigint), sum(w.xmin::text::bigint) {LIVE_SQL}
"""
TARGETS_SQL = f"""
SELECT d.id, d.type, d.workspace_id, d.api_key_ids, d.regions, d.sampling_rate, d.filter_rules {LIVE_SQL}
 ORDER BY d.id
"""
NAMES_SQL = "SELECT id, name FROM api_key WHERE workspace_id = ANY(%s)"

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
ContentOf: TypeAlias = Callable[[Finished], Mapping[str, Any] | None]
"""Opens what was said in a request, if it was kept."""

log = logging.getLogger(__name__)


class Row(NamedTuple):
    """A destination as the database has it."""

    id: int
    type: str
    workspace_id: int
    api_key_ids: Any
    regions: Any
    sampling_rate: float
    filter_rules: Any


@dataclass(frozen=True, slots=True)
class Target:
    """What a destination wants to be told of. `keys` None: of all of them, and of the chat room."""

    id: int
    keys: frozenset[int] | None
    regions: frozenset[str]
    sampling_rate: float
    subject: str
    filter: Filter | None


Compiled: TypeAlias = dict[int, tuple[Row, Target]]
"""What was made of the rows of destinations, by their ids."""


def nothing_said(_finished: Finished) -> None:
    """The content of requests where none is kept."""


class DestinationMatcher:
    """An ingest `Matcher`. Reads destinations on a connection of its own, at most once a second."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        content_of: ContentOf = nothing_said,
        judging_time: JudgingTime | None = None,
    ) -> None:
        self._connect, self._content_of = connect, content_of
        self._connection: Connection | None = None
        self._stamp: tuple[Any, ...] | None = None
        self._looked_at = self._named_at = 0.0
        self._targets: dict[int, list[Target]] = {}
        self._known: Compiled = {}
        self._time = judging_time or JudgingTime()
        self._named: list[int] = []
        self._names: dict[int, str] = {}

    def __call__(self, finished: Sequence[Finished]) -> Iterable[NewDelivery]:
        """The deliveries that follow from these requests. Raises psycopg.Error while nothing is known yet."""
        now = time.monotonic()
        if now - self._looked_at >= REFRESH_SECONDS or self._stamp is None:
            self._refresh(now)
        targets = self._targets
        if not targets:
            return ()
        rows: list[NewDelivery] = []
        for request in finished:
            of_workspace = targets.get(request.begin.workspace_id)
            if of_workspace is not None:
                self._match(request, of_workspace, rows)
        return rows

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _match(self, request: Finished, targets: Iterable[Target], rows: list[NewDelivery]) -> None:
        begin = request.begin
        key, context = begin.api_key_id, begin.context
        region = _text(context.get("region")) or DEFAULT_REGION
        session: str | None = None
        facts: Facts | None = None
        for target in targets:
            if region not in target.regions or (target.keys is not None and key not in target.keys):
                continue
            if target.sampling_rate < 1:
                session = session or _session(request)
                if not is_sampled(target.subject, session, target.sampling_rate):
                    continue
            if target.filter is not None:
                if not self._time.has_some(begin.organization_id):
                    rows.append(Unjudged(begin.organization_id, begin.workspace_id, target.id, begin.id))
                    continue
                facts = facts or Known(request, self._names, self._content_of).__getitem__
                began = time.perf_counter()
                passes = _passes(target, target.filter, facts)
                self._time.take(begin.organization_id, time.perf_counter() - began)
                if not passes:
                    continue
            rows.append(NewDelivery(begin.organization_id, begin.workspace_id, target.id, begin.id))

    def _refresh(self, now: float) -> None:
        """Look whether anything was changed. What is known stays known while the database cannot be asked."""
        try:
            self._read(now)
        except psycopg.Error as error:
            self.close()
            if self._stamp is None:
                raise
            log.warning("destinations cannot be read now: %s", str(error).strip())
        self._looked_at = now

    def _read(self, now: float) -> None:
        if self._connection is None:
            self._connection = self._connect()
        stamp = self._connection.execute(STAMP_SQL).fetchone()
        if stamp != self._stamp:
            rows = [Row(*row) for row in self._connection.execute(TARGETS_SQL).fetchall()]
            self._targets = targets_of(rows, self._known)
            self._named = sorted(
                {row.workspace_id for row in rows if "api_key_name" in str(row.filter_rules)}
            )
            self._stamp, self._named_at = stamp, 0.0
        if self._named and now - self._named_at >= NAMES_SECONDS:
            self._names = dict(self._connection.execute(NAMES_SQL, [self._named]).fetchall())
            self._named_at = now


class Known(dict[str, Value]):
    """What filter rules have asked of a request; each field is looked up, and content opened, when one asks for it."""

    def __init__(self, request: Finished, names: Mapping[int, str], content_of: ContentOf) -> None:
        super().__init__()
        self._request, self._names, self._content_of = request, names, content_of

    def __missing__(self, field: str) -> Value:
        if field in CONTENT:
            content = self._content_of(self._request) or {}
            self.update({name: text_of(content.get(name)) for name in CONTENT})
        else:
            self[field] = FACTS[field](self._request, self._names)
        return self[field]


FACTS: Mapping[str, Callable[[Finished, Mapping[int, str]], Value]] = {
    "model": lambda request, _: request.end.model or request.begin.model,
    "provider": lambda request, _: _text(request.end.provider or request.begin.context.get("provider")),
    "session_id": lambda request, _: _text(request.begin.context.get("session_id")),
    "user_id": lambda request, _: _text(request.begin.context.get("user")),
    "api_key_name": lambda request, names: names.get(request.begin.api_key_id or 0),
    "finish_reason": lambda request, _: request.end.finish_reason,
    "total_cost": lambda request, _: request.end.cost_nano / 10**9,
    "total_tokens": lambda request, _: request.end.prompt_tokens + request.end.completion_tokens,
    "prompt_tokens": lambda request, _: request.end.prompt_tokens,
    "completion_tokens": lambda request, _: request.end.completion_tokens,
}


def targets_of(rows: Sequence[Row], known: Compiled | None = None) -> dict[int, list[Target]]:
    """What destinations want, by workspace; one that cannot be made sense of is left out.

    `known` is what was made of rows before, and is brought up to date: to compile rules takes its time.
    """
    before: Compiled = {} if known is None else dict(known)
    made: Compiled = {}
    found: dict[int, list[Target]] = defaultdict(list)
    for row in rows:
        if row.type not in DESTINATIONS:
            continue
        try:
            former, target = before.get(row.id, (None, None))
            if target is None or former != row:
                target = _target(row)
        except Exception:
            # Somebody's odd row must not keep the requests of all others from being booked.
            log.exception("the destination %s cannot be used", row.id)
            continue
        made[row.id] = row, target
        found[row.workspace_id].append(target)
    if known is not None:
        known.clear()
        known.update(made)
    return dict(found)


def _target(row: Row) -> Target:
    return Target(
        row.id,
        None if row.api_key_ids is None else frozenset(row.api_key_ids),
        frozenset(row.regions),
        row.sampling_rate,
        destination_subject(row.id),
        compile_rules(row.filter_rules),
    )


def _passes(target: Target, rules: Filter, facts: Facts) -> bool:
    try:
        return rules.passes(facts)
    except (re2.error, TypeError, ValueError):
        log.exception("the filter rules of the destination %s cannot be judged", target.id)
        return False


def _session(request: Finished) -> str:
    begin = request.begin
    trace = begin.context.get("trace")
    whole, _ = place_in_request(begin.context, begin.id)
    return session_of(
        _text(begin.context.get("session_id")),
        trace if isinstance(trace, Mapping) else None,
        whole or begin.id,
    )


def _text(value: Any) -> str | None:  # anything may stand in a context
    return value if isinstance(value, str) and value else None
