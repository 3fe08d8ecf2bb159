"""What one chat request costs the gateway's process: `python -m benchmarks.request [seconds] [rounds] [realistic]`.

The real application behind the real server's protocol on a loopback socket, with a policy of two purses, money in
its leases and a journal in a temporary folder; only the database is not there. A second process is both the client
and the provider. What is measured is this process's own processor time, which a busy machine disturbs less than the
clock on the wall: compare two versions by running them in turns, and by medians. Then what some parts cost alone.
`realistic` is a policy as teams have it: three guardrails, six patterns, two budgets, a preset and BYOK.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop
from uvicorn import Config
from uvicorn.server import ServerState

from benchmarks.patterns import PATTERNS, PRESET
from config.lib.ids import new_id
from config.lib.keys import hash_of
from routing.catalog_snapshot import CatalogSnapshot
from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND
from routing.gateway.app import GatewayApp
from routing.gateway.attempts import Patience
from routing.gateway.books import Outcome
from routing.gateway.dialects.chat import read_call
from routing.gateway.http_protocol import Connection
from routing.gateway.runtime import Limits, Loaders, Runtime, Storage
from routing.gateway.server import COLLECTION_THRESHOLDS
from routing.guardrails.rules import Layer, Rules, merge
from routing.policy import Policy, PresetContent, PresetEntry, PurseLimit, ScopeVersion
from routing.pricing import Cost, Usage
from routing.providers import WIRE_FORMATS
from routing.usable_credential import UsableCredential
from tests.routing.make import (
    CREDITS,
    KEY_LIMIT,
    NOW,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
)
from workspaces.local_purse import Answer, Call
from workspaces.windows import window_of

KEY = "sk-hg-v1-" + "0" * 64
MODEL = "openai/mock-chat"
CONNECTIONS = 32
LEASED = 10**17
FOREVER = 10.0**9
IS_REALISTIC = "realistic" in sys.argv
PARTS_ROUNDS, PARTS_REPEATS = 3_000, 5
VERSIONS = tuple(ScopeVersion(kind, 7, 12) for kind in ("platform", "organization", "workspace", "api_key"))

QUESTION = json.dumps(
    {
        "model": f"@preset/{PRESET}" if IS_REALISTIC else MODEL,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "hello there friend " * 40},
        ],
        "max_tokens": 200,
    }
).encode()
MESSAGE = {"role": "assistant", "content": "word " * 80, "refusal": None, "annotations": []}
USAGE = {"prompt_tokens": 119, "completion_tokens": 80, "total_tokens": 199} | {
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1741569952,
        "model": "mock-chat",
        "choices": [{"index": 0, "message": MESSAGE, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
        "service_tier": "default",
    }
).encode()
ASKED = (
    b"POST /api/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b" % (KEY.encode(), len(QUESTION), QUESTION)
)
ANSWERED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(ANSWER),
    ANSWER,
)


class Talker(asyncio.Protocol):
    """Says the same whenever it was told something whole: a provider, or a client that asks again and again."""

    def __init__(self, says: bytes, *, is_first: bool) -> None:
        self._says = says
        self._is_first = is_first
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport  # asyncio types it as one that cannot write
        if self._is_first:
            self._transport.write(self._says)

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, end, body = self._held.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            if self._is_first and not head.startswith(b"HTTP/1.1 200"):
                os.write(2, self._held)
                os._exit(1)
            self._held = b""
            self._transport.write(self._says)


async def play() -> None:
    """Be the other process: a provider, then the clients of the gateway whose port is said."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Talker(ANSWERED, is_first=False), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    port = int(await loop.run_in_executor(None, sys.stdin.readline))
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Talker(ASKED, is_first=True), "127.0.0.1", port)
    await loop.run_in_executor(None, sys.stdin.read)


def catalog_of(port: int) -> CatalogSnapshot:
    """One model at one provider, which is the other process."""
    endpoint = make_endpoint("mock", price=make_price(10**8, 2 * 10**8))
    provider = replace(endpoint.provider, base_url=f"http://127.0.0.1:{port}/v1")
    return make_catalog(make_model(MODEL, replace(endpoint, provider=provider)))


def policy_of(key_hash: str) -> Policy | None:
    """The policy of the one key."""
    if key_hash != hash_of(KEY):
        return None
    return realistic_policy() if IS_REALISTIC else make_policy(CREDITS, KEY_LIMIT, versions=VERSIONS)


def realistic_policy() -> Policy:
    """What governs a key that three guardrails hold, with budgets, a preset and a credential of its own."""
    filters = [{"pattern": pattern, "action": "redact"} for pattern in PATTERNS]
    layers = [
        Rules.of(Layer(scope, scope), {"content_filters": filters[2 * place : 2 * place + 2]} | lists)
        for place, (scope, lists) in enumerate(
            {
                "workspace": {"ignored_providers": ["azure"]},
                "member": {"ignored_models": ["a/b"]},
                "api-key": {"enable_free_model_training": False},
            }.items()
        )
    ]
    budgets = [
        PurseLimit(3, "m", False, "workspace", 10**15, counts_byok=True),
        PurseLimit(4, "d", False, "workspace_default_key", 10**15),
    ]
    config = json.dumps({"model": MODEL, "temperature": 0.7, "provider": {"allow_fallbacks": True}})
    content = PresetContent("v-1", 1, "You are a helpful assistant. Answer briefly.", config.encode())
    return make_policy(
        CREDITS,
        KEY_LIMIT,
        *budgets,
        versions=VERSIONS,
        rules=merge(layers),
        presets={PRESET: PresetEntry(PRESET, "p-1", "active", content)},
        credentials={"mock": (UsableCredential(1, "mock", "any-key"),)},
    )


