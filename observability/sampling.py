"""Which requests a destination or I/O logging is told of: the same for a whole session, and never by chance."""

from __future__ import annotations

import hashlib

WHOLE = 1 << 64


def is_sampled(subject: str, session: str, rate: float) -> bool:
    """Whether a session (or, without one, a trace) is in the share `rate` of the subject's.

    Sessions differ between subjects, and a higher rate keeps all that a lower one took.
    """
    if rate >= 1:
        return True
    digest = hashlib.blake2b(f"{subject}:{session}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < rate * WHOLE
