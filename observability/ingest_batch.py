"""Turns records of a journal into what one ingest transaction writes: rows, sums and charges. No I/O."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from observability.ingest_rows import generation_line, refusal_line
from observability.ingest_usage import DAY, LONGEST_NAME, UsageSums
from observability.journal_reader import Finished
from observability.journal_records import Begin, End, Hold, Refusal

EARLIEST = 1_577_836_800_000_000  # 2020-01-01
MOST_TOKENS = 10**12
MOST_SECRETS = 2**31 - 1
STATUSES = frozenset({"completed", "error", "cancelled", "interrupted"})


class UnstorableRecord(ValueError):
    """A record whose charge or time is beyond belief; it is booked on a sanitised row."""


class LedgerKey(NamedTuple):
    """What makes one balanced entry of a batch."""

    organization_id: int
    kind: str


@dataclass(slots=True)
class Batch:
    """Everything that one transaction writes. Times are Unix microseconds, money is nano-dollars."""

    process_id: str
    number: int
    generations: list[str] = field(default_factory=list)
    usage: UsageSums = field(default_factory=UsageSums)
    ledger: dict[LedgerKey, int] = field(default_factory=lambda: defaultdict(int))
    spent: dict[tuple[tuple[int, ...], int], list[int]] = field(default_factory=dict)
    """(subjects, day) -> credit and BYOK; the requests of a key have all their subjects in common."""
    consumed: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    key_use: dict[int, tuple[int, int]] = field(default_factory=dict)
    secret_use: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """(key, number of the secret) -> time and organization, for keys that have several secrets."""

    @property
    def organization_ids(self) -> list[int]:
        """The organizations that are charged or looked at, in order."""
        return sorted({key[0] for key in self.usage.minutes})


def make_batch(
    process_id: str, number: int, finished: Sequence[Finished], refusals: Sequence[Refusal]
) -> Batch:
    """Sum up and lay out the rows of a batch. Raises UnstorableRecord."""
    batch = Batch(process_id, number)
    latest = time.time_ns() // 1000 + DAY
    for request in finished:
        _check(request, latest)
        _add_finished(batch, request)
    for refusal in refusals:
        if not EARLIEST <= refusal.admitted_at <= latest:
            raise UnstorableRecord(f"refused at {refusal.admitted_at}")
        _add_refusal(batch, refusal)
    return batch


def _check(request: Finished, latest: int) -> None:
    if not EARLIEST <= request.begin.admitted_at <= latest:
        raise UnstorableRecord(f"admitted at {request.begin.admitted_at}")
    if request.end.cost_nano < 0 or request.end.byok_nano < 0:
        raise UnstorableRecord(f"a charge of {request.end.cost_nano} and {request.end.byok_nano}")
    if request.end.status not in STATUSES:
        raise UnstorableRecord(f"status {request.end.status!r}")


def _add_finished(batch: Batch, request: Finished) -> None:
    begin, holds, end, _ = request
    model = (end.model or begin.model)[:LONGEST_NAME]
    provider = str(end.provider or begin.context.get("provider") or "")[:LONGEST_NAME]
    subjects = begin.subjects
    if len(set(subjects)) < len(subjects):
        subjects = tuple(dict.fromkeys(subjects))
    batch.generations.append(generation_line(batch, begin, end, model, provider, subjects))
    batch.usage.add_finished(begin, end, model, provider)
    is_byok = end.is_byok or end.byok_nano > 0
    if end.cost_nano:
        batch.ledger[LedgerKey(begin.organization_id, "byok_fee" if is_byok else "usage")] += end.cost_nano
    day = begin.admitted_at - begin.admitted_at % DAY
    sums = batch.spent.get((subjects, day))
    if sums is None:
        sums = batch.spent[subjects, day] = [0, 0]
    sums[0] += end.cost_nano
    sums[1] += end.byok_nano
    _consume(batch, holds, end)
    if begin.api_key_id is not None:
        last, _ = batch.key_use.get(begin.api_key_id, (0, 0))
        batch.key_use[begin.api_key_id] = (max(last, begin.admitted_at), begin.organization_id)
        _note_secret(batch, begin, begin.api_key_id)


def _note_secret(batch: Batch, begin: Begin, key: int) -> None:
    secret = begin.context.get("secret")
    if type(secret) is int and 0 <= secret <= MOST_SECRETS:  # anything may stand in a context
        last, _ = batch.secret_use.get((key, secret), (0, 0))
        batch.secret_use[key, secret] = (max(last, begin.admitted_at), begin.organization_id)


def _consume(batch: Batch, holds: Sequence[Hold], end: End) -> None:
    """Take the charge out of each lease once, however often the request came back for more of it."""
    cost, with_byok, consumed, seen = end.cost_nano, end.cost_nano + end.byok_nano, batch.consumed, set()
    for purse_id, window, _, counts_byok, counts_credits in holds:
        if purse_id not in seen:
            seen.add(purse_id)
            counted = with_byok if counts_byok else cost
            consumed[purse_id, window] += counted if counts_credits else end.byok_nano


def _add_refusal(batch: Batch, refusal: Refusal) -> None:
    model = refusal.model[:LONGEST_NAME]
    batch.usage.add_refusal(refusal, model)
    batch.generations.append(refusal_line(batch, refusal, model))


def spent_by_subject(batch: Batch) -> dict[int, dict[int, list[int]]]:
    """What each subject spent on each day: credit and BYOK."""
    spent: dict[int, dict[int, list[int]]] = {}
    for (subjects, day), (cost, byok) in batch.spent.items():
        for subject in subjects:
            sums = spent.setdefault(subject, {}).setdefault(day, [0, 0])
            sums[0] += cost
            sums[1] += byok
    return spent
