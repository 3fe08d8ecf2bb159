"""Requests and tokens in the running minute and requests at once, of whoever has a limit on them (SPEC §4).

Counted in this process, and what other processes count of the same minute is added as it is heard of
(routing.gateway.rate_exchange). The decision judges them; only an organization's fair share of the process is
judged here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, TypeAlias

from routing.call import Call
from routing.decision import NO_BALANCES, UNUSED, Balances, RateUse
from routing.errors import Refusal, unavailable
from routing.gateway.client import RefusedError
from routing.policy import NO_LIMITS, Policy, RateLimits

MINUTE = 60.0
DAY_MINUTES = 1440
FREE_DAY = "free_day"
EAGER_SHARE = 10
"""Others hear at once of a tenth of a limit."""

Scope: TypeAlias = tuple[str, int]
"""A layer and the id of whoever is limited there."""
Rated: TypeAlias = tuple[tuple[Scope, RateLimits], ...]


class Count(NamedTuple):
    """Requests and tokens of a scope in a minute (since 1970)."""

    scope: Scope
    minute: int
    requests: int
    tokens: int


class Meter:
    """What one scope has used: `told` of it are known to other processes, `others` is theirs."""

    __slots__ = (
        "concurrent",
        "minute",
        "minutes",
        "others",
        "others_tokens",
        "requests",
        "tokens",
        "told",
        "told_tokens",
    )

    def __init__(self, minutes: int = 1) -> None:
        self.concurrent = 0
        self.minutes = minutes
        self._begin(0)

    def _begin(self, minute: int) -> None:
        self.minute = minute
        self.requests = self.tokens = self.told = self.told_tokens = self.others = self.others_tokens = 0

    def minute_at(self, now: float) -> int:
        """With which minute the time began that is counted together: this one, or the UTC day's first."""
        return int(now // MINUTE) // self.minutes * self.minutes

    def use(self, now: float) -> RateUse:
        """What is used by now."""
        is_current = self.minute == self.minute_at(now)
        return RateUse(
            self.requests + self.others if is_current else 0,
            self.tokens + self.others_tokens if is_current else 0,
            self.concurrent,
            MINUTE * self.minutes - now % (MINUTE * self.minutes),
        )

    def enter(self, tokens: int, now: float) -> None:
        """Count a request that begins."""
        minute = self.minute_at(now)
        if minute != self.minute:
            self._begin(minute)
        self.requests += 1
        self.tokens += tokens
        self.concurrent += 1

    def is_urgent(self, limits: RateLimits) -> bool:
        """Whether others should hear of it at once: a first request, or much of a limit."""
        untold = self.requests - self.told
        return (
            not self.told
            or untold * EAGER_SHARE >= (limits.requests_per_minute or untold * EAGER_SHARE + 1)
            or (self.tokens - self.told_tokens) * EAGER_SHARE
            >= (limits.tokens_per_minute or self.tokens * 99 + 1)
        )

    def tell(self) -> tuple[int, int]:
        """What others have not heard of yet; they are taken to hear of it now."""
        untold = self.requests - self.told, self.tokens - self.told_tokens
        self.told, self.told_tokens = self.requests, self.tokens
        return untold

    def hear(self, requests: int, tokens: int) -> None:
        """Take in what all processes together had told of this minute, this one included."""
        self.others = max(0, requests - self.told)
        self.others_tokens = max(0, tokens - self.told_tokens)


def rated_scopes(policy: Policy) -> Rated:
    """The scopes of a policy that have any rate limit, with it."""
    principal = policy.principal
    scopes = (
        (("key", principal.api_key_id or 0), policy.key_rates),
        (("member", principal.member_id or 0), policy.member_rates),
        (("workspace", principal.workspace_id), policy.workspace_rates),
        (("organization", principal.organization_id), policy.organization_rates),
    )
    return tuple((scope, limits) for scope, limits in scopes if limits != NO_LIMITS)


def free_scopes(policy: Policy) -> Rated:
    """The scopes that a request to a free model counts in, too: the organization's, by the minute and by the day."""
    organization, free = policy.principal.organization_id, policy.free_rates
    scopes = (("free", free.requests_per_minute), (FREE_DAY, free.requests_per_day))
    return tuple(((layer, organization), RateLimits(most)) for layer, most in scopes if most is not None)


class Counting:
    """A block in which one request counts."""

    __slots__ = ("_organization", "_rated", "_rates", "_tokens")

    def __init__(self, rates: Rates, organization: int, rated: Rated, tokens: int) -> None:
        self._rates, self._organization = rates, organization
        self._rated, self._tokens = rated, tokens

    def __enter__(self) -> None:
        self._rates.enter(self._organization, self._rated, self._tokens)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._rates.leave(self._organization, self._rated)


class Rates:
    """The process's counters. Belongs to the event loop's thread; `news` is set when others should hear at once."""

    def __init__(self, *, max_concurrency: int, organization_share: float) -> None:
        self.concurrent = 0
        self.news = asyncio.Event()
        self._most = max_concurrency
        self._most_of_organization = max(1, int(max_concurrency * organization_share))
        self._meters: dict[Scope, Meter] = {}
        self._organizations: dict[int, int] = {}

    def balances(self, rated: Rated) -> Balances:
        """What the decision judges."""
        if not rated:
            return NO_BALANCES
        now = time.time()
        uses = {scope[0]: meter.use(now) for scope, _ in rated if (meter := self._meters.get(scope))}
        return Balances(
            key=uses.get("key", UNUSED),
            member=uses.get("member", UNUSED),
            workspace=uses.get("workspace", UNUSED),
            organization=uses.get("organization", UNUSED),
            free=uses.get("free", UNUSED),
            free_day=uses.get(FREE_DAY, UNUSED),
        )

    def counting(self, policy: Policy, rated: Rated, call: Call) -> Counting:
        """Count the request within a block. Raises RefusedError past the organization's fair share."""
        return Counting(self, policy.principal.organization_id, rated, call.prompt_tokens)

    def enter(self, organization: int, rated: Rated, tokens: int) -> None:
        """Count a request that begins. Raises RefusedError."""
        running = self._organizations.get(organization, 0)
        self._check_share(running)
        self.concurrent += 1
        self._organizations[organization] = running + 1
        for scope, limits in rated:
            meter = self._meter(scope)
            meter.enter(tokens, time.time())
            if meter.is_urgent(limits):
                self.news.set()

    def count(self, rated: Iterable[tuple[Scope, RateLimits]]) -> None:
        """Count a request in more scopes than it entered, once it is known that it concerns them."""
        now = time.time()
        for scope, _ in rated:
            meter = self._meter(scope)
            meter.enter(0, now)
            meter.concurrent -= 1
            self.news.set()

    def _meter(self, scope: Scope) -> Meter:
        meter = self._meters.get(scope)
        if meter is None:
            meter = self._meters[scope] = Meter(DAY_MINUTES if scope[0] == FREE_DAY else 1)
        return meter

    def leave(self, organization: int, rated: Rated) -> None:
        """Count a request that is over."""
        self.concurrent -= 1
        left = self._organizations[organization] - 1
        if left:
            self._organizations[organization] = left
        else:
            del self._organizations[organization]
        for scope, _ in rated:
            self._meters[scope].concurrent -= 1

    def tell(self) -> list[Count]:
        """What happened in this minute and others have not heard of; scopes with nothing new are asked about, too."""
        now = time.time()
        current = [
            (scope, meter) for scope, meter in self._meters.items() if meter.minute == meter.minute_at(now)
        ]
        return [Count(scope, meter.minute, *meter.tell()) for scope, meter in current]

    def hear(self, totals: Iterable[Count]) -> None:
        """Take in the counts of all processes together."""
        for total in totals:
            meter = self._meters.get(total.scope)
            if meter is not None and meter.minute == total.minute:
                meter.hear(total.requests, total.tokens)

    def _check_share(self, running: int) -> None:
        if self.concurrent >= self._most:
            raise RefusedError(unavailable("Headgate is serving as many requests as it can."))
        if running >= self._most_of_organization:
            message = "Rate limit exceeded: too many concurrent requests of this organization."
            headers = (("X-RateLimit-Limit", str(self._most_of_organization)), ("X-RateLimit-Remaining", "0"))
            raise RefusedError(
                Refusal(429, "rate_limit_exceeded", message, "fair_share", "organization", 1, headers=headers)
            )

    def forget_idle(self) -> None:
        """Drop the counters of minutes that are over."""
        minute = int(time.time() // MINUTE)
        idle = [
            scope
            for scope, meter in self._meters.items()
            if meter.minute + meter.minutes <= minute and not meter.concurrent
        ]
        for scope in idle:
            del self._meters[scope]
