"""What is done to a stack, and what was seen while it was done; the tests say what that must have been.

The same drills run once in a plain run of the tests and many times in a run with --faults.
"""

from __future__ import annotations

import json
import random
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg

from tests.faults.harness import GATEWAYS, Drill, mixed_bodies
from tests.faults.load import Callers, Trace, chat, words
from tests.faults.oracle import Verdict
from tests.faults.wire import Point

CALLS_PER_KILL = 3
LARGE_WORD_BYTES = 250_000
SMALL_SEGMENT_BYTES = 536
"""With segments and a buffer so small a socket takes in less, so that the answer's end stays with the gateway."""

WARM_UP_SECONDS = 3.0
"""Leases follow the rate of spending; it takes a moment to be known."""


@dataclass(frozen=True)
class Seen:
    """A drill's outcome."""

    verdict: Verdict
    traces: Sequence[Trace]


def kill_at_random(drill: Drill, rounds: int) -> Seen:
    """Kill one gateway after the other at random moments, with streams open on both all the time."""
    callers = drill.callers()
    callers.keep_sending(drill.new_key(), mixed_bodies(), callers=16)
    for number in range(rounds):
        time.sleep(random.uniform(0.3, 1.5))
        drill.replace(GATEWAYS[number % len(GATEWAYS)])
    traces = callers.finish()
    return Seen(drill.judge(traces), traces)


def kill_at(drill: Drill, point: Point, rounds: int) -> Seen:
    """Kill both gateways while all their calls stand at one point of their life."""
    key = drill.new_key()
    callers = drill.callers()
    for _ in range(rounds):
        body = chat(words(12), hold=point.value, chunk_delay_ms=20)
        callers.send(key, *[body] * CALLS_PER_KILL)
        drill.provider.wait_for_held(point, CALLS_PER_KILL)
        if point in (Point.MID_STREAM, Point.AFTER_THE_LAST_CHUNK):
            drill.stack.wait(lambda: all(trace.arrivals for trace in callers.traces), what="a first token")
        drill.replace(*GATEWAYS)
    traces = callers.finish()
    return Seen(drill.judge(traces), traces)


def kill_after_the_settlement(drill: Drill, rounds: int) -> Seen:
    """Kill both gateways when the charge is booked and the caller has not read the end of the answer."""
    key = drill.new_key()
    traces = []
    for _ in range(rounds):
        with SlowReader(drill.url, key, chat("x" * LARGE_WORD_BYTES, is_streamed=False)) as reader:
            reader.read_head()
            drill.stack.wait(lambda: not drill.oracle.missing([reader.trace]), what="the charge")
            drill.replace(*GATEWAYS)
            reader.read_rest()
            traces.append(reader.trace)
    return Seen(drill.judge(traces), traces)


class SlowReader:
    """A caller with a small receive buffer who reads the head of an answer and then nothing for a while."""

    def __init__(self, url: str, key: str, body: object) -> None:
        address = urlsplit(url)
        data = json.dumps(body).encode()
        head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n"
        self.trace = Trace(time.time())
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL_SEGMENT_BYTES)
        self._socket.settimeout(30)
        self._socket.connect((address.hostname, address.port))
        self._socket.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def __enter__(self) -> SlowReader:
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


@dataclass(frozen=True)
class Outage(Seen):
    """What callers saw of a database that was away."""

    began_at: float
    ended_at: float
    accounted_seconds: float

    def during(self, traces: Sequence[Trace]) -> list[Trace]:
        """Those that were sent and answered while it was away, after the first moment."""
        return [trace for trace in traces if self.began_at < trace.sent_at and trace.ended_at < self.ended_at]


