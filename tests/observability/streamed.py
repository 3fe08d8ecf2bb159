"""A streamed answer, read to its end."""

from __future__ import annotations

import asyncio
from typing import Any


def body_of(answer: Any) -> str:
    """The whole text, as a client gets it."""
    assert answer.status_code == 200

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return asyncio.run(whole()).decode()
