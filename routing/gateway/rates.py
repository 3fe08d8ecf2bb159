"""Requests and tokens in the running minute and requests at once, of whoever has a limit on them (SPEC §4).

Counted in this process. The decision judges them; only an organization's fair share of the process is judged here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from routing.call import Call
from routing.decision import NO_BALANCES, UNUSED, Balances, RateUse
from routing.errors import Refusal, unavailable
from routing.gateway.client import RefusedError
from routing.policy import Policy, RateLimits

MINUTE = 60.0
NO_LIMITS = RateLimits()


class Meter:
    """What one scope has used."""

    __slots__ = ("concurrent", "minute", "requests", "tokens")

    def __init__(self) -> None:
        self.minute = self.requests = self.tokens = self.concurrent = 0

    def use(self, now: float) -> RateUse:
        """What is used by now."""
        is_current = self.minute == int(now // MINUTE)
        return RateUse(
            self.requests if is_current else 0,
            self.tokens if is_current else 0,
            self.concurrent,
            MINUTE - now % MINUTE,
        )

    def enter(self, tokens: int, now: float) -> None:
        """Count a request that begins."""
        minute = int(now // MINUTE)
        if minute != self.minute:
            self.minute, self.requests, self.tokens = minute, 0, 0
        self.requests += 1
        self.tokens += tokens
        self.concurrent += 1


def rated_scopes(policy: Policy) -> tuple[tuple[str, int], ...]:
    """The scopes of a policy that have any rate limit: (layer, id)."""
    principal = policy.principal
    scopes = (
        ("key", principal.api_key_id or 0, policy.key_rates),
        ("workspace", principal.workspace_id, policy.workspace_rates),
        ("organization", principal.organization_id, policy.organization_rates),
    )
    return tuple((layer, identifier) for layer, identifier, limits in scopes if limits != NO_LIMITS)


class Rates:
    """The process's counters."""

    def __init__(self, *, max_concurrency: int, organization_share: float) -> None:
        self.concurrent = 0
        self._most = max_concurrency
        self._most_of_organization = max(1, int(max_concurrency * organization_share))
        self._meters: dict[tuple[str, int], Meter] = {}
        self._organizations: dict[int, int] = {}

    def balances(self, scopes: tuple[tuple[str, int], ...]) -> Balances:
        """What the decision judges."""
        if not scopes:
            return NO_BALANCES
        now = time.time()
        uses = {scope[0]: meter.use(now) for scope in scopes if (meter := self._meters.get(scope))}
        return Balances(
            key=uses.get("key", UNUSED),
            workspace=uses.get("workspace", UNUSED),
            organization=uses.get("organization", UNUSED),
        )

    @contextmanager
    def counting(self, policy: Policy, scopes: tuple[tuple[str, int], ...], call: Call) -> Iterator[None]:
        """Count the request from its admission to its end. Raises RefusedError past the fair share."""
        organization = policy.principal.organization_id
        running = self._organizations.get(organization, 0)
        self._check_share(running)
        self.concurrent += 1
        self._organizations[organization] = running + 1
        meters = [self._meters.setdefault(scope, Meter()) for scope in scopes]
        for meter in meters:
            meter.enter(call.prompt_tokens, time.time())
        try:
            yield
        finally:
            self.concurrent -= 1
            self._leave(organization)
            for meter in meters:
                meter.concurrent -= 1

    def _check_share(self, running: int) -> None:
        if self.concurrent >= self._most:
            raise RefusedError(unavailable("Headgate is serving as many requests as it can."))
        if running >= self._most_of_organization:
            message = "Rate limit exceeded: too many concurrent requests of this organization."
            headers = (("X-RateLimit-Limit", str(self._most_of_organization)), ("X-RateLimit-Remaining", "0"))
            raise RefusedError(
                Refusal(429, "rate_limit_exceeded", message, "fair_share", "organization", 1, headers=headers)
            )

    def _leave(self, organization: int) -> None:
        left = self._organizations[organization] - 1
        if left:
            self._organizations[organization] = left
        else:
            del self._organizations[organization]

    def forget_idle(self) -> None:
        """Drop the counters of minutes that are over."""
        minute = int(time.time() // MINUTE)
        idle = [
            scope for scope, meter in self._meters.items() if meter.minute < minute and not meter.concurrent
        ]
        for scope in idle:
            del self._meters[scope]
