"""Requests and tokens in the running minute and requests at once, of whoever has a limit on them (SPEC §4).

Counted in this process. The decision judges them; only an organization's fair share of the process is judged here.
"""

from __future__ import annotations

import time
from types import TracebackType

from routing.call import Call
from routing.decision import NO_BALANCES, UNUSED, Balances, RateUse
from routing.errors import Refusal, unavailable
from routing.gateway.client import RefusedError
from routing.policy import NO_LIMITS, Policy

MINUTE = 60.0


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
        ("member", principal.member_id or 0, policy.member_rates),
        ("workspace", principal.workspace_id, policy.workspace_rates),
        ("organization", principal.organization_id, policy.organization_rates),
    )
    return tuple((layer, identifier) for layer, identifier, limits in scopes if limits != NO_LIMITS)


class Counting:
    """A block in which one request counts."""

    __slots__ = ("_organization", "_rates", "_scopes", "_tokens")

    def __init__(
        self, rates: Rates, organization: int, scopes: tuple[tuple[str, int], ...], tokens: int
    ) -> None:
        self._rates, self._organization = rates, organization
        self._scopes, self._tokens = scopes, tokens

    def __enter__(self) -> None:
        self._rates.enter(self._organization, self._scopes, self._tokens)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._rates.leave(self._organization, self._scopes)


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
            member=uses.get("member", UNUSED),
            workspace=uses.get("workspace", UNUSED),
            organization=uses.get("organization", UNUSED),
        )

    def counting(self, policy: Policy, scopes: tuple[tuple[str, int], ...], call: Call) -> Counting:
        """Count the request within a block. Raises RefusedError past the organization's fair share."""
        return Counting(self, policy.principal.organization_id, scopes, call.prompt_tokens)

    def enter(self, organization: int, scopes: tuple[tuple[str, int], ...], tokens: int) -> None:
        """Count a request that begins. Raises RefusedError."""
        running = self._organizations.get(organization, 0)
        self._check_share(running)
        self.concurrent += 1
        self._organizations[organization] = running + 1
        for scope in scopes:
            self._meters.setdefault(scope, Meter()).enter(tokens, time.time())

    def leave(self, organization: int, scopes: tuple[tuple[str, int], ...]) -> None:
        """Count a request that is over."""
        self.concurrent -= 1
        left = self._organizations[organization] - 1
        if left:
            self._organizations[organization] = left
        else:
            del self._organizations[organization]
        for scope in scopes:
            self._meters[scope].concurrent -= 1

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
            scope for scope, meter in self._meters.items() if meter.minute < minute and not meter.concurrent
        ]
        for scope in idle:
            del self._meters[scope]
