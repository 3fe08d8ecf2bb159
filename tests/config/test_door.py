"""The control plane's door: bounded bodies, and nobody who keeps everybody else out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from config.door import MAX_BODY_BYTES, MOST_STREAMING, Door

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


class Export:
    """Answers with a file, piece by piece."""

    def __init__(self, pieces: int = 3, length: int | None = None) -> None:
        self.pieces, self.sent = pieces, 0
        self.headers = [] if length is None else [(b"Content-Length", b"%d" % length)]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        for _ in range(self.pieces):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            self.sent += 1
        await send({"type": "http.response.body", "body": b""})


class Reader:
    """A client that takes so many messages and then waits."""

    def __init__(self, takes: int = 1000) -> None:
        self.taken: list[dict[str, Any]] = []
        self.takes = takes
        self.goes_on = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        if len(self.taken) >= self.takes:
            await self.goes_on.wait()
        self.taken.append(message)


class TestAnExport:
    async def test_goes_out_while_it_is_made(self):
        export, reader = Export(), Reader(takes=2)
        asking = asyncio.ensure_future(Door(export)(scope(), reader.receive, reader.send))
        await settle()

        assert [message["type"] for message in reader.taken] == ["http.response.start", "http.response.body"]
        assert export.sent == 1

        reader.goes_on.set()
        await asking
        assert b"".join(message.get("body", b"") for message in reader.taken) == b"xxx"
        assert not reader.taken[-1].get("more_body", False)

    async def test_that_is_not_read_is_broken_off(self):
        reader = Reader(takes=2)

        with pytest.raises(TimeoutError):
            await Door(Export(), unread_seconds=0.01)(scope(), reader.receive, reader.send)

    async def test_is_no_answer_whose_length_is_known(self):
        reader = Reader(takes=0)
        export = Export(length=3)
        asking = asyncio.ensure_future(Door(export)(scope(), reader.receive, reader.send))
        await settle()

        assert export.sent == 3
        reader.goes_on.set()
        await asking
        assert len(reader.taken) == 5

    async def test_waits_for_no_more_than_a_few_others(self):
        door, readers = Door(Export(), most_of_caller=99), [Reader(takes=1) for _ in range(MOST_STREAMING)]
        asking = [asyncio.ensure_future(door(scope(), reader.receive, reader.send)) for reader in readers]
        await settle()

        assert await ask(door) == [503]
        for reader in readers:
            reader.goes_on.set()
        await asyncio.gather(*asking)
        assert await ask(door) == [200]
