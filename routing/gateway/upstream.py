"""The provider's side of a request: send, read, close. The only place of the gateway that does so."""

from __future__ import annotations

import aiohttp

from config.lib.outbound import open_session
from routing.errors import ProviderFailure
from routing.providers import UpstreamRequest

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_ERROR_BYTES = 64 * 1024
CONNECTIONS_PER_HOST = 4096

FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ValueError)


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

    __slots__ = ("_response", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status

    @property
    def headers(self) -> dict[str, str]:
        """The headers, names in lower case."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    async def read(self, limit: int = MAX_ANSWER_BYTES) -> bytes:
        """The whole body. Raises UpstreamFailed when it is cut off or larger than the limit."""
        length = self._response.content_length
        if length is not None and length > limit:
            raise failed("The provider's answer is too large.")
        chunks: list[bytes] = []
        size = 0
        while chunk := await self.read_some():
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
            return await self._response.content.readany()
        except FAILURES as error:
            raise failed("The provider's connection broke off.") from error

    def release(self) -> None:
        """Let the connection go: kept when the answer was read to its end, closed otherwise."""
        self._response.release()

    def close(self) -> None:
        """Hang up, so that the provider stops."""
        self._response.close()


class Upstream:
    """Connections to the operator's providers."""

    def __init__(self) -> None:
        self._session = open_session(connections_per_host=CONNECTIONS_PER_HOST)

    async def send(self, request: UpstreamRequest) -> Response:
        """Send a request and wait for the answer's head. Raises UpstreamFailed."""
        try:
            response = await self._session.request(
                request.method, request.url, headers=request.headers, data=request.body, allow_redirects=False
            )
        except FAILURES as error:
            raise failed("The provider could not be reached.") from error
        return Response(response)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
