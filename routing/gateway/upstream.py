"""The provider's side of a request: send, read, close. The only place of the gateway that does so."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from config.lib.http_exchange import Exchange
from config.lib.http_pool import Origin
from config.lib.outbound import ForbiddenAddress, HttpPool, OutboundRules, open_pool
from routing.provider_failures import ProviderFailure
from routing.providers import UpstreamRequest

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024

PUBLIC_ONLY = OutboundRules()
FAILURES = (OSError, TimeoutError, ValueError)


class UpstreamFailed(Exception):
    """There is no answer, or no more of it; says so in the contract's vocabulary."""

    def __init__(self, failure: ProviderFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failed(message: str, *, kind: str = "provider_unavailable") -> UpstreamFailed:
    """A failure that another provider may not have."""
    return UpstreamFailed(ProviderFailure(kind, message, is_retryable=True))


class Response:
    """A provider's answer whose head has arrived."""

    __slots__ = ("_exchange", "_origin", "_pool", "status")

    def __init__(self, pool: HttpPool, exchange: Exchange, origin: Origin) -> None:
        self._pool = pool
        self._exchange = exchange
        self._origin = origin
        self.status = exchange.status

    @property
    def headers(self) -> dict[str, str]:
        """The headers, names in lower case."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._exchange.headers}

    async def read(self, limit: int = MAX_ANSWER_BYTES) -> bytes:
        """The whole body. Raises UpstreamFailed when it is cut off or larger than the limit."""
        chunks: list[bytes] = []
        size = 0
        while not self._exchange.is_read:
            chunk = await self.read_some()
            size += len(chunk)
            if size > limit:
                raise failed("The provider's answer is too large.")
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def read_error(self) -> bytes:
        """The beginning of an error's body; what cannot be read is not worth another error."""
        try:
            return await self.read(MAX_ERROR_BYTES)
        except UpstreamFailed:
            return b""

    async def read_some(self) -> bytes:
        """What has arrived, waiting for it; empty at the end. Raises UpstreamFailed when it is cut off."""
        try:
            return await self._exchange.read_some()
        except OSError as error:
            raise failed("The provider's connection broke off.") from error

    def release(self) -> None:
        """Let the connection go: kept when the answer was read to its end, closed otherwise."""
        self._pool.release(self._exchange, self._origin)

    def close(self) -> None:
        """Hang up, so that the provider stops."""
        self._exchange.abort()


class Upstream:
    """Connections to the operator's providers, and others to addresses that users wrote down, by the rules."""

    def __init__(self, rules: OutboundRules = PUBLIC_ONLY) -> None:
        self._pool = open_pool()
        self._steered = open_pool(rules=rules)

    async def send(self, request: UpstreamRequest, *, is_users_address: bool = False) -> Response:
        """Send a request and wait for the answer's head. Raises UpstreamFailed."""
        pool = self._steered if is_users_address else self._pool
        try:
            exchange, origin = await pool.send(request.method, request.url, request.headers, request.body)
        except ForbiddenAddress as error:
            raise failed("The endpoint's address may not be connected to from here.") from error
        except FAILURES as error:
            raise failed("The provider could not be reached.") from error
        return Response(pool, exchange, origin)

    def close_idle(self) -> None:
        """Close connections that nobody used for a while."""
        self._pool.close_idle()
        self._steered.close_idle()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()
        self._steered.close()


class PropagatingUpstream(Upstream):
    """Tells providers which trace a request belongs to; only where the operator wants that."""

    def __init__(self, rules: OutboundRules, trace_headers: Callable[[], dict[str, str]]) -> None:
        super().__init__(rules)
        self._trace_headers = trace_headers

    async def send(self, request: UpstreamRequest, *, is_users_address: bool = False) -> Response:
        """Send a request; what belongs to an organization's own address gets no word of ours."""
        if not is_users_address:
            request = replace(request, headers=request.headers | self._trace_headers())
        return await super().send(request, is_users_address=is_users_address)
