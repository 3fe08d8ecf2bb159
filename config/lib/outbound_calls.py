"""A single HTTP call out of the control plane, which is synchronous, through the one door out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from config.lib.outbound import OutboundRules, open_session


class CallFailed(Exception):
    """No answer came: forbidden, unreachable, too slow or too long."""


@dataclass(frozen=True)
class Reply:
    """What the other side answered."""

    status: int
    body: bytes


def post_form(
    url: str,
    fields: Mapping[str, str],
    *,
    headers: Mapping[str, str],
    rules: OutboundRules,
    seconds: float = 15,
    most_bytes: int = 1 << 20,
) -> Reply:
    """Post a form and read the answer; redirects are not followed. Raises CallFailed."""
    try:
        return asyncio.run(_post(url, fields, headers, rules, seconds, most_bytes))
    except (aiohttp.ClientError, OSError, ValueError) as error:  # OSError: forbidden and timed out, too
        raise CallFailed(str(error) or type(error).__name__) from error


async def _post(
    url: str,
    fields: Mapping[str, str],
    headers: Mapping[str, str],
    rules: OutboundRules,
    seconds: float,
    most_bytes: int,
) -> Reply:
    async with (
        asyncio.timeout(seconds),
        open_session(rules=rules) as session,
        session.post(url, data=fields, headers=headers, allow_redirects=False) as response,
    ):
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > most_bytes:
                raise CallFailed("the answer is too long")
        return Reply(response.status, bytes(body))
