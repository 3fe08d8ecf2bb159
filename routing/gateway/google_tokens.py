"""Access tokens of Google service accounts: exchanged once, renewed in the background, and kept in memory alone.

A request waits for an exchange only where there is no token yet; everybody who needs the same one waits for the same.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import replace

from config.lib.google_sign_in import TOKEN_URI
from routing.catalog_snapshot import EndpointEntry, ServedBy
from routing.credential_formats import UnusableCredential
from routing.gateway.upstream import Upstream, UpstreamFailed
from routing.provider_failures import ProviderFailure
from routing.providers.google_auth import AccessToken, ServiceAccount, read_token, token_request
from routing.providers.vertex import Vertex
from routing.providers.wire_format import Misconfigured, UpstreamRequest

EXCHANGE_SECONDS = 10.0
REFUSED_SECONDS = 5.0
"""How long what Google said of an account is believed; nobody makes us ask for it with every request."""
RENEWAL_SECONDS = 60.0
"""A token is not renewed more often than that, however early it ends."""
MOST_ACCOUNTS = 5_000
MAX_TOKEN_BYTES = 64 * 1024
SLOW = ProviderFailure(
    "timeout", "The provider did not sign in the service account in time.", is_retryable=True
)

_VERTEX = Vertex()


class Account:
    """A service account and what is known of its token. Its credential is never shown."""

    __slots__ = ("account", "exchange", "failure", "retry_at", "token")

    def __init__(self, account: ServiceAccount) -> None:
        self.account = account
        self.token: AccessToken | None = None
        self.failure: ProviderFailure | None = None
        self.retry_at = 0.0
        self.exchange: asyncio.Task[None] | None = None


class GoogleTokens:
    """The tokens of one process. Belongs to the event loop's thread; `address` is Google's but for tests."""

    def __init__(
        self,
        upstream: Upstream,
        address: str = TOKEN_URI,
        *,
        renewal_seconds: float = RENEWAL_SECONDS,
    ) -> None:
        self._upstream = upstream
        self._address = address
        self._renewal_seconds = renewal_seconds
        self._accounts: OrderedDict[str, Account] = OrderedDict()

    @staticmethod
    def are_needed(provider: ServedBy) -> bool:
        """Whether requests to the provider carry a token instead of its credential."""
        return provider.wire_format == _VERTEX.slug and provider.credential.lstrip().startswith("{")

    async def signed_in(self, endpoint: EndpointEntry) -> EndpointEntry:
        """The endpoint with a token in its credential's place. Raises CannotAsk, UpstreamFailed."""
        provider = endpoint.provider
        known = self._account(provider)
        now = time.time()
        if known.token is None or now >= known.token.expires_at:
            await asyncio.shield(self._exchange(known, now))
        elif known.token.is_stale(now) and now >= known.retry_at:
            self._exchange(known, now)
        if known.token is None or time.time() >= known.token.expires_at:
            raise UpstreamFailed(known.failure or SLOW)
        return replace(endpoint, provider=_VERTEX.signed_in(provider, known.account, known.token))

    def _account(self, provider: ServedBy) -> Account:
        known = self._accounts.get(provider.credential)
        if known is None:
            try:
                account = _VERTEX.needed_token(provider)
            except UnusableCredential:
                account = None
            if account is None:
                raise Misconfigured("The service account for Google Vertex is not usable")
            known = self._accounts[provider.credential] = Account(account)
            while len(self._accounts) > MOST_ACCOUNTS:
                self._accounts.popitem(last=False)
        self._accounts.move_to_end(provider.credential)
        return known

    def _exchange(self, known: Account, now: float) -> asyncio.Task[None]:
        """The exchange that is under way, or a new one; what failed a moment ago is not tried again at once."""
        if known.exchange is None or (known.exchange.done() and now >= known.retry_at):
            known.exchange = asyncio.create_task(self._renew(known))
        return known.exchange

    async def _renew(self, known: Account) -> None:
        found: AccessToken | ProviderFailure
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                request = await asyncio.to_thread(token_request, known.account, time.time())
                found = await self._ask(request)
        except UnusableCredential:
            found = Misconfigured("The service account's key is none that can be used").failure
        except UpstreamFailed as error:
            found = error.failure
        except TimeoutError:
            found = SLOW
        if isinstance(found, AccessToken):
            soon = time.time() + self._renewal_seconds
            known.token, known.failure, known.retry_at = found, None, min(soon, found.expires_at)
        else:
            known.failure, known.retry_at = found, time.time() + REFUSED_SECONDS

    async def _ask(self, request: UpstreamRequest) -> AccessToken | ProviderFailure:
        sent = UpstreamRequest(self._address, request.headers, request.body)
        response = await self._upstream.send(sent)
        try:
            body = await response.read(MAX_TOKEN_BYTES)
        finally:
            response.release()
        return read_token(response.status, body, time.time())
