"""Callers: real requests over real connections, and what each of them has seen."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import aiohttp

NANO_PER_USD = 10**9
CONNECT_PAUSE = 0.05
REQUEST_SECONDS = 60.0
SMALL_SEGMENT_BYTES = 536
SMALL_BUFFER_BYTES = 4096
Body = Mapping[str, Any]


@dataclass
class Trace:
    """What one caller saw of one request. Times are Unix seconds on this machine's clock, as in the record."""

    sent_at: float
    status: int = 0
    """0 while nothing came back."""
    identifier: str = ""
    retry_after: str | None = None
    arrivals: list[float] = field(default_factory=list)
    """When each token of a stream arrived."""
    is_whole: bool = False
    """Whether the answer came to its regular end."""
    cost_nano: int | None = None
    error: str = ""
    ended_at: float = 0.0

    def tokens_by(self, moment: float) -> int:
        """How many tokens had arrived by then."""
        return sum(1 for arrival in self.arrivals if arrival <= moment)

    def read_event(self, event: Mapping[str, Any]) -> None:
        """Take in an event of a stream."""
        self.identifier = event.get("id") or self.identifier
        if event.get("error"):
            self.error = str(event["error"].get("message"))
        for choice in event.get("choices") or ():
            if (choice.get("delta") or {}).get("content"):
                self.arrivals.append(time.time())
        self._read_cost(event)

    def read_answer(self, answer: Mapping[str, Any]) -> None:
        """Take in a whole answer."""
        self.is_whole = self.status == 200
        self.error = str((answer.get("error") or {}).get("message", ""))
        self._read_cost(answer)

    def _read_cost(self, holder: Mapping[str, Any]) -> None:
        cost = (holder.get("usage") or {}).get("cost")
        if cost is not None:
            self.cost_nano = int(Decimal(str(cost)) * NANO_PER_USD)


def chat(
    text: str, *, model: str = "simulator/echo", is_streamed: bool = True, **pace: Any
) -> dict[str, Any]:
    """A request that bounds its answer by the echo's length, so that the hold is close to the cost.

    `first_delay_ms`, `chunk_delay_ms` set the provider's pace, `hold` where the wire holds it.
    """
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": text}]}
    body["max_tokens"] = len(text.split())
    if is_streamed:
        body["stream"] = True
    if pace:
        body["simulator"] = pace
    return body


def words(count: int) -> str:
    """A text of so many tokens."""
    return " ".join(f"w{number}" for number in range(count))


async def send(
    session: aiohttp.ClientSession, url: str, key: str, body: Body, trace: Trace | None = None
) -> Trace:
    """Send one request and follow its answer; whatever breaks is part of what was seen."""
    trace = trace or Trace(time.time())
    try:
        async with session.post(url, json=body, headers={"Authorization": f"Bearer {key}"}) as answer:
            trace.status = answer.status
            trace.identifier = answer.headers.get("X-Generation-Id", "")
            trace.retry_after = answer.headers.get("Retry-After")
            if answer.content_type == "text/event-stream":
                await _follow(answer, trace)
            else:
                trace.read_answer(json.loads(await answer.read(), parse_float=Decimal))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        trace.error = trace.error or repr(error)
    trace.ended_at = time.time()
    return trace


async def _follow(answer: aiohttp.ClientResponse, trace: Trace) -> None:
    async for line in answer.content:
        text = line.strip()
        if text == b"data: [DONE]":
            trace.is_whole = not trace.error
        elif text.startswith(b"data: "):
            trace.read_event(json.loads(text[6:], parse_float=Decimal))


def new_session() -> aiohttp.ClientSession:
    """Each request on a connection of its own, so that all processes behind a port get their share."""
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS))


class Callers:
    """Requests that run in the background, on a thread and an event loop of their own."""

    def __init__(self, url: str) -> None:
        self.traces: list[Trace] = []
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="callers", daemon=True)
        self._thread.start()
        self._session: aiohttp.ClientSession = self._await(self._open())
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False

    def send(self, key: str, *bodies: Body) -> None:
        """Send requests at once; they go on in the background."""
        self._await(self._start([self._once(key, body) for body in bodies]))

    def keep_sending(
        self, key: str, bodies: Sequence[Body], *, callers: int, pause: Callable[[], float] = lambda: 0.0
    ) -> None:
        """Have so many callers send one request after the other, until `finish`."""
        self._await(self._start([self._again_and_again(key, bodies, pause) for _ in range(callers)]))

    def finish(self, seconds: float = REQUEST_SECONDS) -> list[Trace]:
        """Send nothing new, wait for what is open, and return all that was seen."""
        self._is_stopping = True
        self._await(asyncio.wait_for(self._gather(), seconds), seconds + 5)
        self._end()
        return self.traces

    def hang_up(self) -> list[Trace]:
        """Leave at once, in the middle of whatever is open; who has left before stays away."""
        if self._loop.is_closed():
            return self.traces
        self._is_stopping = True
        self._await(self._cancel())
        self._end()
        return self.traces

    @property
    def is_busy(self) -> bool:
        """Whether any request is under way."""
        return any(not task.done() for task in self._tasks)

    def statuses_since(self, moment: float) -> list[int]:
        """The statuses of the answers to what was sent since then."""
        return [trace.status for trace in self.traces if trace.sent_at >= moment and trace.status]

    async def _open(self) -> aiohttp.ClientSession:
        return new_session()

    async def _start(self, works: list[Any]) -> None:
        self._tasks += [asyncio.create_task(work) for work in works]

    async def _once(self, key: str, body: Body) -> None:
        trace = Trace(time.time())
        self.traces.append(trace)
        await send(self._session, self._url, key, body, trace)

    async def _again_and_again(self, key: str, bodies: Sequence[Body], pause: Callable[[], float]) -> None:
        while not self._is_stopping:
            trace = Trace(time.time())
            self.traces.append(trace)
            await send(self._session, self._url, key, random.choice(bodies), trace)
            await asyncio.sleep(pause() if trace.status else CONNECT_PAUSE)

    async def _gather(self) -> None:
        await asyncio.gather(*self._tasks)

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end(self) -> None:
        self._await(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _await(self, work: Any, seconds: float = 30.0) -> Any:  # a coroutine's result
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)


class SlowReader:
    """A caller who reads the head of an answer and then nothing for a while; its socket takes in little."""

    def __init__(self, url: str, key: str, body: object) -> None:
        self._address = urlsplit(url)
        data = json.dumps(body).encode()
        lines = [
            f"POST {self._address.path} HTTP/1.1",
            f"Host: {self._address.netloc}",
            f"Authorization: Bearer {key}",
            f"Content-Length: {len(data)}",
        ]
        self._request = "\r\n".join([*lines, "", ""]).encode() + data
        self.trace = Trace(time.time())

    def __enter__(self) -> SlowReader:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL_SEGMENT_BYTES)
        self._socket.settimeout(30)
        try:
            self._socket.connect((self._address.hostname, self._address.port))
            self._socket.sendall(self._request)
        except OSError:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def read_head(self) -> None:
        """Read a little more than the head."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._socket.recv(512)
        head, _, self._body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0].startswith("HTTP/1.1 200"), data
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        self.trace.status = int(lines[0].split()[1])
        self.trace.identifier = fields["x-generation-id"]
        self._length = int(fields["content-length"])

    def read_rest(self) -> None:
        """Read all that still comes."""
        try:
            while data := self._socket.recv(1 << 20):
                self._body += data
        except ConnectionError as error:
            self.trace.error = repr(error)
        self.trace.is_whole = len(self._body) == self._length