def stop_database(drill: Drill, seconds: float) -> tuple[Outage, list[Trace], list[Trace], list[Trace]]:
    """Stop PostgreSQL under load; what callers of a well-funded, of a nearly spent and of an unknown key saw."""
    rich, poor = drill.new_key(), drill.new_key(limit=0.02)
    steady, short, stranger = drill.callers(), drill.callers(), drill.callers()
    flat = chat("one", model="simulator/flat", is_streamed=False)
    steady.keep_sending(rich, mixed_bodies()[:3], callers=6, pause=lambda: 0.05)
    short.keep_sending(poor, [flat], callers=1, pause=lambda: 0.25)
    drill.stack.wait(
        lambda: 200 in steady.statuses_since(0) and 200 in short.statuses_since(0), what="an answer"
    )
    time.sleep(WARM_UP_SECONDS)
    drill.stack.hold("postgres")
    began = time.time()
    stranger.keep_sending("sk-hg-v1-" + "7" * 64, [flat], callers=1, pause=lambda: 0.3)
    time.sleep(seconds)
    ended = time.time()
    drill.stack.release("postgres")
    returned = time.monotonic()
    outcomes = [callers.finish() for callers in (stranger, short, steady)]
    seen = [*outcomes[1], *outcomes[2]]
    drill.stack.wait(lambda: _is_all_booked(drill, seen), 60, "everything in the books")
    accounted = time.monotonic() - returned
    outage = Outage(drill.judge(seen), seen, began, ended, accounted)
    return outage, outcomes[2], outcomes[1], outcomes[0]


def _is_all_booked(drill: Drill, traces: Sequence[Trace]) -> bool:
    try:
        return not drill.oracle.missing(traces)
    except psycopg.OperationalError:
        return False


def kill_database(drill: Drill, rounds: int) -> Seen:
    """Kill PostgreSQL without a word, under load, again and again."""
    callers = drill.callers()
    callers.keep_sending(drill.new_key(), mixed_bodies(), callers=8, pause=lambda: 0.05)
    for _ in range(rounds):
        time.sleep(random.uniform(0.5, 1.5))
        drill.stack.wait_for_restart("postgres", drill.stack.kill("postgres"))
        drill.wait_until_database_answers()
    traces = callers.finish()
    return Seen(drill.judge(traces), traces)


def pause_gateway(drill: Drill, part: str) -> Seen:
    """Stop a gateway in its tracks until the reaper has fenced it, while others go on spending; let it go on."""
    callers = drill.callers()
    key = drill.new_key()
    callers.keep_sending(key, [chat(words(30), chunk_delay_ms=50)], callers=10)
    drill.stack.wait(lambda: callers.statuses_since(0).count(200) >= 10, what="streams on both gateways")
    epochs = drill.epochs()
    with drill.frozen(part):
        drill.stack.wait(lambda: drill.epochs() > epochs, 40, "the fence")
    drill.wait_for_gateways()
    callers.keep_sending(key, mixed_bodies(), callers=4)
    asked_at = time.time()
    drill.stack.wait(
        lambda: callers.statuses_since(asked_at).count(200) >= 10, what="answers after the pause"
    )
    traces = callers.finish()
    return Seen(drill.judge(traces), traces)


def disturb_ingest(drill: Drill, rounds: int) -> Seen:
    """Kill ingest at random moments while two of them work on the same journals, under load."""
    callers = drill.callers()
    callers.keep_sending(drill.new_key(), mixed_bodies(), callers=12)
    with drill.second_ingest():
        for number in range(rounds):
            time.sleep(random.uniform(0.2, 1.5))
            old = drill.stack.kill("ingest")
            if number % 2:
                drill.replace(GATEWAYS[0])
            drill.stack.wait_for_restart("ingest", old)
        traces = callers.finish()
        return Seen(drill.judge(traces), traces)


def fill_disk(drill: Drill) -> tuple[Seen, list[int], list[int]]:
    """Fill the journals' disk under load; the statuses while it was full, and when there was room again."""
    callers = drill.callers()
    bodies = [chat(words(5), chunk_delay_ms=2), chat("one", model="simulator/flat", is_streamed=False)]
    key = drill.new_key()
    with drill.full_disk():
        callers.keep_sending(key, bodies, callers=24)
        drill.stack.wait(lambda: 503 in callers.statuses_since(0), 60, "a refusal for want of room")
        full_at = time.time()
        drill.stack.wait(lambda: len(callers.statuses_since(full_at)) >= 100, what="more requests")
        while_full = callers.statuses_since(full_at)
    time.sleep(1.0)
    room_at = time.time()
    drill.stack.wait(lambda: callers.statuses_since(room_at).count(200) >= 50, what="answers again")
    traces = callers.finish()
    return Seen(drill.judge(traces), traces), while_full, callers.statuses_since(room_at)


