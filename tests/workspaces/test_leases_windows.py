"""Windows that end while requests are in flight, and clocks that differ (spec/money.md §3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.workspaces.lease_world import Process, PurseDatabase, admitted, eventually
from workspaces.leases import Admitted, Reason, Refused, Unavailable
from workspaces.windows import from_datetime

MIDNIGHT = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
YESTERDAY, TODAY = MIDNIGHT - timedelta(days=1), MIDNIGHT


@pytest.fixture
def before_midnight(purses: PurseDatabase) -> PurseDatabase:
    """It is a minute to midnight for who looks at the staged clock."""
    purses.stage_clock(MIDNIGHT - timedelta(minutes=1))
    return purses


async def pass_midnight(purses: PurseDatabase, *processes: Process) -> None:
    """Let a minute pass at once."""
    purses.stage_clock(MIDNIGHT + timedelta(seconds=1))
    await eventually(lambda: all(process.leases.now() >= from_datetime(MIDNIGHT) for process in processes))


def window_row(purses: PurseDatabase, purse_id: int, start: datetime) -> tuple[int, ...] | None:
    return purses.columns("lease", "granted_nano", "purse_id = %s AND window_start = %s", purse_id, start)


class TestAWindowThatEndsWhileRunning:
    async def test_gives_new_requests_the_whole_new_limit(self, world, before_midnight):
        process = await world.process(on_staged_clock=True)
        spec = before_midnight.purse(100, interval="d")
        purse = process.leases.purse(spec)
        process.leases.settle(await admitted(process.leases.admit([(purse, 100)])), [100])
        assert isinstance(await process.leases.admit([(purse, 1)]), Refused)

        await pass_midnight(before_midnight, process)

        admission = await admitted(process.leases.admit([(purse, 100)]))
        assert admission.windows == ((spec.id, from_datetime(TODAY), 100),)
        assert before_midnight.columns("purse", "window_start, leased_nano", "id = %s", spec.id) == (
            TODAY,
            100,
        )

    async def test_settles_an_old_request_on_the_old_lease_only(self, world, before_midnight):
        process = await world.process(on_staged_clock=True)
        spec = before_midnight.purse(1000, interval="d")
        purse = process.leases.purse(spec)
        old = await admitted(process.leases.admit([(purse, 100)]))
        await pass_midnight(before_midnight, process)
        new = await admitted(process.leases.admit([(purse, 10)]))
        await eventually(lambda: not purse.is_busy)
        granted = purse.granted

        process.leases.settle(old, [30])

        await eventually(lambda: window_row(before_midnight, spec.id, YESTERDAY) == (30,))
        assert old.windows[0][1] < new.windows[0][1]
        assert (purse.granted, purse.used) == (granted, 10)
        assert window_row(before_midnight, spec.id, TODAY) == (granted,)
        assert before_midnight.unbalanced() == []

    async def test_counts_a_cost_above_an_old_hold_on_the_old_lease(self, world, before_midnight):
        process = await world.process(on_staged_clock=True)
        spec = before_midnight.purse(1000, interval="d")
        purse = process.leases.purse(spec)
        old = await admitted(process.leases.admit([(purse, 100)]))
        await pass_midnight(before_midnight, process)
        await admitted(process.leases.admit([(purse, 10)]))

        process.leases.settle(old, [130])

        await eventually(lambda: window_row(before_midnight, spec.id, YESTERDAY) == (130,))
        assert purse.used == 10

    async def test_returns_what_was_free_in_the_old_lease(self, world, before_midnight):
        process = await world.process(on_staged_clock=True, idle_seconds=0.2)
        spec = before_midnight.purse(1000, interval="d")
        purse = process.leases.purse(spec)
        await admitted(process.leases.admit([(purse, 100)]))
        assert purse.free > 0

        await pass_midnight(before_midnight, process)

        await eventually(lambda: window_row(before_midnight, spec.id, YESTERDAY) == (100,))

    async def test_lets_a_request_that_waits_begin_anew_in_the_new_one(self, world, before_midnight):
        process = await world.process(on_staged_clock=True, heartbeat_seconds=0.02)
        other = await world.process(on_staged_clock=True, heartbeat_seconds=0.02)
        spec, lifetime = before_midnight.purse(100, interval="d"), before_midnight.purse(100)
        await admitted(other.leases.admit([(other.leases.purse(spec), 100)]))
        before_midnight.admin.execute("UPDATE purse SET loose = loose + 1 WHERE id = %s", [spec.id])
        waiting = asyncio.create_task(
            process.leases.admit([(purse, 60) for purse in process.purses(lifetime, spec)])
        )
        await eventually(lambda: process.leases.waiting)

        await pass_midnight(before_midnight, process)

        admission = await admitted(waiting)
        assert admission.windows[1] == (spec.id, from_datetime(TODAY), 60)
        assert process.leases.purse(lifetime).used == 60

    async def test_has_nothing_more_for_a_request_that_began_in_it(self, world, before_midnight):
        process = await world.process(on_staged_clock=True)
        purse = process.leases.purse(before_midnight.purse(1000, interval="d"))
        old = await admitted(process.leases.admit([(purse, 100)]))
        await pass_midnight(before_midnight, process)
        await admitted(process.leases.admit([(purse, 10)]))

        result = await process.leases.extend(old, [(purse, 10)])

        assert isinstance(result, Refused)
        assert result.shortages[0].reason is Reason.WINDOW_OVER

    async def test_goes_on_through_midnight_with_many_requests(self, world, before_midnight):
        process = await world.process(on_staged_clock=True)
        specs = [before_midnight.purse(10_000, interval=interval) for interval in "dwmt"]
        settled: list[tuple[int, int, int]] = []

        async def request() -> None:
            admission = await admitted(
                process.leases.admit([(purse, 10) for purse in process.purses(*specs)])
            )
            await asyncio.sleep(0.01)
            process.leases.settle(admission, [7] * 4)
            settled.extend((purse_id, window, 7) for purse_id, window, _ in admission.windows)

        first = [asyncio.create_task(request()) for _ in range(50)]
        await pass_midnight(before_midnight, process)
        await asyncio.gather(*first, *(request() for _ in range(50)))
        await process.leases.close()

        before_midnight.ingest(process.identity, settled)
        assert [before_midnight.value(spec, "leased_nano") for spec in specs] == [0] * 4
        assert before_midnight.value(specs[3], "spent_nano") == 700
        assert before_midnight.unbalanced() == []


class TestClocksThatDiffer:
    async def test_a_slow_process_follows_the_purse_into_its_new_window(self, world, before_midnight):
        slow, fast = await world.process(), await world.process(on_staged_clock=True)
        spec = before_midnight.purse(100, interval="d")
        await pass_midnight(before_midnight, fast)
        await admitted(fast.leases.admit([(fast.leases.purse(spec), 10)]))

        result = await admitted(slow.leases.admit([(slow.leases.purse(spec), 10)]))

        assert slow.leases.now() >= from_datetime(TODAY)
        assert result.windows == ((spec.id, from_datetime(TODAY), 10),)

    async def test_a_clock_set_back_admits_nothing_to_a_window_that_has_not_begun(
        self, world, before_midnight
    ):
        process = await world.process(on_staged_clock=True)
        early, late, lifetime = (before_midnight.purse(100, interval=interval) for interval in "ddt")
        await pass_midnight(before_midnight, process)
        await admitted(process.leases.admit([(process.leases.purse(early), 10)]))

        before_midnight.stage_clock(None)

        result = await process.leases.admit([(process.leases.purse(late), 10)])
        assert isinstance(result, Unavailable)
        assert isinstance(await process.leases.admit([(process.leases.purse(lifetime), 10)]), Admitted)
