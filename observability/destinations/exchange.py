"""What is sent to a vendor, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VendorRequest:
    """One HTTP request. `traces`: which of the batch it carries, by their places."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    traces: tuple[int, ...]
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch, by the places of its traces; whoever is in no list was delivered.

    `retry`: to be sent again. `poisoned`: the vendor will never take these. `split`: the vendor refused these together
    and the fault may be one trace's, so they are to be sent in halves. `is_misconfigured`: the account, address or
    secret is wrong (401, 403, 404), so nothing gets through until somebody changes it; everything is in `retry`.
    `is_late`: no answer came in time, so fewer at once may do better. `retry_after` is in seconds. `error` is shown
    to administrators: never a secret, at most 500 characters.
    """

    retry: frozenset[int] = frozenset()
    poisoned: frozenset[int] = frozenset()
    split: frozenset[int] = frozenset()
    is_misconfigured: bool = False
    is_late: bool = False
    retry_after: float | None = None
    http_status: int | None = None
    error: str = ""
    sent_bytes: int = 0
