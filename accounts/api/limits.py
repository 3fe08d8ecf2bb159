"""How often the management API may be called: per key, and with unknown keys per address.

A middleware, because counting must not be part of the request's transaction. Only a key that was accepted here lately
is counted, so that unknown ones leave no rows; its first request to a process is free. It is let in even while its
address is shut out: others may share that. One statement a request either way. The gateway's routes never come here.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_network

from django.http import HttpRequest, HttpResponseBase

from config.lib.api import client_address, sent_keys
from config.lib.api_errors import ApiError, as_response
from config.lib.environment import environment
from config.lib.keys import hash_of
from config.lib.shared import MinuteCounters

PREFIX = "/api/v1/"
NETWORK_BITS = 64
"""What one subscriber is given of IPv6."""


class RecentKeys:
    """Hashes of keys that were accepted lately, the newest so many of them."""

    MOST, SECONDS = 10_000, 600.0

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return self._until.get(digest, 0.0) > time.monotonic()

    def remember(self, digest: str) -> None:
        """The key was accepted."""
        self._until[digest] = time.monotonic() + self.SECONDS
        self._until.move_to_end(digest)
        while len(self._until) > self.MOST:
            self._until.popitem(last=False)

    def forget(self, digest: str) -> None:
        """The key was refused."""
        self._until.pop(digest, None)


class ManagementLimitMiddleware:
    """Answers 429 where a limit of the minute is used up. `accounts.api.views` says whether a key was accepted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._counters, self._recent = MinuteCounters(), RecentKeys()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        digest = _digest(request)
        if digest is None:
            return self.get_response(request)
        refusal = self._over_limit(digest) if digest in self._recent else self._shut_out(request)
        if refusal is not None:
            return as_response(refusal)
        response = self.get_response(request)
        is_accepted = getattr(request, "is_key_accepted", None)
        if is_accepted:
            self._recent.remember(digest)
        elif is_accepted is False:
            self._refused(request, digest)
        return response

    def _over_limit(self, digest: str) -> ApiError | None:
        limit = environment().management_requests_per_minute
        if not limit or self._counters.count(_of_key(digest)) <= limit:
            return None
        return self._refusal("Rate limit exceeded: too many requests with this key.", limit)

    def _shut_out(self, request: HttpRequest) -> ApiError | None:
        limit, address = environment().failed_keys_per_minute, _of_address(request)
        if not limit or address is None or self._counters.counted(address) < limit:
            return None
        return self._refusal("Rate limit exceeded: too many unknown keys from this address.", limit)

    def _refused(self, request: HttpRequest, digest: str) -> None:
        self._recent.forget(digest)
        address = _of_address(request)
        if address is not None and environment().failed_keys_per_minute:
            self._counters.count(address)

    def _refusal(self, message: str, limit: int) -> ApiError:
        wait = str(self._counters.seconds_left())
        return ApiError(
            429,
            message,
            metadata={"error_type": "rate_limit_exceeded"},
            headers={
                "Retry-After": wait,
                "X-RateLimit-Limit": str(limit),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": wait,
            },
        )


def _digest(request: HttpRequest) -> str | None:
    """The hash of the key that a request to the API carries; two different ones are refused by the view."""
    if not request.path.startswith(PREFIX):
        return None
    try:
        secrets = sent_keys(request)
    except ApiError:
        return None
    return hash_of(secrets.pop()) if secrets else None


def _of_key(digest: str) -> str:
    return f"key:{digest}"


def _of_address(request: HttpRequest) -> str | None:
    """Whoever is behind an address: of IPv6 a whole network, because a subscriber has all of its addresses."""
    address = client_address(request)
    if address is None or ":" not in address:
        return address and f"address:{address}"
    return f"address:{ip_network((address, NETWORK_BITS), strict=False).network_address}"
