"""Turns records of a journal into what one ingest transaction writes: rows, sums and charges. No I/O."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

import msgspec

from observability.journal_reader import Finished
from observability.journal_records import Begin, End, Refusal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = 1_577_836_800_000_000  # 2020-01-01
SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3600 * 10**6, 86_400 * 10**6
LONGEST_TEXT = 1024
LONGEST_NAME = 256  # model and provider are part of an index, whose entries may have 2,700 bytes
MOST_TOKENS = 10**12
STATUSES = frozenset({"completed", "error", "cancelled", "interrupted"})

DIMENSIONS = ("organization_id", "workspace_id", "api_key_id", "member_id", "model", "provider")
MEASURES = (
    "requests",
    "refused",
    "errors",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_tokens",
    "cost_nano",
    "byok_nano",
    "latency_ms_sum",
    "generation_ms_sum",
)
GENERATION_COLUMNS = (
    *("id", "admitted_at", "organization_id", "workspace_id", "api_key_id", "member_id", "subjects"),
    *(
        "process_id",
        "batch",
        "model",
        "provider",
        "endpoint_id",
        "price_version_id",
        "dialect",
        "is_streamed",
    ),
    *("status", "is_interrupted", "finish_reason", "native_finish_reason", "error_type", "http_status"),
    *("prompt_tokens", "completion_tokens", "reasoning_tokens", "cached_tokens", "cache_write_tokens"),
    *("is_usage_estimated", "cost_nano", "byok_nano", "upstream_cost_nano", "is_byok", "latency_ms"),
    *("generation_ms", "app_title", "app_url", '"user"', "session_id", "upstream_id", "policy_versions"),
    *("detail", "refused_count"),
)
CONTEXT_COLUMNS = frozenset(
    {"dialect", "is_streamed", "app_title", "app_url", "user", "session_id", "policy_versions"}
    | {"provider", "endpoint_id", "price_version_id", "is_byok"}
)

Dimensions: TypeAlias = tuple[int, int, int, int, str, str]
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_SPECIAL = re.compile(r"[\\\t\n\r]").search
_encode = msgspec.json.Encoder(enc_hook=str).encode


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
    usage: dict[tuple[Dimensions, int], list[int]] = field(default_factory=dict)
    ledger: dict[LedgerKey, int] = field(default_factory=lambda: defaultdict(int))
    spent: dict[int, dict[int, list[int]]] = field(default_factory=dict)
    consumed: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))
    key_use: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def organization_ids(self) -> list[int]:
        """The organizations that are charged or looked at, in order."""
        return sorted({dimensions[0] for dimensions, _ in self.usage})


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
    begin, holds, end = request
    model = (end.model or begin.model)[:LONGEST_NAME]
    provider = str(end.provider or begin.context.get("provider") or "")[:LONGEST_NAME]
    subjects = tuple(dict.fromkeys(begin.subjects))
    batch.generations.append(_generation_line(batch, begin, end, model, provider, subjects))
    _add_usage(batch, begin, end, model, provider)
    is_byok = end.is_byok or end.byok_nano > 0
    if end.cost_nano:
        batch.ledger[LedgerKey(begin.organization_id, "byok_fee" if is_byok else "usage")] += end.cost_nano
    day = begin.admitted_at - begin.admitted_at % DAY
    for subject in subjects:
        days = batch.spent.setdefault(subject, {})
        sums = days.setdefault(day, [0, 0])
        sums[0] += end.cost_nano
        sums[1] += end.byok_nano
    seen: set[int] = set()
    for hold in holds:
        if hold.purse_id not in seen:
            seen.add(hold.purse_id)
            nano = hold.counted(end.cost_nano, end.byok_nano)
            batch.consumed[hold.purse_id, hold.window_start] += nano
    if begin.api_key_id is not None:
        last, _ = batch.key_use.get(begin.api_key_id, (0, 0))
        batch.key_use[begin.api_key_id] = (max(last, begin.admitted_at), begin.organization_id)


def _sums(batch: Batch, record: Begin | Refusal, model: str, provider: str) -> list[int]:
    dimensions: Dimensions = (
        record.organization_id,
        record.workspace_id,
        record.api_key_id or 0,
        record.member_id or 0,
        model,
        provider,
    )
    minute = record.admitted_at - record.admitted_at % MINUTE
    sums = batch.usage.get((dimensions, minute))
    if sums is None:
        sums = batch.usage[dimensions, minute] = [0] * len(MEASURES)
    return sums


def _add_usage(batch: Batch, begin: Begin, end: End, model: str, provider: str) -> None:
    sums = _sums(batch, begin, model, provider)
    sums[0] += 1
    sums[2] += end.status == "error"
    sums[3] += end.prompt_tokens
    sums[4] += end.completion_tokens
    sums[5] += end.reasoning_tokens
    sums[6] += end.cached_tokens
    sums[7] += end.cost_nano
    sums[8] += end.byok_nano
    sums[9] += end.latency_ms or 0
    sums[10] += end.generation_ms or 0


def _add_refusal(batch: Batch, refusal: Refusal) -> None:
    model = refusal.model[:LONGEST_NAME]
    sums = _sums(batch, refusal, model, "")
    sums[1] += refusal.count
    batch.generations.append(_refusal_line(batch, refusal, model))


def usage_by_hour(usage: dict[tuple[Dimensions, int], list[int]]) -> dict[tuple[Dimensions, int], list[int]]:
    """The sums of minutes, summed up to hours."""
    hours: dict[tuple[Dimensions, int], list[int]] = {}
    for (dimensions, minute), sums in usage.items():
        key = (dimensions, minute - minute % HOUR)
        known = hours.get(key)
        hours[key] = list(sums) if known is None else [a + b for a, b in zip(known, sums, strict=True)]
    return hours


def moment(microseconds: int) -> datetime:
    """The time of a Unix microsecond, exactly."""
    return EPOCH + timedelta(microseconds=microseconds)


def _generation_line(
    batch: Batch, begin: Begin, end: End, model: str, provider: str, subjects: tuple[int, ...]
) -> str:
    context = begin.context
    detail = {name: value for name, value in context.items() if name not in CONTEXT_COLUMNS} | end.detail
    endpoint = context.get("endpoint_id") if end.endpoint_id is None else end.endpoint_id
    price = context.get("price_version_id") if end.price_version_id is None else end.price_version_id
    return _line(
        _text(begin.id),
        moment(begin.admitted_at).isoformat(),
        begin.organization_id,
        begin.workspace_id,
        _null(begin.api_key_id),
        _null(begin.member_id),
        f"{{{','.join(map(str, subjects))}}}",
        batch.process_id,
        batch.number,
        _text(model),
        _text(provider),
        _text(endpoint),
        _text(price),
        _text(context.get("dialect") or ""),
        "t" if context.get("is_streamed") else "f",
        end.status,
        "t" if end.status == "interrupted" else "f",
        _text(end.finish_reason),
        _text(end.native_finish_reason),
        _text(end.error_type),
        _null(end.http_status),
        end.prompt_tokens,
        end.completion_tokens,
        end.reasoning_tokens,
        end.cached_tokens,
        end.cache_write_tokens,
        "t" if end.is_usage_estimated else "f",
        end.cost_nano,
        end.byok_nano,
        _null(end.upstream_cost_nano),
        "t" if end.is_byok or context.get("is_byok") else "f",
        _null(end.latency_ms),
        _null(end.generation_ms),
        _text(context.get("app_title")),
        _text(context.get("app_url")),
        _text(context.get("user")),
        _text(context.get("session_id")),
        _text(end.upstream_id),
        _json(context.get("policy_versions")),
        _json(detail),
        1,
    )


def _refusal_line(batch: Batch, refusal: Refusal, model: str) -> str:
    values = {
        "id": _text(refusal.id),
        "admitted_at": moment(refusal.admitted_at).isoformat(),
        "organization_id": refusal.organization_id,
        "workspace_id": refusal.workspace_id,
        "api_key_id": _null(refusal.api_key_id),
        "member_id": _null(refusal.member_id),
        "subjects": "{}",
        "process_id": batch.process_id,
        "batch": batch.number,
        "model": _text(model),
        "provider": "",
        "dialect": _text(refusal.detail.get("dialect") or ""),
        "status": "refused",
        "error_type": _text(refusal.error_type),
        "http_status": refusal.http_status,
        "detail": _json({name: value for name, value in refusal.detail.items() if name != "dialect"}),
        "refused_count": refusal.count,
    }
    zeros = dict.fromkeys([*MEASURES, "cache_write_tokens"], 0)
    falses = dict.fromkeys(("is_streamed", "is_interrupted", "is_usage_estimated", "is_byok"), "f")
    known = zeros | falses | values
    return _line(*(known.get(column, r"\N") for column in GENERATION_COLUMNS))


def _line(*values: object) -> str:
    return "\t".join(map(str, values)) + "\n"


def _null(number: int | None) -> int | str:
    return r"\N" if number is None else number


def _text(value: object) -> str:
    if value is None:
        return r"\N"
    text = value if isinstance(value, str) else str(value)
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT]
    return text.translate(_ESCAPES) if _SPECIAL(text) else text


def _json(value: Any) -> str:  # free JSON of the gateway
    return _encode(value).decode().replace("\\", "\\\\") if value else r"\N"
