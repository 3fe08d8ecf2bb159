"""Leases against a real database: exactness, recall, windows, limits, outages, the fence (spec/money.md §3, §5)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from tests.workspaces.lease_world import LeaseWorld, Process, PurseDatabase, admitted, eventually
from workspaces.leases import Admitted, Leases, LocalPurse, Reason, Refused, Unavailable
from workspaces.local_purse import PurseSpec
from workspaces.windows import LIFETIME_STARTS_AT

CENT = 10_000_000
SEEDS = [*range(3), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(3, 10))]


async def spend(
    process: Process, specs: list[PurseSpec], hold: int, cost: int, draw: random.Random
) -> object:
    """One request: some time before it comes, some time until it is settled."""
    holds = [(purse, hold) for purse in process.purses(*specs)]
    await asyncio.sleep(draw.random() * 0.05)
    result = await process.leases.admit(holds)
    if isinstance(result, Admitted):
        await asyncio.sleep(draw.random() * 0.05)
        process.leases.settle(result, [cost] * len(holds))
    return result


async def spend_on_all(
    world: LeaseWorld, specs: list[PurseSpec], count: int, hold: int, cost: int, seed: int
) -> list[object]:
    """So many requests at once, spread over all processes."""
    draw = random.Random(seed)
    each = [world.processes[number % len(world.processes)] for number in range(count)]
    return await asyncio.gather(*(spend(process, specs, hold, cost, draw) for process in each))


def how_many(results: Sequence[object], kind: type) -> int:
    return sum(isinstance(result, kind) for result in results)


def layers(purses: PurseDatabase, limit: int, strict: bool) -> list[PurseSpec]:
    """Six purses of one request, the second of which is the narrow one."""
    limits = [10**6, limit, 10**6, 10**5, 10 * limit, None]
    return [
        purses.purse(each, strict=strict, interval=interval)
        for each, interval in zip(limits, "tttdmw", strict=True)
    ]


class TestExactlyWhatTheLimitPaysFor:
    @pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
    @pytest.mark.parametrize("count", [2, 4])
    @pytest.mark.parametrize("seed", SEEDS)
    async def test_fifty_of_two_hundred(self, world, purses, count, strict, seed):
        for _ in range(count):
            await world.process()
        specs = layers(purses, 50, strict)

        results = await spend_on_all(world, specs, 200, 1, 1, seed)

        assert (how_many(results, Admitted), how_many(results, Unavailable)) == (50, 0)
        assert all(result.purse_ids == (specs[1].id,) for result in results if isinstance(result, Refused))

    @pytest.mark.parametrize("strict", [False, True], ids=["default", "strict"])
    @pytest.mark.parametrize("seed", SEEDS)
    async def test_fifty_when_one_answer_in_ten_is_lost_after_the_commit(self, world, purses, strict, seed):
        for number in range(4):
            process = await world.process()
            process.wire.losses.seed(seed * 10 + number)
            process.wire.loss_rate = 0.1
        specs = layers(purses, 50, strict)

        results = await spend_on_all(world, specs, 200, 1, 1, seed)

        assert (how_many(results, Admitted), how_many(results, Unavailable)) == (50, 0)

    @pytest.mark.parametrize("seed", range(3))
    async def test_estimates_twice_the_cost_never_pass_the_limit_nor_leave_money(self, world, purses, seed):
        for _ in range(2):
            await world.process()
        spec = purses.purse(50)
        spent = 0

        for _ in range(8):
            results = await spend_on_all(world, [spec], 100, 2, 1, seed)
            spent += how_many(results, Admitted)
            assert spent <= 50

        assert spent == 50

    async def test_what_one_large_hold_left_over_is_not_spent_by_those_after_it(self, world, purses):
        process, spec, draw = await world.process(), purses.purse(50), random.Random(1)
        await spend(process, [spec], 900, 1, draw)

        results = [await spend(process, [spec], 1, 1, draw) for _ in range(60)]

        assert how_many(results, Admitted) == 49

    async def test_everything_is_given_back_but_what_was_spent(self, world, purses):
        for _ in range(3):
            await world.process()
        specs = layers(purses, 50, strict=False)
        await spend_on_all(world, specs, 200, 1, 1, seed=1)

        await asyncio.gather(*(process.leases.close() for process in world.processes))

        assert [purses.value(spec, "leased_nano") for spec in specs] == [50] * 6
        assert purses.unbalanced() == []


class TestAnAdmission:
    async def test_takes_the_fast_path_without_a_call_once_there_is_a_lease(self, world, purses):
        process = await world.process()
        holds = [(purse, CENT) for purse in process.purses(purses.purse(None), purses.purse(1000 * CENT))]
        process.leases.settle(await admitted(process.leases.admit(holds)), [CENT, CENT])
        await eventually(lambda: all(not purse.is_busy for purse, _ in holds))
        calls = process.leases.calls_made

        result = process.leases.try_admit(holds)

        assert isinstance(result, Admitted)
        assert process.leases.calls_made == calls

    async def test_says_which_window_each_hold_was_taken_in(self, world, purses):
        process = await world.process()
        lifetime, daily = process.purses(purses.purse(100), purses.purse(100, interval="d"))

        result = await admitted(process.leases.admit([(lifetime, 5), (daily, 7)]))

        today = purses.value(PurseSpec(daily.id, "d", False), "window_start")
        assert result.windows == (
            (lifetime.id, LIFETIME_STARTS_AT, 5),
            (daily.id, int(today.timestamp()) * 1_000_000, 7),
        )

    async def test_of_a_purse_that_is_not_there_is_unavailable(self, world, purses):
        process = await world.process()

        result = await process.leases.admit([(process.leases.purse(PurseSpec(10**12, "t", False)), 1)])

        assert isinstance(result, Unavailable)

    async def test_names_each_purse_once(self, world, purses):
        process = await world.process()
        purse = process.leases.purse(purses.purse(100))

        with pytest.raises(ValueError, match="more than once"):
            await process.leases.admit([(purse, 1), (purse, 1)])

    async def test_takes_nothing_anywhere_when_one_lease_is_too_small(self, world, purses):
        process = await world.process()
        first, second = process.purses(purses.purse(1000), purses.purse(1000))
        for purse in (first, second):
            process.leases.settle(await admitted(process.leases.admit([(purse, 10)])), [10])
        await eventually(lambda: not first.is_busy and not second.is_busy)

        assert process.leases.try_admit([(first, 1), (second, 900)]) is None

        assert (first.used, second.used) == (10, 10)

    async def test_is_all_or_none(self, world, purses):
        process = await world.process()
        rich, poor = process.purses(purses.purse(100), purses.purse(0))

        result = await process.leases.admit([(rich, 60), (poor, 60)])

        assert isinstance(result, Refused)
        assert isinstance(await process.leases.admit([(rich, 100)]), Admitted)

    async def test_names_every_purse_that_refuses(self, world, purses):
        process = await world.process()
        specs = [purses.purse(0), purses.purse(100), purses.purse(30, strict=True)]

        result = await process.leases.admit([(purse, 40) for purse in process.purses(*specs)])

        assert isinstance(result, Refused)
        assert {(each.purse_id, each.reason, each.room) for each in result.shortages} == {
            (specs[0].id, Reason.EXHAUSTED, 0),
            (specs[2].id, Reason.SHORT, 30),
        }

    async def test_gives_up_its_place_when_the_caller_goes(self, world, purses):
        first, second = await world.process(), await world.process()
        spec, other = purses.purse(10), purses.purse(10)
        taken = await admitted(first.leases.admit([(first.leases.purse(spec), 10)]))
        waiting = asyncio.create_task(
            second.leases.admit([(purse, 10) for purse in second.purses(other, spec)])
        )
        await eventually(lambda: second.leases.waiting)

        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

        first.leases.settle(taken, [0])
        assert isinstance(await second.leases.admit([(p, 10) for p in second.purses(other, spec)]), Admitted)
        assert second.leases.waiting == 0

    async def test_is_settled_once(self, world, purses):
        process = await world.process()
        admission = await admitted(process.leases.admit([(process.leases.purse(purses.purse(10)), 5)]))
        process.leases.settle(admission, [5])

        with pytest.raises(RuntimeError, match="exactly once"):
            process.leases.settle(admission, [5])

    async def test_holds_of_nothing_pass_an_exhausted_purse(self, world, purses):
        process = await world.process()
        empty, full = process.purses(purses.purse(0), purses.purse(100))
        await process.leases.admit([(empty, 1)])

        result = await process.leases.admit([(empty, 0), (full, 10)])

        assert isinstance(result, Admitted)

    async def test_waits_for_money_that_a_request_in_flight_returns(self, world, purses):
        process = await world.process()
        purse = process.leases.purse(purses.purse(10, strict=True))
        first = await admitted(process.leases.admit([(purse, 10)]))
        second = asyncio.create_task(process.leases.admit([(purse, 10)]))
        await eventually(lambda: process.leases.waiting)

        process.leases.settle(first, [0])

        assert isinstance(await second, Admitted)


class TestAnExtension:
    async def test_takes_more_for_the_same_request_in_the_same_windows(self, world, purses):
        process = await world.process()
        purse = process.leases.purse(purses.purse(100, interval="d", strict=True))
        first = await admitted(process.leases.admit([(purse, 60)]))

        more = await admitted(process.leases.extend(first, [(purse, 40)]))

        assert more.windows[0][1] == first.windows[0][1]
        assert isinstance(await process.leases.admit([(purse, 1)]), Refused)

    async def test_leaves_the_first_holds_alone_when_it_is_refused(self, world, purses):
        process = await world.process()
        spec = purses.purse(100, strict=True)
        purse = process.leases.purse(spec)
        first = await admitted(process.leases.admit([(purse, 60)]))

        refused = await process.leases.extend(first, [(purse, 41)])

        assert isinstance(refused, Refused)
        process.leases.settle(first, [60])
        assert isinstance(await process.leases.admit([(purse, 40)]), Admitted)


class TestMoneyThatLiesElsewhere:
    async def hoard(self, world: LeaseWorld, purses: PurseDatabase) -> tuple[Process, Process, PurseSpec]:
        """The first process sits on most of a purse; the second needs it."""
        hoarder, needy = await world.process(heartbeat_seconds=0.2), await world.process()
        spec = purses.purse(100)
        purse = hoarder.leases.purse(spec)
        hoarder.leases.settle(await admitted(hoarder.leases.admit([(purse, 20)])), [20])
        await eventually(lambda: not purse.is_busy)
        assert purse.free >= 60
        return hoarder, needy, spec

    async def test_is_called_back_by_a_notice(self, world, purses):
        hoarder, needy, spec = await self.hoard(world, purses)

        results = [await needy.leases.admit([(needy.leases.purse(spec), 20)]) for _ in range(4)]

        assert how_many(results, Admitted) == 4
        assert hoarder.leases.purse(spec).free == 0

    async def test_is_called_back_by_the_heartbeat_alone_when_listening_is_cut(self, world, purses):
        hoarder, needy, spec = await self.hoard(world, purses)
        hoarder.listening.cut()

        results = [await needy.leases.admit([(needy.leases.purse(spec), 20)]) for _ in range(4)]

        assert how_many(results, Admitted) == 4

    async def test_is_given_back_when_idle_and_the_lease_ends_once_it_is_booked(self, world, purses):
        process = await world.process(idle_seconds=0.2)
        spec = purses.purse(1000)
        purse = process.leases.purse(spec)
        admission = await admitted(process.leases.admit([(purse, 10)]))
        process.leases.settle(admission, [10])
        await eventually(lambda: purses.value(spec, "leased_nano") == 10)

        purses.ingest(process.identity, [(spec.id, LIFETIME_STARTS_AT, 10)])

        await eventually(lambda: process.leases.active_purses == 0)
        assert purses.columns("purse", "leased_nano, holders, loose", "id = %s", spec.id) == (0, 0, 0)

    async def test_is_taken_anew_after_the_lease_ended(self, world, purses):
        process = await world.process(idle_seconds=0.1)
        spec = purses.purse(20)
        for _ in range(2):
            purse = process.leases.purse(spec)
            process.leases.settle(await admitted(process.leases.admit([(purse, 10)])), [10])
            await eventually(lambda: purses.value(spec, "leased_nano") == 10)
            purses.ingest(process.identity, [(spec.id, LIFETIME_STARTS_AT, 10)])
            await eventually(lambda: process.leases.active_purses == 0)
            del purse

        result = await process.leases.admit([(process.leases.purse(spec), 1)])

        assert isinstance(result, Refused)
        assert result.shortages[0].reason is Reason.EXHAUSTED

    async def test_is_returned_after_a_long_request_of_an_idle_purse(self, world, purses):
        process = await world.process(idle_seconds=0.1)
        spec = purses.purse(100)
        admission = await admitted(process.leases.admit([(process.leases.purse(spec), 50)]))
        await eventually(lambda: purses.value(spec, "leased_nano") == 50)

        process.leases.settle(admission, [10])

        await eventually(lambda: purses.value(spec, "leased_nano") == 10)


class TestALimitThatChanges:
    async def lease(self, process: Process, spec: PurseSpec, nano: int) -> LocalPurse:
        purse = process.leases.purse(spec)
        process.leases.settle(await admitted(process.leases.admit([(purse, nano)])), [nano])
        await eventually(lambda: not purse.is_busy)
        return purse

    async def test_lowered_is_kept_at_once(self, world, purses):
        process = await world.process()
        spec = purses.purse(1000)
        purse = await self.lease(process, spec, 100)
        assert purse.free > 0

        purses.set_limit(spec, 150)
        await eventually(lambda: purse.free == 0)

        results = [await process.leases.admit([(purse, 50)]) for _ in range(2)]
        assert [type(result) for result in results] == [Admitted, Refused]

    async def test_lowered_below_what_is_spent_refuses_and_cuts_nothing(self, world, purses):
        process = await world.process()
        spec = purses.purse(1000)
        purse = process.leases.purse(spec)
        in_flight = await admitted(process.leases.admit([(purse, 400)]))

        purses.set_limit(spec, 100)
        await eventually(lambda: purse.free == 0)

        assert isinstance(await process.leases.admit([(purse, 1)]), Refused)
        process.leases.settle(in_flight, [400])
        assert purses.value(spec, "leased_nano") == 400

    @pytest.mark.parametrize("limit", [1000, None], ids=["raised", "removed"])
    async def test_that_refused_admits_again(self, world, purses, limit):
        process = await world.process()
        spec = purses.purse(0)
        purse = process.leases.purse(spec)
        assert isinstance(await process.leases.admit([(purse, 10)]), Refused)

        purses.set_limit(spec, limit)
        await eventually(lambda: purse.dry_until == 0.0)

        assert isinstance(await process.leases.admit([(purse, 10)]), Admitted)

    async def test_set_to_nothing_refuses_everything(self, world, purses):
        process = await world.process()
        spec = purses.purse(None)
        purse = await self.lease(process, spec, 10)

        purses.set_limit(spec, 0)
        await eventually(lambda: purse.free == 0)

        assert isinstance(await process.leases.admit([(purse, 1)]), Refused)

    async def test_that_is_exhausted_is_refused_without_a_call_for_a_second(self, world, purses):
        process = await world.process()
        purse = process.leases.purse(purses.purse(0))
        await process.leases.admit([(purse, 1)])
        calls = process.leases.calls_made

        results = [await process.leases.admit([(purse, 1)]) for _ in range(20)]

        assert how_many(results, Refused) == 20
        assert process.leases.calls_made == calls

    async def test_counts_byok_only_where_it_says_so(self, world, purses):
        process = await world.process()
        both = purses.purse(100, with_byok=50, strict=True)
        purse = process.leases.purse(both)
        process.leases.settle(await admitted(process.leases.admit([(purse, 40)])), [40])
        await eventually(lambda: not purse.is_busy)
        purses.ingest(process.identity, [(both.id, LIFETIME_STARTS_AT, 40)], byok=40)

        results = [await process.leases.admit([(purse, nano)]) for nano in (11, 10)]

        assert [type(result) for result in results] == [Refused, Admitted]
        assert results[0].shortages[0].room == 10

    async def test_on_byok_alone_does_not_ask_what_credits_were_spent(self, world, purses):
        process = await world.process()
        allowance = purses.purse(None, on_byok=100, strict=True)
        purse = process.leases.purse(allowance)
        process.leases.settle(await admitted(process.leases.admit([(purse, 60)])), [60])
        await eventually(lambda: not purse.is_busy)
        purses.ingest(process.identity, [(allowance.id, LIFETIME_STARTS_AT, 60)], byok=60)
        purses.admin.execute("UPDATE purse SET spent_nano = 10000 WHERE id = %s", [allowance.id])

        results = [await process.leases.admit([(purse, nano)]) for nano in (41, 40, 1)]

        assert [type(result) for result in results] == [Refused, Admitted, Refused]


class TestADatabaseThatIsAway:
    async def test_is_not_noticed_by_who_has_a_lease(self, world, purses):
        process = await world.process()
        purse = process.leases.purse(purses.purse(10_000))
        process.leases.settle(await admitted(process.leases.admit([(purse, 10)])), [10])
        await eventually(lambda: not purse.is_busy and purse.free >= 30)

        process.wire.cut()

        assert [type(await process.leases.admit([(purse, 10)])) for _ in range(3)] == [Admitted] * 3

    async def test_is_unavailable_never_refused_to_who_finds_no_money(self, world, purses):
        process = await world.process()
        purse = process.leases.purse(purses.purse(10_000))
        process.wire.cut()

        result = await process.leases.admit([(purse, 10)])

        assert result == Unavailable(retry_after_seconds=1)
        assert process.leases.is_database_away(0.5)

    async def test_serves_again_when_it_is_back_and_has_lost_nothing(self, world, purses):
        process = await world.process()
        spec = purses.purse(100)
        purse = process.leases.purse(spec)
        held = await admitted(process.leases.admit([(purse, 20)]))
        process.wire.cut()
        process.leases.settle(held, [20])
        for _ in range(10):
            last = await process.leases.admit([(purse, 20)])
            if isinstance(last, Unavailable):
                break
            process.leases.settle(last, [20])
        process.wire.mend()

        results = await self.until_refused(process.leases, purse)

        assert purse.used == 100
        assert isinstance(results[-1], Refused)

    async def until_refused(self, leases: Leases, purse: LocalPurse) -> list[object]:
        results: list[object] = []
        while not results or not isinstance(results[-1], Refused):
            results.append(await leases.admit([(purse, 20)]))
            if isinstance(results[-1], Admitted):
                leases.settle(results[-1], [20])
        return results

    async def test_that_is_slow_is_waited_for(self, world, purses):
        process = await world.process()
        purse = process.leases.purse(purses.purse(100))
        await admitted(process.leases.admit([(purse, 1)]))
        await eventually(lambda: not purse.is_busy)
        process.wire.delay_seconds = 0.2

        assert isinstance(await process.leases.admit([(purse, 50)]), Admitted)

    async def test_ends_a_call_that_goes_on_behind_a_broken_connection(self, world, purses):
        process = await world.process()
        spec = purses.purse(100, strict=True)
        purse = process.leases.purse(spec)
        process.leases.settle(await admitted(process.leases.admit([(purse, 10)])), [10])
        await eventually(lambda: not purse.is_busy)
        with purses.admin.transaction():
            purses.admin.execute("SELECT 1 FROM purse WHERE id = %s FOR UPDATE", [spec.id])
            waiting = asyncio.create_task(process.leases.admit([(purse, 80)]))
            await eventually(lambda: process.leases.waiting and purse.is_busy)
            await eventually(lambda: blocked(purses))

            process.wire.cut()
            process.wire.mend()
            await eventually(lambda: not blocked(purses))

        await waiting
        await eventually(lambda: not purse.is_busy)
        row = purses.columns("lease", "granted_nano", "purse_id = %s", spec.id)
        assert row == (purse.granted,)


def blocked(purses: PurseDatabase) -> bool:
    """Whether a lease call waits for a lock."""
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%lease_op%'"
    return purses.admin.execute(query).fetchone() is not None


class TestAFence:
    async def test_makes_the_process_start_from_what_it_was_left(self, world, purses):
        process = await world.process()
        spec = purses.purse(1000)
        purse = process.leases.purse(spec)
        open_request = await admitted(process.leases.admit([(purse, 100)]))
        await eventually(lambda: not purse.is_busy)
        assert purse.free > 0

        process.fence.is_up = True
        purses.reap_idle_money(process.identity, {spec.id: 100})
        await eventually(lambda: not process.fence.is_up and not purse.is_busy)

        assert (purse.granted, purse.free) == (100, 0)
        process.leases.settle(open_request, [100])
        process.leases.settle(await admitted(process.leases.admit([(purse, 900)])), [900])
        assert isinstance(await process.leases.admit([(purse, 1)]), Refused)
        assert purses.unbalanced() == []

    async def test_of_a_reaper_that_gave_up_is_taken_down(self, world, purses):
        process = await world.process()

        process.fence.is_up = True

        await eventually(lambda: not process.fence.is_up)

    async def test_lets_a_waiting_request_begin_anew(self, world, purses):
        process, other = await world.process(), await world.process()
        spec, wide = purses.purse(10), purses.purse(1000)
        holder = await admitted(other.leases.admit([(other.leases.purse(spec), 10)]))
        waiting = asyncio.create_task(process.leases.admit([(p, 10) for p in process.purses(wide, spec)]))
        await eventually(lambda: process.leases.waiting)

        process.fence.is_up = True
        purses.reap_idle_money(process.identity, {})
        other.leases.settle(holder, [0])

        assert isinstance(await waiting, Admitted)
        await eventually(lambda: not any(purse.is_busy for purse in process.purses(wide, spec)))
        assert purses.unbalanced() == []

    async def test_that_nobody_takes_down_leaves_other_processes_alone(self, world, purses):
        paused, running = await world.process(), await world.process()
        spec = purses.purse(100)
        first = paused.leases.purse(spec)
        paused.leases.settle(await admitted(paused.leases.admit([(first, 20)])), [20])
        await eventually(lambda: not first.is_busy)
        paused.wire.cut()
        paused.listening.cut()

        purses.ingest(paused.identity, [(spec.id, LIFETIME_STARTS_AT, 20)])
        purses.reap_idle_money(paused.identity, {})

        assert isinstance(await running.leases.admit([(running.leases.purse(spec), 80)]), Admitted)

    async def test_a_process_whose_row_is_gone_admits_nothing_any_more(self, world, purses):
        lost = asyncio.Event()
        process = await world.process(on_process_lost=lost.set)
        purse = process.leases.purse(purses.purse(1000))
        held = await admitted(process.leases.admit([(purse, 100)]))

        purses.admin.execute("DELETE FROM gateway_process WHERE id = %s", [process.identity])
        await asyncio.wait_for(lost.wait(), 5)

        process.leases.settle(held, [0])
        assert isinstance(await process.leases.admit([(purse, 1)]), Unavailable)


class TestClosing:
    async def test_leaves_the_holds_of_requests_in_flight(self, world, purses):
        process = await world.process()
        spec = purses.purse(1000)
        await admitted(process.leases.admit([(process.leases.purse(spec), 100)]))

        await process.leases.close()

        assert purses.value(spec, "leased_nano") == 100
        assert purses.columns("gateway_process", "1", "id = %s", process.identity) == (1,)
        assert isinstance(await process.leases.admit([(process.leases.purse(spec), 1)]), Unavailable)

    async def test_is_bounded_when_the_database_is_away(self, world, purses):
        process = await world.process()
        await admitted(process.leases.admit([(process.leases.purse(purses.purse(1000)), 100)]))
        process.wire.cut()

        async with asyncio.timeout(5):
            await process.leases.close()
