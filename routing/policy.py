"""A principal's policy: what governs every request made with one key, as one frozen value (DESIGN §4).

Compiled by routing.policies from the database; read by `decide`. It names the versions it was made from, so that
a gateway knows when it is no longer true.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PurseLimit:
    """A purse that a request has to be paid from, and the limit that stands behind it.

    `layer` names who refuses when it is empty: `credits` (402) and `key` (402) for now; later guardrails and
    workspace budgets (403). `limit_nano` None: the purse only counts.
    """

    purse_id: int
    interval: str
    is_strict: bool
    layer: str
    limit_nano: int | None
    counts_byok: bool = False


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests and tokens per minute and requests at once; None: no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_requests: int | None = None


NO_LIMITS = RateLimits()


@dataclass(frozen=True, slots=True)
class ScopeVersion:
    """One version that a policy was compiled from: ('workspace', 7) at 12."""

    kind: str
    object_id: int
    value: int


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: ids only. `kind` is `api_key`, `management_key` or `nobody`; members come with the chat room.

    `secret` numbers the secret that was sent, where the key has several; what is used with it is booked with it.
    """

    kind: str
    organization_id: int = 0
    workspace_id: int = 0
    api_key_id: int | None = None
    member_id: int | None = None
    key_hash: str = ""
    secret: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What governs a principal's requests. `refusal` is set when nothing at all is allowed.

    `refusal` is one of `disabled`, `deleted`, `owner_left`, `workspace_deleted`, `organization_deleted`: all of
    them answer 401, as an unknown key does.
    """

    principal: Principal
    subjects: tuple[int, ...]
    purses: tuple[PurseLimit, ...]
    versions: tuple[ScopeVersion, ...]
    refusal: str | None = None
    expires_at: datetime | None = None
    key_rates: RateLimits = NO_LIMITS
    workspace_rates: RateLimits = NO_LIMITS
    organization_rates: RateLimits = NO_LIMITS
    default_text_model: str | None = None
    default_provider_sort: str | None = None
