"""Which requests destinations, classifiers and I/O logging get: the same for a whole session, and never by chance."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

WHOLE = 1 << 64


def is_sampled(subject: str, session: str, rate: float) -> bool:
    """Whether a session (or, without one, a trace) is in the share `rate` of the subject's.

    Sessions differ between subjects, and a higher rate keeps all that a lower one took.
    """
    if rate >= 1:
        return True
    digest = hashlib.blake2b(f"{subject}:{session}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < rate * WHOLE


def session_of(session_id: str | None, trace: Mapping[str, Any] | None, generation_id: str) -> str:
    """What a request is sampled by: its session, else the caller's trace, else itself (its UUID as text).

    A generation that a server tool or a later step made has the id of the whole request for its own here.
    """
    if session_id:
        return session_id
    told = trace.get("trace_id") if trace else None
    return told if isinstance(told, str) and told else generation_id


def destination_subject(destination_id: int) -> str:
    """Whose sample a destination's is."""
    return f"destination:{destination_id}"


def classifier_subject(classifier_id: int) -> str:
    """Whose sample a classifier's is."""
    return f"classifier:{classifier_id}"


def logging_subject(workspace_id: int) -> str:
    """Whose sample that of a workspace's I/O logging is."""
    return f"workspace:{workspace_id}"
