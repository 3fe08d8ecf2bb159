"""A few processes are shared by organizations in turn, and no job keeps one for long."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from pathlib import Path

import pytest

from routing.errors import Refusal
from routing.gateway.bodies import BodyReader
from routing.gateway.client import RefusedError
from routing.gateway.other_processes import OtherProcesses
from routing.gateway.turns import Turns

ACME, GLOBEX, THIRD = 1, 2, 3


async def settled() -> None:
    """Let everybody run who can."""
    for _ in range(5):
        await asyncio.sleep(0)


class Line:
    """Requests that wait for turns, and in which order they had them."""

    def __init__(self, places: int = 2, most_waiting: int = 500) -> None:
        self.turns = Turns(places, most_waiting, "large requests")
        self.served: list[int] = []
        self.waiting: list[asyncio.Task[None]] = []

    async def ask(self, *organizations: int) -> None:
        self.waiting += [asyncio.create_task(self._take(organization)) for organization in organizations]
        await settled()

    async def _take(self, organization: int) -> None:
        await self.turns.take(organization)
        self.served.append(organization)

    async def leave(self, *organizations: int) -> None:
        for organization in organizations:
            self.turns.leave(organization)
            await settled()

    async def cancel(self) -> None:
        for task in self.waiting:
            task.cancel()
        await asyncio.gather(*self.waiting, return_exceptions=True)


class TestTurns:
    async def test_are_taken_at_once_while_there_are_some(self):
        line = Line()

        await line.ask(ACME, ACME)

        assert line.served == [ACME, ACME]

    async def test_go_to_another_organization_before_all_of_one_that_floods(self):
        line = Line()
        await line.ask(*[ACME] * 50)
        await line.ask(GLOBEX)

        await line.leave(ACME)

        assert line.served == [ACME, ACME, GLOBEX]
        await line.cancel()

    async def test_go_round_among_organizations_however_much_each_asks_for(self):
        line = Line(places=1)
        await line.ask(*[ACME] * 9, *[GLOBEX] * 3, THIRD)

        for _ in range(7):
            await line.leave(line.served[-1])

        assert line.served == [ACME, ACME, GLOBEX, THIRD, ACME, GLOBEX, ACME, GLOBEX]
        await line.cancel()

    async def test_leave_each_of_two_that_flood_one_place(self):
        line = Line()
        await line.ask(*[ACME] * 9, *[GLOBEX] * 9)

        await line.leave(ACME, ACME)

        assert sorted(line.served[2:]) == [ACME, GLOBEX]
        await line.leave(GLOBEX)
        assert line.served[-1] == GLOBEX
        await line.cancel()

    async def test_of_one_that_waits_for_half_of_them_are_refused_to_it_alone(self):
        line = Line(places=1, most_waiting=8)
        await line.ask(*[ACME] * 5)

        with pytest.raises(RefusedError) as refused:
            await line.turns.take(ACME)
        await line.ask(*[GLOBEX] * 4)
        with pytest.raises(RefusedError) as full:
            await line.turns.take(THIRD)

        assert (refused.value.refusal.status, refused.value.refusal.retry_after) == (429, 1)
        assert (full.value.refusal.status, full.value.refusal.retry_after) == (503, 1)
        await line.cancel()

    async def test_of_who_has_gone_away_are_the_next_ones(self):
        line = Line(places=1, most_waiting=2)
        await line.ask(ACME, GLOBEX, THIRD)
        line.waiting[1].cancel()

        await line.leave(ACME)

        assert line.served == [ACME, THIRD]
        await line.leave(THIRD)
        await line.ask(ACME)
        assert line.served == [ACME, THIRD, ACME]

    async def test_that_come_as_somebody_goes_away_are_not_lost(self):
        line = Line(places=1)
        await line.ask(ACME, GLOBEX)

        line.turns.leave(ACME)
        line.waiting[1].cancel()
        await settled()

        await line.ask(THIRD)
        assert line.served == [ACME, THIRD]


class TestOtherProcesses:
    async def test_serve_another_organization_while_one_floods_them(self):
        others = OtherProcesses()
        ended: list[int] = []

        async def ask(organization: int, work: partial[object]) -> None:
            await others.do(organization, work)
            ended.append(organization)

        await asyncio.gather(*(others.do(ACME, os.getpid) for _ in range(2)))  # both have started
        flood = [asyncio.create_task(ask(ACME, partial(time.sleep, 0.1))) for _ in range(20)]
        await settled()
        await ask(GLOBEX, partial(time.sleep, 0.1))

        assert ended.index(GLOBEX) <= 3
        await asyncio.gather(*flood)
        others.close()

    async def test_are_ended_at_their_deadline_and_replaced(self):
        others = OtherProcesses(job_seconds=1.0)
        before = await others.do(ACME, os.getpid)

        with pytest.raises(RefusedError) as refused:
            await others.do(ACME, partial(time.sleep, 600))
        after = await others.do(ACME, os.getpid)

        assert (refused.value.refusal.status, refused.value.refusal.retry_after) == (503, 1)
        assert after != before
        assert not _is_running(before)
        others.close()

    async def test_are_replaced_when_they_die(self):
        others = OtherProcesses()

        with pytest.raises(RefusedError) as refused:
            await others.do(ACME, partial(os._exit, 1))

        assert refused.value.refusal.status == 503
        assert await others.do(ACME, os.getpid)
        others.close()

    async def test_serve_nobody_else_before_what_somebody_left_behind_is_done(self):
        others = OtherProcesses()
        pids = await asyncio.gather(*(others.do(ACME, os.getpid) for _ in range(2)))
        left = [asyncio.create_task(others.do(ACME, partial(time.sleep, 0.3))) for _ in range(2)]
        await asyncio.sleep(0.05)
        for task in left:
            task.cancel()
        began = time.monotonic()

        assert await others.do(GLOBEX, os.getpid) in pids
        assert time.monotonic() - began > 0.1
        others.close()


class TestWhatIsHeldOfBodies:
    def test_is_at_most_half_of_it_one_organizations(self):
        reader = BodyReader(most_held_bytes=100)

        with reader._holding(ACME, 200):  # one fits always
            all_of_it = refusal_of(reader, GLOBEX, 10)
        with reader._holding(ACME, 40), reader._holding(GLOBEX, 40):
            half = refusal_of(reader, ACME, 11)

        assert (all_of_it.status, half.status) == (503, 429)


def refusal_of(reader: BodyReader, organization: int, size: int) -> Refusal:
    with pytest.raises(RefusedError) as refused, reader._holding(organization, size):
        pass
    return refused.value.refusal


def _is_running(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
