"""lease_op, in the database: the central rule, windows, limits, tightness, the fence (spec/money.md §2)."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest

from tests.workspaces.lease_world import PurseDatabase
from workspaces.local_purse import PurseSpec
from workspaces.windows import from_datetime, to_datetime, window_of

LIFETIME = datetime(2000, 1, 1, tzinfo=UTC)


class Answered(NamedTuple):
    status: str
    delta: int
    tight: bool
    others_loose: bool
    room: int | None
    exhausted: bool
    window: datetime | None
    byok: int


@pytest.fixture
def call(purses: PurseDatabase):
    """Call lease_op with named arguments; what is not named is nothing."""

    def call(
        process: uuid.UUID,
        purse: PurseSpec,
        *,
        window: datetime = LIFETIME,
        epoch: int = 0,
        give: int = 0,
        force: int = 0,
        asks: Sequence[int] = (),
        want: int = 0,
        unit: int = 1,
        leave: bool = False,
    ) -> Answered:
        row = purses.admin.execute(
            "SELECT * FROM lease_op(%s, %s, %s, %s, %s, %s, %s::bigint[], %s, %s, %s)",
            [process, epoch, purse.id, window, give, force, list(asks), want, unit, leave],
        ).fetchone()
        assert row
        return Answered(*row)

    return call


def midnight(days: int = 0) -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)


class TestWindows:
    def test_begin_where_python_says_they_begin(self, purses):
        draw = random.Random(1)
        moments = [draw.randrange(from_datetime(LIFETIME), 4_000_000_000_000_000) for _ in range(300)]
        edges = [
            from_datetime(datetime(2028, 2, 29, tzinfo=UTC)),
            from_datetime(datetime(2026, 1, 1, tzinfo=UTC)),
        ]
        moments += [edge + offset for edge in edges for offset in (-1, 0, 1)]

        for interval in "dwmt":
            for moment in moments:
                in_sql = purses.admin.execute(
                    "SELECT window_start_of(%s, %s)", [interval, to_datetime(moment)]
                ).fetchone()[0]
                start, end = window_of(interval, moment)
                assert from_datetime(in_sql) == start <= moment < end

    def test_do_not_depend_on_the_session_time_zone(self, purses):
        with psycopg.connect(purses.url, options="-c timezone=Pacific/Auckland") as connection:
            start = connection.execute(
                "SELECT window_start_of('d', timestamptz '2026-03-01 23:59:59+00')"
            ).fetchone()

        assert start == (datetime(2026, 3, 1, tzinfo=UTC),)


class TestTheCentralRule:
    def test_default_takes_a_hold_while_anything_is_left(self, purses, call):
        purse, process = purses.purse(100), purses.process()

        answer = call(process, purse, asks=[60, 39, 50, 1])

        assert (answer.status, answer.delta, answer.room) == ("ok", 149, -49)

    def test_default_stops_at_the_first_that_finds_nothing(self, purses, call):
        purse, process = purses.purse(100), purses.process()

        answer = call(process, purse, asks=[100, 1, 1])

        assert answer.delta == 100

    def test_strict_passes_over_a_hold_that_does_not_fit(self, purses, call):
        purse, process = purses.purse(100, strict=True), purses.process()

        answer = call(process, purse, asks=[101, 60, 41, 40])

        assert (answer.delta, answer.room) == (100, 0)

    @pytest.mark.parametrize("strict", [False, True])
    def test_a_hold_of_nothing_is_always_taken(self, purses, call, strict):
        purse, process = purses.purse(0, strict=strict), purses.process()
        call(process, purse, force=10)

        answer = call(process, purse, asks=[0])

        assert (answer.status, answer.delta, answer.room) == ("ok", 0, -10)

    def test_a_limit_of_zero_refuses_and_is_exhausted(self, purses, call):
        purse, process = purses.purse(0), purses.process()

        answer = call(process, purse, asks=[1], want=100)

        assert (answer.delta, answer.exhausted, answer.room) == (0, True, 0)

    def test_without_a_limit_everything_is_granted(self, purses, call):
        purse, process = purses.purse(None), purses.process()

        answer = call(process, purse, asks=[10, 20], want=70)

        assert (answer.delta, answer.room, answer.exhausted, answer.tight) == (100, None, False, False)

    def test_a_cost_above_its_hold_counts_unconditionally(self, purses, call):
        purse, process = purses.purse(100), purses.process()
        call(process, purse, asks=[100])

        call(process, purse, force=30)

        assert purses.value(purse, "leased_nano") == 130

    def test_spent_money_exhausts(self, purses, call):
        purse, process = purses.purse(100), purses.process()
        call(process, purse, asks=[100])
        purses.ingest(process, [(purse.id, from_datetime(LIFETIME), 100)])

        answer = call(process, purse, asks=[1])

        assert (answer.delta, answer.exhausted, answer.room) == (0, True, 0)

    def test_negative_amounts_are_an_error(self, purses, call):
        purse, process = purses.purse(100), purses.process()

        with pytest.raises(psycopg.errors.RaiseException, match="no negative amounts"):
            call(process, purse, give=-1)


class TestTwoLimits:
    def test_the_smaller_room_counts(self, purses, call):
        purse, process = purses.purse(100, with_byok=60, strict=True), purses.process()

        assert call(process, purse, asks=[61]).delta == 0
        assert call(process, purse, asks=[60]).delta == 60

    def test_byok_spend_is_compared_with_one_of_them_only(self, purses, call):
        plain, both, process = purses.purse(100), purses.purse(100, with_byok=100), purses.process()
        for purse in (plain, both):
            call(process, purse, asks=[80])
            purses.ingest(process, [(purse.id, from_datetime(LIFETIME), 80)], byok=80)

        rooms = [call(process, purse).room for purse in (plain, both)]

        assert rooms == [100, 20]

    def test_byok_spend_exhausts_a_limit_that_counts_it(self, purses, call):
        purse, process = purses.purse(None, with_byok=50), purses.process()
        call(process, purse, asks=[50])
        purses.ingest(process, [(purse.id, from_datetime(LIFETIME), 50)], byok=50)

        answer = call(process, purse, asks=[1])

        assert (answer.delta, answer.exhausted) == (0, True)


class TestAWindowThatEnds:
    def test_is_left_by_the_first_lease_of_the_next(self, purses, call):
        purse, alone, other = purses.purse(1000, interval="d"), purses.process(), purses.process()
        call(alone, purse, window=midnight(-1), asks=[100], want=300, unit=10)
        call(other, purse, window=midnight(-1), asks=[50], unit=10)

        answer = call(alone, purse, window=midnight(), asks=[900], unit=10)

        assert (answer.delta, answer.window) == (900, midnight())
        assert purses.columns("purse", "leased_nano, holders, loose", "id = %s", purse.id) == (900, 1, 1)

    def test_answers_a_slow_clock_with_the_new_one(self, purses, call):
        purse, fast, slow = purses.purse(1000, interval="d"), purses.process(), purses.process()
        call(slow, purse, window=midnight(-1), asks=[50])
        call(fast, purse, window=midnight(), asks=[1])

        answer = call(slow, purse, window=midnight(-1), asks=[50])

        assert (answer.status, answer.delta, answer.window) == ("window", 0, midnight())

    def test_takes_returns_that_no_longer_touch_the_purse(self, purses, call):
        purse, process = purses.purse(1000, interval="d"), purses.process()
        call(process, purse, window=midnight(-1), asks=[100])
        call(process, purse, window=midnight(), asks=[7])

        call(process, purse, window=midnight(-1), give=60)

        granted = purses.columns("lease", "granted_nano", "window_start = %s", midnight(-1))
        assert granted == (40,)
        assert purses.value(purse, "leased_nano") == 7

    def test_loses_a_lease_that_is_accounted_for(self, purses, call):
        purse, process = purses.purse(1000, interval="d"), purses.process()
        call(process, purse, window=midnight(-1), asks=[100])
        purses.ingest(process, [(purse.id, from_datetime(midnight(-1)), 40)])
        call(process, purse, window=midnight(), asks=[7])

        call(process, purse, window=midnight(-1), give=60)

        assert purses.columns("lease", "1", "window_start = %s", midnight(-1)) is None

    def test_cannot_be_asked_about_before_it_begins(self, purses, call):
        purse, process = purses.purse(1000, interval="d"), purses.process()

        with pytest.raises(psycopg.errors.RaiseException, match="has not begun"):
            call(process, purse, window=midnight(1), asks=[1])

    def test_must_be_a_window_of_the_purse(self, purses, call):
        purse, process = purses.purse(1000, interval="d"), purses.process()

        with pytest.raises(psycopg.errors.RaiseException, match="no window of interval d"):
            call(process, purse, window=midnight() + timedelta(hours=1), asks=[1])


class TestALimitThatChanges:
    def test_lowered_refuses_raised_grants_removed_grants_all(self, purses, call):
        purse, holder, process = purses.purse(1000), purses.process(), purses.process()
        call(holder, purse, asks=[900])

        rooms = []
        for limit in (500, 950, None):
            purses.admin.execute("UPDATE purse SET limit_nano = %s WHERE id = %s", [limit, purse.id])
            answer = call(process, purse, asks=[10])
            rooms.append((answer.delta, answer.room))

        assert rooms == [(0, -400), (10, 40), (10, None)]


class TestNearALimit:
    def test_reserve_is_shared_among_holders(self, purses, call):
        purse, first, second = purses.purse(1000), purses.process(), purses.process()

        alone = call(first, purse, asks=[10], want=500, unit=10)
        shared = call(second, purse, asks=[10], want=500, unit=10)

        assert (alone.delta, shared.delta) == (510, 10 + (1000 - 510 - 10) // 4)

    def test_turns_tight_and_calls_the_holders_of_reserve(self, purses, call):
        purse, first, second = purses.purse(100), purses.process(), purses.process()
        call(first, purse, asks=[10], want=70, unit=10)
        with psycopg.connect(purses.url, autocommit=True) as listener:
            listener.execute("LISTEN purse")

            answer = call(second, purse, asks=[10], want=50, unit=10)

            notices = [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)]
        assert (answer.delta, answer.tight, answer.others_loose) == (10, True, True)
        assert notices == [str(purse.id)]

    def test_is_loose_again_only_with_three_times_the_room(self, purses, call):
        purse, first, second = purses.purse(100), purses.process(), purses.process()
        call(first, purse, asks=[90], unit=10)
        call(second, purse, asks=[5], unit=10)

        tight = [call(first, purse, give=40, unit=10).tight, call(first, purse, give=40, unit=10).tight]

        assert tight == [True, False]

    def test_is_not_tight_with_one_holder(self, purses, call):
        purse, process = purses.purse(100), purses.process()

        answer = call(process, purse, asks=[100], want=50, unit=10)

        assert not answer.tight

    def test_is_tight_with_one_holder_while_a_hold_reaches_beyond_the_limit(self, purses, call):
        purse, process = purses.purse(100), purses.process()

        tight = [
            call(process, purse, asks=[900], unit=900).tight,
            call(process, purse, give=890, unit=900).tight,
        ]

        assert tight == [True, False]

    def test_a_recalled_holder_acknowledges_by_calling(self, purses, call):
        purse, first, second = purses.purse(100), purses.process(), purses.process()
        call(first, purse, asks=[10], want=70, unit=10)
        call(second, purse, asks=[10], unit=10)
        assert purses.value(purse, "loose") == 1

        call(first, purse, give=70, unit=10)

        assert call(second, purse, asks=[70], unit=10).delta == 70


class TestLeaving:
    def test_ends_a_lease_that_is_accounted_for(self, purses, call):
        purse, process = purses.purse(100), purses.process()
        call(process, purse, asks=[10], want=20)
        purses.ingest(process, [(purse.id, from_datetime(LIFETIME), 4)])

        answer = call(process, purse, give=26, leave=True)

        assert answer.status == "left"
        assert purses.columns("purse", "leased_nano, holders, loose", "id = %s", purse.id) == (0, 0, 0)
        assert purses.columns("lease", "1", "purse_id = %s", purse.id) is None

    def test_keeps_a_lease_that_ingest_has_not_seen_all_of(self, purses, call):
        purse, process = purses.purse(100), purses.process()
        call(process, purse, asks=[10], want=20)

        answer = call(process, purse, give=26, leave=True)

        assert answer.status == "ok"
        assert purses.columns("lease", "granted_nano", "purse_id = %s", purse.id) == (4,)

    def test_without_a_lease_changes_nothing(self, purses, call):
        purse, process = purses.purse(100), purses.process()

        assert call(process, purse, leave=True).status == "left"
        assert purses.value(purse, "holders") == 0


class TestTheFence:
    def test_refuses_a_call_of_another_epoch(self, purses, call):
        purse, process = purses.purse(100), purses.process()

        answer = call(process, purse, epoch=9, asks=[10])

        assert (answer.status, answer.delta) == ("fenced", 0)
        assert purses.value(purse, "leased_nano") == 0

    def test_refuses_a_process_that_is_gone(self, purses, call):
        assert call(uuid.uuid4(), purses.purse(100), asks=[10]).status == "fenced"

    def test_a_purse_that_is_gone_is_said_to_be(self, purses, call):
        assert call(purses.process(), PurseSpec(10**9, "t", False), asks=[10]).status == "gone"


class TestAnyOrderOfCalls:
    def test_keeps_purse_and_leases_equal(self, purses, call):
        draw = random.Random(7)
        purse = purses.purse(500, interval="d")
        processes = [purses.process() for _ in range(3)]
        free: dict[Any, int] = dict.fromkeys(processes, 0)

        for _ in range(300):
            process = draw.choice(processes)
            give = draw.randint(0, free[process])
            asks = [draw.randint(0, 60) for _ in range(draw.randint(0, 3))]
            answer = call(
                process, purse, window=midnight(), give=give, asks=asks, force=draw.choice([0, 0, 9]),
                want=draw.choice([0, 100]), unit=20,
            )  # fmt: skip
            free[process] += answer.delta - give

        assert purses.unbalanced() == []
