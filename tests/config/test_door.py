"""The control plane's door: bounded bodies, and nobody who keeps everybody else out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from config.door import MAX_BODY_BYTES, Door

OK = [{"type": "http.response.start", "status": 200, "headers": []}, {"type": "http.response.body"}]


def scope(**headers: str) -> dict[str, Any]:
    """A request's scope with these headers."""
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": named, "client": ("192.0.2.1", 1)}


class Plane:
    """Answers when it is let, and remembers who came in."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        await self.open.wait()
        for message in OK:
            await send(message)


async def ask(door: Door, pieces: Iterable[bytes] = (b"",), **headers: str) -> list[int]:
    """The statuses that a request with a body of these pieces is answered with."""
    sent, statuses = list(pieces), []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": sent.pop(0), "more_body": bool(sent)}

    async def send(message: dict[str, Any]) -> None:
        if "status" in message:
            statuses.append(message["status"])

    await door(scope(**headers), receive, send)
    return statuses


async def settle() -> None:
    """Let everybody go as far as he can."""
    for _ in range(50):
        await asyncio.sleep(0)


class TestABody:
    async def test_arrives_whole(self):
        plane = Plane()
        plane.open.set()

        assert await ask(Door(plane), [b"a", b"", b"b"]) == [200]
        assert plane.bodies == [b"ab"]

    async def test_that_says_that_it_is_too_large_is_not_read(self):
        plane = Plane()

        assert await ask(Door(plane), [], content_length=str(MAX_BODY_BYTES + 1)) == [413]
        assert plane.bodies == []

    async def test_that_turns_out_to_be_too_large_is_read_no_further(self):
        plane = Plane()
        endless = [b"x" * (MAX_BODY_BYTES // 4)] * 1000

        assert await ask(Door(plane), endless) == [413]
        assert plane.bodies == []


class TestTheDoor:
    async def test_lets_only_so_many_in_at_once(self):
        plane = Plane()
        door = Door(plane, most_inside=3, most_of_caller=3)
        asking = [asyncio.create_task(ask(door, authorization=str(number))) for number in range(5)]
        await settle()

        inside = len(plane.bodies)
        plane.open.set()

        assert inside == 3
        assert await asyncio.gather(*asking) == [[200]] * 5

    async def test_lets_others_in_while_one_caller_asks_without_end(self):
        plane = Plane()
        door = Door(plane, most_inside=3, most_of_caller=2)
        greedy = [asyncio.create_task(ask(door, [b"greedy"], x_api_key="k")) for _ in range(50)]
        await settle()
        modest = asyncio.create_task(ask(door, [b"modest"], cookie="c"))
        await settle()

        inside = sorted(plane.bodies)
        plane.open.set()

        assert inside == [b"greedy", b"greedy", b"modest"]
        assert await asyncio.gather(modest, *greedy) == [[200]] * 51

    async def test_keeps_no_place_for_whoever_is_slow_to_take_his_answer(self):
        plane = Plane()
        plane.open.set()
        door = Door(plane, most_inside=1)
        taken = asyncio.Event()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: dict[str, Any]) -> None:
            await taken.wait()

        slow = asyncio.create_task(door(scope(), receive, send))
        await settle()

        assert await asyncio.wait_for(ask(door), 5) == [200]
        taken.set()
        await slow