def leave(drill: Drill, times: int) -> Seen:
    """Callers leave before the first token, in the middle, and right at the end, streamed and not."""
    key = drill.new_key()
    traces: list[Trace] = []
    bodies = [
        chat(words(40), chunk_delay_ms=25),
        chat(words(40), first_delay_ms=1500),
        chat(words(10), is_streamed=False, first_delay_ms=700),
        chat(words(6), chunk_delay_ms=1),
    ]
    for _ in range(times):
        callers = drill.callers()
        callers.send(key, *bodies * 3)
        time.sleep(random.uniform(0.05, 1.2))
        traces += callers.hang_up()
    return Seen(drill.judge(traces), traces)


def break_provider(drill: Drill, times: int) -> Seen:
    """Providers that cut, send garbage, fail, fail every other time, or say nothing; streamed and not."""
    names = ("cut", "garbage", "flaky", "error-429", "error-500", "error-503", "error-529", "error-400")
    models = [f"simulator/{name}" for name in names]
    bodies = [
        chat(words(10), model=model, is_streamed=is_streamed)
        for model in models * times
        for is_streamed in (True, False)
    ]
    silent = [
        chat("hush", model="simulator/silent", is_streamed=is_streamed) for is_streamed in (True, False)
    ]
    callers = drill.callers()
    key = drill.new_key()
    callers.send(key, silent[0], *bodies)
    quiet = Callers(drill.url)
    quiet.send(key, silent[1])
    drill.stack.wait(lambda: not callers.is_busy, 60, "the last answer")
    traces = [*callers.finish(), *quiet.hang_up()]
    return Seen(drill.judge(traces), traces)


@dataclass(frozen=True)
class Disabling:
    """What callers saw of a key that was disabled at a moment."""

    at: float
    traces: Sequence[Trace]
    stream: Trace
    verdict: Verdict

    @property
    def seconds_served(self) -> float:
        """For how long after it was disabled the key was still good for an answer anywhere."""
        served = [trace.sent_at - self.at for trace in self.traces if trace.status == 200]
        return max(served)

    @property
    def refusals(self) -> set[int]:
        """How it was refused."""
        return {trace.status for trace in self.traces if trace.status not in (0, 200)}


def disable_key(drill: Drill, *, are_notifications_cut: bool = False) -> Disabling:
    """Disable a key that callers use on both gateways, one of them in a stream that goes on for a while."""
    secret, hash_ = drill.acme.new_key()
    streaming, callers = drill.callers(), drill.callers()
    streaming.send(secret, chat(words(30), chunk_delay_ms=250))
    callers.keep_sending(secret, [chat("one", is_streamed=False)], callers=4, pause=lambda: 0.02)
    drill.stack.wait(lambda: callers.statuses_since(0).count(200) >= 20, what="answers")
    drill.stack.wait(lambda: streaming.traces[0].arrivals, what="a stream")
    if are_notifications_cut:
        drill.notifications.cut()
    drill.disable(hash_)
    at = time.time()
    time.sleep(7.0 if are_notifications_cut else 2.0)
    traces = callers.finish()
    drill.notifications.mend()
    (stream,) = streaming.finish()
    return Disabling(at, traces, stream, drill.judge([*traces, stream]))


def stop_gracefully(drill: Drill) -> Seen:
    """Tell a gateway to stop with streams open that are longer than its drain."""
    callers = drill.callers()
    callers.send(drill.new_key(), *[chat(words(200), chunk_delay_ms=100)] * 8)
    drill.stack.wait(lambda: all(trace.arrivals for trace in callers.traces), what="streams")
    old = {part: drill.stack.kill(part, signal.SIGTERM) for part in GATEWAYS}
    for part, pid in old.items():
        drill.stack.wait_for_restart(part, pid)
    traces = callers.finish()
    drill.wait_for_gateways()
    return Seen(drill.judge(traces), traces)
