"""The only door out: who may be connected to, and the HTTP sessions that everything else is sent with (DESIGN §8).

Where a user can steer the address (credentials with a base URL, private endpoints, destinations, webhooks), every
address behind the name is checked and the connection goes to one that was. The operator's own catalog is trusted.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from config.lib.http_pool import HttpPool
from config.lib.outbound_rules import ForbiddenAddress, OutboundRules

__all__ = [
    "AnswerTooLong",
    "CallFailed",
    "ForbiddenAddress",
    "HttpPool",
    "NoAnswerInTime",
    "OutboundRules",
    "Reply",
    "Session",
    "open_pool",
    "open_session",
    "post",
    "post_form",
    "request",
]

Session: TypeAlias = aiohttp.ClientSession

CONNECT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 30.0
NAME_CACHE_SECONDS = 10
MAX_LINE_BYTES = 16 * 1024


class CheckingResolver(AbstractResolver):
    """Resolves names and lets only permitted addresses through; the connection is made to what it returns."""

    def __init__(self, rules: OutboundRules) -> None:
        self._rules = rules

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name, if every one of them is permitted. Raises ForbiddenAddress, OSError."""
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        addresses = [(kind, str(target[0])) for kind, _, _, _, target in found]
        if not addresses or not all(self._rules.permits(address) for _, address in addresses):
            raise ForbiddenAddress(host)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, address in addresses
        ]

    async def close(self) -> None:
        """Nothing is kept."""


class SteeredConnector(aiohttp.TCPConnector):
    """Connects only where the rules permit: literal addresses never reach a resolver and are checked here."""

    def __init__(self, rules: OutboundRules, connections_per_host: int) -> None:
        super().__init__(
            limit=0,
            limit_per_host=connections_per_host,
            resolver=CheckingResolver(rules),
            ttl_dns_cache=NAME_CACHE_SECONDS,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )
        self._rules = rules

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[aiohttp.tracing.Trace], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        """A connection for the request. Raises ForbiddenAddress."""
        self._rules.check_url(str(req.url))
        return await super().connect(req, traces, timeout)


def open_session(
    *, rules: OutboundRules | None = None, connections_per_host: int = 0
) -> aiohttp.ClientSession:
    """A client session for the running loop: no cookies, no proxy variables, no netrc, no overall timeout.

    With `rules` only permitted addresses are reached; without them it is for addresses that the operator set.
    Callers pass `allow_redirects=False` and bound what they read.
    """
    connector = (
        aiohttp.TCPConnector(
            limit=0,
            limit_per_host=connections_per_host,
            ttl_dns_cache=NAME_CACHE_SECONDS,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )
        if rules is None
        else SteeredConnector(rules, connections_per_host)
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        auto_decompress=False,  # nobody is asked to compress; a small answer must not become a large one
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
        headers={"Accept-Encoding": "identity", "User-Agent": "Headgate"},
    )


def open_pool(*, rules: OutboundRules | None = None) -> HttpPool:
    """The hot path's client for the running loop.

    With `rules` only permitted addresses are reached; without them it is for addresses that the operator set.
    """
    if rules is None:
        return HttpPool()
    resolver = CheckingResolver(rules)

    async def find(host: str, port: int) -> list[str]:
        return [entry["host"] for entry in await resolver.resolve(host, port, socket.AF_UNSPEC)]

    return HttpPool(find)


class CallFailed(Exception):
    """No answer came: forbidden, unreachable, too slow or too long."""


class AnswerTooLong(CallFailed):
    """The other side answers with more than we read."""


class NoAnswerInTime(CallFailed):
    """The other side was reached, and took longer than we wait."""


FAULTS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (TimeoutError, "no answer in time"),
    (aiohttp.ClientSSLError, "no secure connection can be made"),
    (aiohttp.ClientConnectorDNSError, "the name leads nowhere"),
    (aiohttp.ClientConnectorError, "no connection can be made"),
    ((aiohttp.ClientResponseError, aiohttp.ClientPayloadError), "what came was no HTTP answer"),
    (ValueError, "this cannot be asked for"),
)


@dataclass(frozen=True)
class Reply:
    """What the other side answered; header names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def post_form(
    url: str,
    fields: Mapping[str, str],
    *,
    headers: Mapping[str, str],
    rules: OutboundRules,
    seconds: float = 15,
    most_bytes: int = 1 << 20,
) -> Reply:
    """Post a form from the control plane, which is synchronous, and read the answer; no redirect is followed.

    Raises CallFailed.
    """
    return _posted(url, fields, headers, rules, seconds, most_bytes)


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    rules: OutboundRules | None,
    seconds: float = 15,
    most_bytes: int = 1 << 20,
) -> Reply:
    """Post a body, as `post_form` a form; without `rules` to an address that the operator set. Raises CallFailed."""
    return _posted(url, body, headers, rules, seconds, most_bytes)


def _posted(
    url: str,
    data: Mapping[str, str] | bytes,
    headers: Mapping[str, str],
    rules: OutboundRules | None,
    seconds: float,
    most_bytes: int,
) -> Reply:
    return asyncio.run(_post(url, data, headers, rules, seconds, most_bytes))


async def request(
    session: Session,
    url: str | URL,
    body: bytes | Mapping[str, str] | None = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float,
    most_bytes: int,
    connect_seconds: float = CONNECT_SECONDS,
    is_cut: bool = False,
) -> Reply:
    """GET an address, or POST a body (a mapping is a form), and read the answer; no redirect is followed.

    `is_cut`: of an answer that is too long the beginning is enough.

    Raises CallFailed, whatever went wrong.
    """
    how = method or ("GET" if body is None else "POST")
    connecting = aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)
    try:
        async with (
            asyncio.timeout(seconds),
            session.request(
                how, url, data=body, headers=headers, allow_redirects=False, timeout=connecting
            ) as response,
        ):
            names = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, await _bounded(response, most_bytes, is_cut), names)
    except (aiohttp.ClientError, OSError, ValueError) as error:  # OSError: forbidden and timed out, too
        # aiohttp's own time-outs are those of connecting.
        is_late = isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ServerTimeoutError)
        raise (NoAnswerInTime if is_late else CallFailed)(_told(error)) from error


def _told(error: BaseException) -> str:
    """What went wrong, in words of ours: aiohttp's quote addresses behind names, and bytes of what was no answer."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ForbiddenAddress):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    for kinds, text in FAULTS:
        if isinstance(error, kinds):
            return text
    return "the connection was lost"


async def _bounded(response: aiohttp.ClientResponse, most_bytes: int, is_cut: bool) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most_bytes:
            if not is_cut:
                raise AnswerTooLong("the answer is too long")
            response.close()
            break
    return bytes(body[:most_bytes])


async def _post(
    url: str,
    data: Mapping[str, str] | bytes,
    headers: Mapping[str, str],
    rules: OutboundRules | None,
    seconds: float,
    most_bytes: int,
) -> Reply:
    async with open_session(rules=rules) as session:
        return await request(session, url, data, headers=headers, seconds=seconds, most_bytes=most_bytes)
