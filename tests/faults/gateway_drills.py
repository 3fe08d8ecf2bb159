"""What is done to gateways, and what was seen while it was done; the tests say what that must have been.

The same drills run once in a plain run of the tests and many times in a run with --faults.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.faults.harness import GATEWAYS, Drill, mixed_bodies
from tests.faults.load import Callers, SlowReader, Trace, chat, words
from tests.faults.report import Seen
from tests.faults.wire import Point

CALLS_PER_KILL = 3
LARGE_WORD_BYTES = 250_000
"""More than such a reader's socket takes in, so that the end of the answer stays with the gateway."""


def kill_at_random(drill: Drill, rounds: int) -> Seen:
    """Kill one gateway after the other at random moments, with streams open on both all the time."""
    callers = drill.callers()
    callers.keep_sending(drill.new_key(), mixed_bodies(), callers=16)
    for number in range(rounds):
        time.sleep(random.uniform(0.3, 1.5))
        drill.replace(GATEWAYS[number % len(GATEWAYS)])
    traces = callers.finish()
    return Seen(drill.judge(traces), traces)


@dataclass(frozen=True)
class KilledAtPoints(Seen):
    """What became of calls that stood at some point of their life when their gateway was killed."""

    charges: Mapping[Point, Sequence[int]]
    settled: Sequence[Trace]
    """Callers whose charge was booked and who had not read the end of their answer."""

    def at(self, point: Point) -> set[str]:
        """What happened at a point: `free` or `charged`."""
        return {"charged" if nano else "free" for nano in self.charges[point]}


def kill_at_every_point(drill: Drill, rounds: int) -> KilledAtPoints:
    """Kill both gateways while calls stand at every point of their life, one right after its settlement."""
    key, callers, settled = drill.new_key(), drill.callers(), []
    held: dict[Point, list[str]] = {point: [] for point in Point}
    for _ in range(rounds):
        with SlowReader(drill.url, key, chat("x" * LARGE_WORD_BYTES, is_streamed=False)) as reader:
            reader.read_head()
            _hold_everywhere(drill, key, callers, held)
            drill.wait_until_booked(reader.trace)
            drill.replace(*GATEWAYS)
            reader.read_rest()
            settled.append(reader.trace)
    traces = callers.finish()
    verdict = drill.judge([*traces, *settled])
    charges = {point: drill.oracle.charges(identifiers) for point, identifiers in held.items()}
    return KilledAtPoints(verdict, traces, charges, settled)


def _hold_everywhere(drill: Drill, key: str, callers: Callers, held: dict[Point, list[str]]) -> None:
    """Have calls stand at every point; those that stand after a chunk have brought their callers a token."""
    for point in Point:
        callers.send(key, *[chat(words(12), hold=point.value, chunk_delay_ms=20)] * CALLS_PER_KILL)
    for point in Point:
        held[point] += drill.provider.wait_for_held(point, CALLS_PER_KILL)
    after_a_chunk = {*held[Point.MID_STREAM], *held[Point.AFTER_THE_LAST_CHUNK]}
    drill.stack.wait(
        lambda: after_a_chunk <= {trace.identifier for trace in callers.traces if trace.arrivals},
        what="first tokens",
    )


def spend_out(drill: Drill, limit_usd: float) -> tuple[Seen, str]:
    """Spend a key's limit to its end with gateways killed all the while; what came of it, and the key's hash."""
    callers = drill.callers()
    secret, hash_ = drill.acme.new_key(limit=limit_usd)
    flat = chat("one", model="simulator/flat", is_streamed=False, first_delay_ms=300)
    callers.keep_sending(secret, [flat], callers=16, pause=lambda: 0.02)
    drill.stack.wait(lambda: 200 in callers.statuses_since(0), what="an answer")
    kills = 0
    while kills < 2 or 402 not in callers.statuses_since(0):
        drill.replace(GATEWAYS[kills % len(GATEWAYS)])
        kills += 1
    drill.replace(*GATEWAYS)
    after = time.time()
    drill.stack.wait(lambda: _are_refused(callers.statuses_since(after)), 60, "the end of the money")
    traces = callers.finish()
    return Seen(drill.judge(traces), traces), hash_


def _are_refused(statuses: Sequence[int]) -> bool:
    return len(statuses) >= 50 and set(statuses[-50:]) == {402}


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
