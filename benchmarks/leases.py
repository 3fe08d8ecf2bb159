"""How long admission in memory takes: `python -m benchmarks.leases` prints microseconds per request."""

from __future__ import annotations

import asyncio
import statistics
import time
import tracemalloc
import uuid

from workspaces.lease_calls import Connection
from workspaces.leases import Leases, LocalPurse, PurseSpec
from workspaces.local_purse import Answer, Call
from workspaces.windows import LIFETIME_ENDS_AT

PURSES = 6
REQUESTS = 50_000
ROUNDS = 7
LEASED = 10**15
HOLD, COST = 30_000, 20_000


class NoFence:
    """A fence that is never up."""

    def is_set(self) -> bool:
        return False

    def clear(self) -> None:
        return


async def never() -> Connection:
    """Fail if the fast path asks for a connection."""
    raise AssertionError("the fast path makes no call")


def leased(purse: LocalPurse) -> LocalPurse:
    """Give a purse all the money it needs, in a window that never ends."""
    purse.roll(0, LIFETIME_ENDS_AT)
    call = Call(purse.starts_at, 0, 0, (), LEASED, 1, False)
    purse.take_answer(call, Answer("ok", LEASED, False, False, LEASED, False, purse.starts_at), 0.0)
    return purse


def microseconds_per_request(leases: Leases, count: int) -> float:
    """Admit and settle one request after the other on so many purses."""
    holds = [(leased(LocalPurse(PurseSpec(number, "t", False))), HOLD) for number in range(count)]
    costs = [COST] * count
    begun = time.perf_counter()
    for _ in range(REQUESTS):
        admission = leases.try_admit(holds)
        assert admission is not None
        leases.settle(admission, costs)
    return (time.perf_counter() - begun) / REQUESTS * 1e6


def bytes_per_purse(count: int = 20_000) -> float:
    """Memory of one idle purse."""
    tracemalloc.start()
    kept = [LocalPurse(PurseSpec(number, "t", False)) for number in range(count)]
    used = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    return used


async def main() -> None:
    leases = Leases(process_id=uuid.uuid4(), host="bench", connect=never, fence=NoFence())
    for count in (1, PURSES):
        times = [microseconds_per_request(leases, count) for _ in range(ROUNDS)]
        print(
            f"admit + settle, {count} purse(s): median {statistics.median(times):.2f} µs,"
            f" best {min(times):.2f} µs"
        )
    print(f"an idle purse: {bytes_per_purse():.0f} bytes")


if __name__ == "__main__":
    asyncio.run(main())
