"""Makes any record storable, so that its charge is booked; the record as it was goes to a dead letter."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from config.lib.ids import uuid7
from observability.ingest_batch import EARLIEST, MOST_TOKENS, STATUSES
from observability.ingest_rows import place_in_request
from observability.ingest_usage import DAY
from observability.journal_reader import Damaged, Finished, Portion
from observability.journal_records import INT64_MAX, Begin, End, Refusal, encode_line

MOST_NANO = INT64_MAX >> 10  # nine million dollars; sums of a thousand still fit
MOST_COUNTED = 10**6
LONGEST_NAME = 100


def sanitised(portion: Portion, *, error: str, with_new_ids: bool) -> Portion:
    """The portion with numbers in range and plain names only, and a dead letter for each record."""
    records = [encode_line(finished.begin) + encode_line(finished.end) for finished in portion.finished]
    records += [encode_line(refusal) for refusal in portion.refusals]
    letters = [Damaged(portion.start.segment, portion.start.offset, record, error) for record in records]
    return Portion(
        start=portion.start,
        end=portion.end,
        to_offset=portion.to_offset,
        finished=[_plain_request(request, with_new_ids) for request in portion.finished],
        refusals=[_plain_refusal(refusal, with_new_ids) for refusal in portion.refusals],
        damaged=portion.damaged + letters,
        is_closed=portion.is_closed,
    )


def _plain_request(request: Finished, with_new_ids: bool) -> Finished:
    begin, end = request.begin, request.end
    admitted_at = _plain_time(begin.admitted_at)
    identifier = _plain_id(begin.id, admitted_at, with_new_ids)
    plain_begin = Begin(
        id=identifier,
        admitted_at=admitted_at,
        organization_id=begin.organization_id,
        workspace_id=begin.workspace_id,
        api_key_id=begin.api_key_id,
        member_id=begin.member_id,
        subjects=tuple(subject for subject in begin.subjects if abs(subject) <= INT64_MAX),
        holds=begin.holds,
        model=_plain_name(begin.model),
        context=_plain_place(begin),
    )
    plain_end = End(
        id=identifier,
        cost_nano=_within(end.cost_nano, MOST_NANO),
        byok_nano=_within(end.byok_nano, MOST_NANO),
        status=end.status if end.status in STATUSES else "error",
        model=_plain_name(end.model),
        provider=_plain_name(end.provider),
        prompt_tokens=_within(end.prompt_tokens, MOST_TOKENS),
        completion_tokens=_within(end.completion_tokens, MOST_TOKENS),
        is_usage_estimated=end.is_usage_estimated,
        is_byok=end.is_byok,
        detail={"is_sanitised": True},
    )
    return Finished(plain_begin, request.holds, plain_end)


def _plain_refusal(refusal: Refusal, with_new_ids: bool) -> Refusal:
    admitted_at = _plain_time(refusal.admitted_at)
    return Refusal(
        id=_plain_id(refusal.id, admitted_at, with_new_ids),
        admitted_at=admitted_at,
        organization_id=refusal.organization_id,
        workspace_id=refusal.workspace_id,
        api_key_id=refusal.api_key_id,
        member_id=refusal.member_id,
        model=_plain_name(refusal.model),
        error_type=_plain_name(refusal.error_type),
        http_status=_within(refusal.http_status, 999),
        count=_within(refusal.count, MOST_COUNTED),
        detail={"is_sanitised": True},
    )


def _plain_place(begin: Begin) -> dict[str, Any]:
    """Which request it belongs to, so that the sum of that is whole."""
    request, tool = place_in_request(begin.context, begin.id)
    return {} if request is None else {"request": request, "tool": _plain_name(tool or "")}


def _plain_time(admitted_at: int) -> int:
    now = time.time_ns() // 1000
    return admitted_at if EARLIEST <= admitted_at <= now + DAY else now


def _plain_id(identifier: str, admitted_at: int, with_new_ids: bool) -> str:
    try:
        known = UUID(identifier)
    except ValueError:
        with_new_ids = True
    return str(uuid7(admitted_at // 1000)) if with_new_ids else str(known)


def _plain_name(name: str) -> str:
    return "".join(letter if " " < letter < "\x7f" else "?" for letter in name[:LONGEST_NAME])


def _within(number: int, most: int) -> int:
    return max(0, min(number, most))
