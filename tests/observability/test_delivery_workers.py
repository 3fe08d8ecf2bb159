"""Real workers, real receivers: nobody waits for another's vendor, and nothing that breaks loses a trace."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest

from tests.observability.broadcasts import Receiver, public, receiver
from tests.observability.delivery_drill import (
    Drill,
    Throttle,
    free_port,
    running_drill,
    running_redis,
    silent_listener,
)

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

ROUNDING_SECONDS = 0.5
"""Two medians of delays that consist of beats of half a second."""


@pytest.fixture(params=["files", "redis"])
def drill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drill]:
    """Everything running, with either broker."""
    tmp_path.chmod(0o711)
    with ExitStack() as stack:
        url = "filesystem://localhost//"
        if request.param == "redis":
            if shutil.which("redis-server") is None:
                pytest.skip("there is no redis-server on this machine")
            url = stack.enter_context(running_redis(tmp_path))
        drill = stack.enter_context(running_drill(tmp_path, url))
        drill.start_worker()
        yield drill


def median_delay(drill: Drill, vendor: Receiver, ids: list[UUID]) -> float:
    """The median of the seconds from booking to the vendor's yes."""
    at = {each: request.at for request in vendor.received for each in request.ids}
    return statistics.median(
        at[name] - drill.enqueued_at[each] for each, name in zip(ids, public(ids), strict=True)
    )


class TestAVendorInTrouble:
    def test_delays_no_other_and_loses_nothing_whatever_breaks(self, drill: Drill):
        with ExitStack() as stack:
            vendors = {
                "healthy": stack.enter_context(receiver()),
                "slow": stack.enter_context(receiver(slow)),
                "throttled": stack.enter_context(receiver(Throttle())),
                "picky": stack.enter_context(receiver()),
            }
            at = {name: drill.broadcasts.destination(vendor.url) for name, vendor in vendors.items()}
            at["refusing"] = drill.broadcasts.destination(f"http://127.0.0.1:{free_port()}/")
            at["silent"] = drill.broadcasts.destination(stack.enter_context(silent_listener()))
            healthy = vendors["healthy"]

            def settled(*names: str) -> None:
                drill.wait(lambda: not any(drill.pending(at[name]) for name in names), f"end of {names}")

            drill.load(1, at["healthy"])
            settled("healthy")
            alone_ids = drill.load(5, at["healthy"])
            settled("healthy")
            alone = median_delay(drill, healthy, alone_ids)

            poison = set(public(drill.broadcasts.requests(1, at["picky"])))
            vendors["picky"].behaviour = lambda ids: (400 if poison & set(ids) else 200, {})
            drill.load(3, *at.values())  # the breakers learn
            among_ids = drill.load(8, *at.values())
            settled("healthy")
            among = median_delay(drill, healthy, among_ids)
            print(f"median delay {alone:.2f} s alone, {among:.2f} s among five in trouble")
            assert among <= 2 * alone + ROUNDING_SECONDS

            drill.load(1, at["healthy"], at["slow"])
            drill.kill_worker()
            drill.wipe_broker()
            lost_ids = drill.load(1, at["healthy"], at["slow"])
            drill.start_worker()
            drill.restart_database()
            last_ids = drill.load(2, at["healthy"], at["slow"])
            for name in ("slow", "throttled"):
                vendors[name].behaviour = lambda _: (200, {})
            began = time.monotonic()
            settled("healthy", "slow", "throttled", "picky")
            print(f"all settled {time.monotonic() - began:.1f} s after everything broke")

            everything = [*alone_ids, *among_ids, *lost_ids, *last_ids]
            assert set(public(everything)) <= set(healthy.taken)
            for name in ("healthy", "slow", "throttled"):
                accepted, sent, dead, dropped = drill.broadcasts.counts(at[name])
                assert (sent, dead, dropped) == (accepted, 0, 0)
            accepted, sent, dead, _ = drill.broadcasts.counts(at["picky"])
            assert (accepted - sent, dead) == (1, 1)
            drill.broadcasts.assert_nothing_is_lost()


def slow(_ids: list[str]) -> tuple[int, dict[str, str]]:
    """Answers in its own time."""
    time.sleep(2.5)
    return 200, {}
