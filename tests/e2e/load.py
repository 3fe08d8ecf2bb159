"""Many requests at once, against a running stack."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import aiohttp


async def _send(session: aiohttp.ClientSession, url: str, key: str, body: dict[str, Any]) -> int:
    async with session.post(url, json=body, headers={"Authorization": f"Bearer {key}"}) as answer:
        await answer.read()
        return answer.status


async def _send_all(url: str, key: str, body: dict[str, Any], count: int) -> list[int]:
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        return await asyncio.gather(*(_send(session, url, key, body) for _ in range(count)))


def send_at_once(base: str, key: str, body: dict[str, Any], count: int) -> Counter[int]:
    """Send the same request so many times in parallel, each on its own connection; how often each status came."""
    return Counter(asyncio.run(_send_all(f"{base}/chat/completions", key, body, count)))
