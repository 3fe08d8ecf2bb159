"""A gateway process of its own that makes requests on purses and prints what became of them, as JSON."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import uuid

import psycopg

from tests.workspaces.lease_world import NoFence
from workspaces.leases import Admitted, Leases, PurseSpec


async def work(
    url: str, specs: list[PurseSpec], count: int, hold: int, cost: int, seed: int
) -> dict[str, int]:
    """Make so many requests at once; return how many ended in which way."""
    draw = random.Random(seed)

    async def connect() -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(url, autocommit=True)

    leases = Leases(process_id=uuid.uuid4(), host="test", connect=connect, fence=NoFence())
    await leases.start()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

    async def request() -> str:
        holds = [(leases.purse(spec), hold) for spec in specs]
        await asyncio.sleep(draw.random() * 0.05)
        result = await leases.admit(holds)
        if isinstance(result, Admitted):
            await asyncio.sleep(draw.random() * 0.05)
            leases.settle(result, [cost] * len(holds))
        return type(result).__name__

    results = await asyncio.gather(*(request() for _ in range(count)))
    await leases.close()
    return {name: results.count(name) for name in set(results)}


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    task["specs"] = [PurseSpec(*spec) for spec in task["specs"]]
    print(json.dumps(asyncio.run(work(**task))))
