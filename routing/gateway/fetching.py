"""Reads what is behind an address that a model named: redirects by hand, each hop checked, everything bounded.

What the outbound rules forbid, what is not there and what does not answer are told in the same words, so that nobody
can map a network by asking.
"""

from __future__ import annotations

import asyncio
import zlib
from urllib.parse import urljoin

from yarl import URL

from config.lib.outbound import AnswerTooLong, CallFailed, Reply, Session, request
from routing.plugins.bench import Failed
from routing.plugins.search.domains import checked_address
from routing.tools.tool import Fetched, MayGo, anywhere

MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
ACCEPT = "text/html,application/xhtml+xml,application/pdf;q=0.9,text/*;q=0.9,application/json;q=0.9,*/*;q=0.1"
WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}

UNREADABLE = "its address cannot be read"
COMPRESSED = "its answer is compressed in a way that nobody asked for"


async def fetch(
    session: Session, url: str, *, most_bytes: int, may_go: MayGo = anywhere, seconds: float
) -> Fetched:
    """What an address, and where it redirects to, answers, of whatever status; all hops together in time.

    The session's rules say who may be connected to, `may_go` which addresses the caller wants. Raises Failed.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    address = checked_address(url, may_go)
    for _ in range(MOST_REDIRECTS + 1):
        got = await _get(session, address, most_bytes, until - loop.time())
        target = got.headers.get("location")
        if got.status not in REDIRECTS or not target:
            return Fetched(address, got.status, got.headers, _plain(got, most_bytes))
        address = checked_address(_joined(address, target), may_go)
    raise Failed("its address redirects too often")


def _joined(address: str, target: str) -> str:
    try:
        return urljoin(address, target.strip())
    except ValueError:
        raise Failed(UNREADABLE) from None


async def _get(session: Session, address: str, most_bytes: int, seconds: float) -> Reply:
    try:
        return await request(
            session,
            URL(address, encoded=True),
            headers={"accept": ACCEPT},
            seconds=max(seconds, 0),
            most_bytes=most_bytes,
        )
    except AnswerTooLong:
        raise Failed(f"it has more than {most_bytes} bytes") from None
    except CallFailed:
        raise Failed(UNREADABLE) from None


def _plain(got: Reply, most_bytes: int) -> bytes:
    """The body, unpacked within bounds where a server packs it although nobody asked it to. Raises Failed."""
    encoding = got.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity") or not got.body:
        return got.body
    if encoding not in WINDOWS:
        raise Failed(COMPRESSED)
    unpacking = zlib.decompressobj(WINDOWS[encoding])
    try:
        body = unpacking.decompress(got.body, most_bytes + 1)
    except zlib.error:
        raise Failed(COMPRESSED) from None
    if len(body) > most_bytes:
        raise Failed(f"it has more than {most_bytes} bytes")
    return body
