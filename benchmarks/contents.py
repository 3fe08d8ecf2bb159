"""What it costs the gateway to tell what is said: `python -m benchmarks.contents [seconds] [rounds]`.

The set-up of benchmarks/request.py, with policies that take turns: nobody wants the content of the request (some 800
characters in, 400 out), I/O logging does, one destination does, five do. Then what the parts cost, by size.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import uvloop
from uvicorn import Config
from uvicorn.server import ServerState

from benchmarks.request import ANSWER, KEY, QUESTION, best, catalog_of, ready_runtime
from config.lib.crypto import KeyRing
from config.lib.keys import hash_of
from observability.content_sealing import seal_content
from routing.gateway.app import GatewayApp
from routing.gateway.dialects.chunks import encode_event
from routing.gateway.http_protocol import Connection
from routing.gateway.packing import content_of_request, packed
from routing.gateway.runtime import Runtime
from routing.gateway.said import Transcript, output_of
from routing.gateway.server import COLLECTION_THRESHOLDS, Draining
from routing.recording import Listener, Recording

KEYS = "bench:" + base64.b64encode(b"b" * 32).decode()
WANTING: dict[str, Recording | None] = {
    "nobody": None,
    "I/O logging": Recording(1, 1.0),
    "one destination": Recording(1, None, (Listener(1),)),
    "five destinations": Recording(1, None, tuple(Listener(number) for number in range(5))),
    "five destinations, half of the sessions": Recording(
        1, None, tuple(Listener(number, 0.5) for number in range(5))
    ),
}
SIZES = (1 << 11, 1 << 14, 1 << 16, 1 << 18, 1 << 20)
CHUNKS = 80


async def measure(runtime: Runtime, child: subprocess.Popen[str], seconds: float, rounds: int) -> None:
    """Serve, and print what a request costs under each policy."""
    loop, state = asyncio.get_running_loop(), ServerState()
    app = GatewayApp(runtime, Draining(0, 0))
    config = Config(
        app,
        http=Connection,
        lifespan="off",
        log_config=None,
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    server = await loop.create_server(lambda: Connection(config, state, {}, loop), "127.0.0.1", 0)
    known = await runtime.policies.find(hash_of(KEY))
    assert known is not None
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)
    print(server.sockets[0].getsockname()[1], file=child.stdin, flush=True)
    await asyncio.sleep(1)
    found: dict[str, list[float]] = {name: [] for name in WANTING}
    for _ in range(rounds):
        for name, recording in WANTING.items():
            known.policy = replace(known.policy, recording=recording)
            await asyncio.sleep(0.2)
            before, served = os.times(), state.total_requests
            await asyncio.sleep(seconds)
            after, count = os.times(), state.total_requests - served
            spent = after.user + after.system - before.user - before.system
            found[name].append(spent / count * 1e6)
    for name, costs in found.items():
        each = " ".join(f"{cost:.0f}" for cost in costs)
        print(f"{name:<40} {statistics.median(costs):6.1f} µs a request (median of {each})", flush=True)
    print(f"lost: {runtime.recorder.lost + runtime.journal.dropped_contents}")
    server.close()


def report_parts() -> None:
    """Print what single steps cost."""
    ring, body, answer = KeyRing.parse(KEYS), json.loads(QUESTION), json.loads(ANSWER)
    about = (body, output_of(answer), "stop", None)
    events = [
        encode_event({"id": "gen-1", "choices": [{"index": 0, "delta": {"content": "word "}}]})
        for _ in range(CHUNKS)
    ]

    def listen() -> None:
        transcript = Transcript()
        for event in events:
            transcript.feed(event)
        transcript.output()

    print(f"  take what the answer says      {best(lambda: output_of(answer)):6.1f} µs")
    print(f"  make JSON of both              {best(lambda: packed(content_of_request(*about))):6.1f} µs")
    print(f"  listen to {CHUNKS} chunks            {best(listen):6.1f} µs")
    text = json.dumps(
        [os.urandom(4).hex() + " and some words that come again" for _ in range(40_000)]
    ).encode()
    for size in SIZES:
        data, times = text[:size], []
        for _ in range(20):
            began = time.perf_counter()
            seal_content(ring, data, organization_id=1, generation_id="g")
            times.append((time.perf_counter() - began) * 1e6)
        print(f"  compress and seal {size:>8} bytes {min(times):8.1f} µs")


async def run(folder: Path, child: subprocess.Popen[str], seconds: float, rounds: int) -> None:
    """Measure against the other process, and end it."""
    assert child.stdout is not None
    runtime = await ready_runtime(folder, catalog_of(int(child.stdout.readline())))
    await measure(runtime, child, seconds, rounds)
    logging.disable()  # of the requests that end with it
    child.kill()
    runtime.journal._is_stopping.set()


def main(seconds: float = 2.0, rounds: float = 5) -> None:
    """Start the other process and measure."""
    os.environ["HEADGATE_SEALING_KEYS"] = KEYS
    command = [sys.executable, "-m", "benchmarks.request", "play"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child,
    ):
        uvloop.run(run(Path(folder), child, seconds, int(rounds)))
    report_parts()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
