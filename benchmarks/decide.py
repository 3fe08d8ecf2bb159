"""How long one decision takes: `python -m benchmarks.decide`, a key with two purses, a model at three providers."""

from __future__ import annotations

import time

from routing.decide import decide
from routing.decision import NO_BALANCES, NOTHING_FOUND
from tests.routing.make import (
    CREDITS,
    KEY_LIMIT,
    NOW,
    make_call,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
)

ROUNDS, REPEATS = 5_000, 7


def main() -> None:
    endpoints = [make_endpoint(f"provider-{n}", price=make_price(n * 10**9, n * 10**9)) for n in (1, 2, 3)]
    catalog = make_catalog(make_model("simulator/echo", *endpoints))
    policy, call = make_policy(CREDITS, KEY_LIMIT), make_call("simulator/echo")
    best = float("inf")
    for _ in range(REPEATS):
        started = time.process_time()
        for seed in range(ROUNDS):
            decide(policy, call, catalog, {}, NO_BALANCES, NOTHING_FOUND, seed, NOW)
        best = min(best, (time.process_time() - started) / ROUNDS)
    print(f"decide: {best * 1e6:.1f} µs per request (best of {REPEATS} × {ROUNDS})")


if __name__ == "__main__":
    main()