async def ready_runtime(folder: Path, catalog: CatalogSnapshot) -> Runtime:
    """A runtime that has heard of everything and will never miss the database."""
    runtime = Runtime(
        Storage(folder, 16 << 20, "", ""),
        Limits(32 << 20, 10_000, 1.0, FOREVER, Patience(FOREVER, FOREVER, FOREVER)),
        Loaders(policy_of, lambda: catalog),
    )
    runtime.journal.start_syncing()
    runtime._has_leases.set()
    runtime.policies.hear({}, FOREVER)
    await runtime.policies.has_catalog.wait()
    known = await runtime.policies.find(hash_of(KEY))
    assert known is not None
    steady = time.monotonic_ns() // 1000
    runtime.leases._keeper._clock.synchronise(steady, time.time_ns() // 1000, steady)
    for purse in known.purses.values():
        purse.roll(*window_of(purse.interval, runtime.leases.now()))
        call = Call(purse.starts_at, 0, 0, (), LEASED, 1, False)
        purse.take_answer(call, Answer("ok", LEASED, False, False, LEASED, False, purse.starts_at), 0.0)
    return runtime


async def measure(runtime: Runtime, child: subprocess.Popen[str], seconds: float, rounds: int) -> None:
    """Serve, and print what each round's requests cost."""
    loop, state = asyncio.get_running_loop(), ServerState()
    config = Config(
        GatewayApp(runtime),
        http=Connection,
        lifespan="off",
        log_config=None,
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    server = await loop.create_server(lambda: Connection(config, state, {}, loop), "127.0.0.1", 0)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTION_THRESHOLDS)
    print(server.sockets[0].getsockname()[1], file=child.stdin, flush=True)
    await asyncio.sleep(1)
    found = []
    for _ in range(rounds):
        before, served = os.times(), state.total_requests
        await asyncio.sleep(seconds)
        after, count = os.times(), state.total_requests - served
        user, system = (after.user - before.user) / count * 1e6, (after.system - before.system) / count * 1e6
        found.append((user + system, user, system, count))
    total, user, system, _ = (statistics.median(column) for column in zip(*found, strict=True))
    each = " ".join(f"{one[0]:.0f}" for one in found)
    print(
        f"a request: {total:.1f} µs = user {user:.1f} + system {system:.1f} (medians of {each})", flush=True
    )
    server.close()


def best(work: Callable[[], object]) -> float:
    """Processor time of one call in µs, of the best repeat."""
    repeats = []
    for _ in range(PARTS_REPEATS):
        started = time.process_time()
        for _ in range(PARTS_ROUNDS):
            work()
        repeats.append((time.process_time() - started) / PARTS_ROUNDS * 1e6)
    return min(repeats)


async def report_parts(runtime: Runtime) -> None:
    """Print what single steps cost."""
    known = await runtime.policies.find(hash_of(KEY))
    assert known is not None
    catalog, books, wire = runtime.catalog, runtime.books, WIRE_FORMATS["openai"]
    preparation, preset = known.preparation, known.policy.presets.get(PRESET)
    read = read_call(QUESTION, {})
    call = preparation.prepare(read, preset).call
    decision = decide(known.policy, call, catalog, {}, NO_BALANCES, NOTHING_FOUND, 1, NOW)
    attempt = decision.attempts[0]
    outcome = Outcome(
        "completed",
        attempt,
        Usage(prompt=119, completion=80),
        Cost(28_000, 1, 1),
        http_status=200,
        finish_reason="stop",
        native_finish_reason="stop",
        upstream_id="chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    )

    def book() -> None:
        admission = runtime.leases.try_admit(
            [(known.purses[need.purse.purse_id], need.nano) for need in decision.holds]
        )
        assert admission is not None
        books.close(books.open(new_id(), 0.0, known, call, decision, admission), outcome)

    parts: dict[str, Callable[[], object]] = {
        "find the key's policy": lambda: runtime.policies.peek(hash_of(KEY)),
        "read the body": lambda: read_call(QUESTION, {}),
        "prepare it": lambda: preparation.prepare(read, preset),
        "decide": lambda: decide(known.policy, call, catalog, {}, NO_BALANCES, NOTHING_FOUND, 1, NOW),
        "admit, open, close": book,
        "build the provider's request": lambda: wire.build_request(
            call, attempt.endpoint, generation_id="gen-1"
        ),
        "parse the provider's answer": lambda: wire.parse_response(ANSWER, call=call),
    }
    for name, work in parts.items():
        print(f"  {name:<30} {best(work):5.1f} µs")


async def run(folder: Path, child: subprocess.Popen[str], seconds: float, rounds: int) -> None:
    """Measure against the other process, end it, and look at the parts."""
    assert child.stdout is not None
    runtime = await ready_runtime(folder, catalog_of(int(child.stdout.readline())))
    await measure(runtime, child, seconds, rounds)
    child.kill()
    await report_parts(runtime)
    runtime.journal._is_stopping.set()


def main(seconds: float = 3.0, rounds: float = 5) -> None:
    """Start the other process and measure."""
    command = [sys.executable, "-m", "benchmarks.request", "play", *(["realistic"] if IS_REALISTIC else [])]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child,
    ):
        uvloop.run(run(Path(folder), child, seconds, int(rounds)))


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if word != "realistic"]
    if given == ["play"]:
        uvloop.run(play())
    else:
        main(*map(float, given))
