"""What an HTTP answer says about a batch (spec: broadcast §5)."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import msgspec

from config.lib.outbound import CallFailed, NoAnswerInTime, Reply
from observability.destinations.exchange import Outcome, VendorRequest

LONGEST_ERROR: Final = 500
LONGEST_WAIT_SECONDS: Final = 24 * 3600.0
REFUSED_BATCH: Final = frozenset({400, 413, 422})
TRY_AGAIN: Final = frozenset({408, 425, 429})
TOO_LATE: Final = frozenset({408, 504})
"""What proxies say when the server behind them takes long."""


def judge(request: VendorRequest, reply: Reply | CallFailed) -> Outcome:
    """What became of the traces of a request, by its answer's status or the lack of one."""
    carried = frozenset(request.traces)
    size = len(request.body)
    if isinstance(reply, CallFailed):
        return unanswered(carried, reply, sent_bytes=size)
    status = reply.status
    if 200 <= status < 300:
        return Outcome(http_status=status, sent_bytes=size)
    error = f"HTTP {status}"
    if status in REFUSED_BATCH:
        return Outcome(split=carried, http_status=status, error=error, sent_bytes=size)
    if status in TRY_AGAIN or status >= 500:
        return Outcome(
            retry=carried,
            is_late=status in TOO_LATE,
            http_status=status,
            error=error,
            retry_after=retry_after(reply),
            sent_bytes=size,
        )
    return Outcome(retry=carried, http_status=status, error=error, is_misconfigured=True, sent_bytes=size)


def unanswered(traces: frozenset[int], failure: CallFailed, *, sent_bytes: int = 0) -> Outcome:
    """What became of traces that nobody answered for."""
    return Outcome(
        retry=traces,
        is_late=isinstance(failure, NoAnswerInTime),
        error=f"No answer: {failure}"[:LONGEST_ERROR],
        sent_bytes=sent_bytes,
    )


def merged(outcomes: Iterable[Outcome]) -> Outcome:
    """What became of a batch that went in several requests; the last failure is the one that is told."""
    total = Outcome()
    for each in outcomes:
        waits = [wait for wait in (total.retry_after, each.retry_after) if wait is not None]
        is_told = bool(each.error) or not total.error
        total = replace(
            total,
            retry=total.retry | each.retry,
            poisoned=total.poisoned | each.poisoned,
            split=total.split | each.split,
            is_misconfigured=total.is_misconfigured or each.is_misconfigured,
            is_late=total.is_late or each.is_late,
            retry_after=max(waits, default=None),
            http_status=each.http_status if is_told else total.http_status,
            error=each.error if is_told else total.error,
            sent_bytes=total.sent_bytes + each.sent_bytes,
        )
    return total


def retry_after(reply: Reply) -> float | None:
    """The seconds that an answer asks to wait for (RFC 9110 §10.2.3), a day at most; None: it does not say."""
    text = reply.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS) if seconds == seconds else None  # NaN is none


def said_by(reply: Reply) -> Any:  # whatever the other side says
    """The JSON of an answer; None for what is none, or nested deeper than anybody reads."""
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError):
        return None
