"""What is done around gateways: to the database, ingest, disk, callers, providers and keys.

The same drills run once in a plain run of the tests and many times in a run with --faults.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from tests.faults.harness import GATEWAYS, Drill, mixed_bodies, quick_bodies
from tests.faults.load import Trace, chat, words
from tests.faults.oracle import Verdict
from tests.faults.report import Seen

OTHERS_SECONDS = 1.5
"""How long to go on asking after the first refusal, for the gateways that still answer."""
WARM_UP_SECONDS = 3.0
"""Leases follow the rate of spending; it takes a moment to be known."""


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
    drill.stack.wait(lambda: is_all_booked(drill, seen), 60, "everything in the books")
    accounted = time.monotonic() - returned
    outage = Outage(drill.judge(seen), seen, began, ended, accounted)
    return outage, outcomes[2], outcomes[1], outcomes[0]


def is_all_booked(drill: Drill, traces: Sequence[Trace]) -> bool:
    """Whether nothing is missing in a database that may still be away."""
    try:
        return not drill.oracle.missing(traces)
    except psycopg.OperationalError:
        return False


def kill_database(drill: Drill, rounds: int) -> Seen:
    """Kill PostgreSQL without a word, under load, again and again."""
    callers = drill.callers()
    key = drill.new_key()
    callers.keep_sending(key, mixed_bodies(), callers=6)
    callers.keep_sending(key, quick_bodies(), callers=6)
    for _ in range(rounds):
        time.sleep(random.uniform(0.5, 1.5))
        drill.stack.wait_for_restart("postgres", drill.stack.kill("postgres"))
        drill.wait_until_database_answers()
    traces = callers.finish()
    return Seen(drill.judge(traces), traces)


def disturb_ingest(drill: Drill, rounds: int) -> Seen:
    """Kill ingest at random moments while two of them work on the same journals, under load."""
    callers = drill.callers()
    key = drill.new_key()
    callers.keep_sending(key, mixed_bodies(), callers=6)
    callers.keep_sending(key, quick_bodies(), callers=12)
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
    key = drill.new_key()
    with drill.full_disk():
        callers.keep_sending(key, quick_bodies(), callers=24)
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
    """Providers that cut, send garbage, fail, fail every other time, or say nothing; streamed and not.

    The silent ones are left by their callers, and when it is done twice also given up by the gateway.
    """
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
    callers, impatient = drill.callers(), drill.callers()
    key = drill.new_key()
    callers.send(key, *bodies, *silent[: times - 1])
    impatient.send(key, *silent)
    drill.stack.wait(lambda: not callers.is_busy, 60, "the last answer")
    traces = [*callers.finish(), *impatient.hang_up()]
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
    streaming.send(secret, chat(words(30), chunk_delay_ms=150))
    callers.keep_sending(secret, [chat("one", is_streamed=False)], callers=4, pause=lambda: 0.02)
    drill.stack.wait(lambda: callers.statuses_since(0).count(200) >= 20, what="answers")
    drill.stack.wait(lambda: streaming.traces[0].arrivals, what="a stream")
    if are_notifications_cut:
        drill.notifications.cut()
    drill.disable(hash_)
    at = time.time()
    drill.stack.wait(lambda: 401 in callers.statuses_since(at), what="a refusal")
    time.sleep(OTHERS_SECONDS)
    traces = callers.finish()
    drill.notifications.mend()
    (stream,) = streaming.finish()
    return Disabling(at, traces, stream, drill.judge([*traces, stream]))
