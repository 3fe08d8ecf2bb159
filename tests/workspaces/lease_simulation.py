"""The lease protocol under load, with processes that die, are fenced and lose answers, and limits that change.

What is simulated is arrival, waiting and misfortune; leases and lease_op are the real ones. Beside them a ledger
knows what no process knows, the sum of all that is spent or held at this moment, and judges every admission and
every refusal by the central rule.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate

from observability.reaper import CLOSE_LEASES_SQL, LEASED_PURSES_SQL
from tests.workspaces.lease_ledger import Book, Outcome, now
from tests.workspaces.lease_world import NoFence, PurseDatabase
from tests.workspaces.simulated_wire import Cable, SharedDatabase, in_simulated_time, shared_database
from workspaces.leases import Admitted, Hold, Leases, Refused, Unavailable
from workspaces.windows import LIFETIME_STARTS_AT

MEAN = 1_000_000
REQUEST_SECONDS = 2.0
INGEST_SECONDS = 0.2
REAPER_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    """What one simulation is about."""

    processes: int
    is_strict: bool
    seed: int
    seconds: float = 10.0
    rate: float = 400.0
    fill: float = 0.6  # how much of the demand the shared limit pays for
    hold_to_cost: float = 3.0
    under_estimated: float = 0.02
    loss_rate: float = 0.0
    deaf: float = 0.0
    kills: int = 0
    fences: int = 0
    limit_changes: int = 0
    patience: float = 0.1
    """How old anybody's news may be: for so long money may lie idle somewhere while somebody is refused."""

    @property
    def limit(self) -> int:
        """The shared limit."""
        return int(self.rate * self.seconds * self.fill * MEAN)


@dataclass
class Gateway:
    """A process: its leases, what runs on it, and what ingest has not booked."""

    identity: uuid.UUID
    cable: Cable
    fence: NoFence
    leases: Leases
    open: dict[int, tuple[Admitted, Sequence[int]]] = field(default_factory=dict)
    unbooked: list[tuple[int, int, int]] = field(default_factory=list)
    is_dead: bool = False


class Simulation:
    """One plan carried out."""

    def __init__(
        self, plan: Plan, purses: PurseDatabase, database: SharedDatabase, draw: random.Random
    ) -> None:
        self.plan, self.purses, self.database, self.draw = plan, purses, database, draw
        strict = plan.is_strict
        self.shared = purses.purse(plan.limit, strict=strict)
        limits = [None, plan.limit // 8, plan.limit]
        self.others = [purses.purse(limit, strict=strict) for limit in limits]
        self.books = {spec.id: Book(limit, strict) for spec, limit in zip(self.others, limits, strict=True)}
        self.books[self.shared.id] = Book(plan.limit, strict)
        self.outcome = Outcome()
        self.gateways: list[Gateway] = []
        self.everybody: list[Gateway] = []
        weights = [1 / (place + 1) ** 1.1 for place in range(plan.processes)]
        self.shares = list(accumulate(weight / sum(weights) for weight in weights))

    async def run(self) -> None:
        """From the first request until everything is settled, booked and given back."""
        self.gateways = [await self._start() for _ in range(self.plan.processes)]
        for book in self.books.values():
            book.note(0)
        duties = [asyncio.create_task(self._keep_booking()), *self._misfortunes()]
        async with asyncio.TaskGroup() as requests:
            until = now() + self.plan.seconds
            while now() < until:
                await asyncio.sleep(self.draw.expovariate(self.plan.rate))
                requests.create_task(self._request(self._choose()))
        await asyncio.gather(*duties[1:])
        duties[0].cancel()
        for gateway in self.gateways:
            self._book(gateway)
        await asyncio.sleep(3 * REAPER_SECONDS)
        await asyncio.gather(*(gateway.leases.close() for gateway in self.gateways))
        for gateway in self.gateways:
            self._reap(gateway)  # a call that was lost last may have left a lease without money
        self.outcome.calls = sum(gateway.leases.calls_made for gateway in self.everybody)
        self.outcome.spent = {
            spec.id: self.purses.value(spec, "spent_nano") for spec in [self.shared, *self.others]
        }

    async def _start(self) -> Gateway:
        fence, identity = NoFence(), uuid.UUID(int=self.draw.getrandbits(128))
        is_deaf = self.draw.random() < self.plan.deaf
        cable = Cable(self.database, self.draw, self.plan.loss_rate, is_deaf)
        leases = Leases(
            process_id=identity, host="simulated", connect=cable.connect, fence=fence, idle_seconds=2.0,
        )  # fmt: skip
        await leases.start()
        self.everybody.append(Gateway(identity, cable, fence, leases))
        return self.everybody[-1]

    def _choose(self) -> Gateway:
        return self.gateways[min(bisect_left(self.shares, self.draw.random()), len(self.gateways) - 1)]

    @property
    def lost(self) -> dict[int, int]:
        """What the database counts as spent, less what was really spent, purse by purse."""
        specs = [self.shared, *self.others]
        return {
            spec.id: self.purses.value(spec, "spent_nano") - self.books[spec.id].counted for spec in specs
        }

    @property
    def left_in_leases(self) -> list[tuple[int, int]]:
        """(leased, holders) of each purse."""
        specs = [self.shared, *self.others]
        return [
            (self.purses.value(spec, "leased_nano"), self.purses.value(spec, "holders")) for spec in specs
        ]

    # --- A request

    async def _request(self, gateway: Gateway) -> None:
        cost = max(1000, int(self.draw.lognormvariate(0, 1) * MEAN / 1.6487))
        is_under = self.draw.random() < self.plan.under_estimated
        low, high = (0.5, 1) if is_under else (1, 2 * self.plan.hold_to_cost - 1)
        hold = int(cost * self.draw.uniform(low, high))
        specs = [self.shared, *self.draw.choices([None, *self.others], [4, 1, 1, 1])]
        holds = [(gateway.leases.purse(spec), hold) for spec in specs if spec]
        born = now()
        with self._claims(holds):
            result = await gateway.leases.admit(holds)
        self.outcome.waited += now() > born
        self.outcome.longest_wait = max(self.outcome.longest_wait, now() - born)
        if gateway.is_dead:
            return
        if isinstance(result, Refused):
            self._judge_refusal(result, hold, born)
        elif isinstance(result, Unavailable):
            self.outcome.unavailable += 1
        elif gateway.fence.is_set():
            gateway.leases.settle(result, [0] * len(holds))
            self.outcome.unavailable += 1
        else:
            await self._serve(gateway, result, cost, born)

    @contextmanager
    def _claims(self, holds: Sequence[Hold]) -> Iterator[None]:
        """Who waits for one of several purses has set money aside in the others."""
        claims = [(self.books[purse.id], hold) for purse, hold in holds if len(holds) > 1]
        for book, hold in claims:
            book.claim(hold)
        yield
        for book, hold in claims:
            book.claim(-hold)

    def _judge_refusal(self, result: Refused, hold: int, born: float) -> None:
        self.outcome.refused += 1
        since = born - self.plan.patience
        wrong = [purse for purse in result.purse_ids if self.books[purse].has_had_room(hold, since)]
        self.outcome.wrong_refusals += [(purse, born) for purse in wrong]

    async def _serve(self, gateway: Gateway, admitted: Admitted, cost: int, born: float) -> None:
        self.outcome.admitted += 1
        asked_at = born if len(admitted.holds) > 1 else now()  # one that waits elsewhere has its hold already
        for purse, hold in admitted.holds:
            if wrong := self.books[purse.id].admit(hold, asked_at - self.plan.patience):
                self.outcome.excesses.append(f"purse {purse.id} at {now():.3f}: {wrong}")
        gateway.open[id(admitted)] = admitted, [cost] * len(admitted.holds)
        await asyncio.sleep(self.draw.expovariate(1 / REQUEST_SECONDS))
        if gateway.is_dead:
            return
        del gateway.open[id(admitted)]
        gateway.leases.settle(admitted, [cost] * len(admitted.holds))
        self._note_cost(gateway, admitted, cost)

    def _note_cost(self, gateway: Gateway, admitted: Admitted, cost: int) -> None:
        for purse, hold in admitted.holds:
            self.books[purse.id].settle(hold, cost)
            gateway.unbooked.append((purse.id, LIFETIME_STARTS_AT, cost))

    # --- Ingest, reaper, misfortunes

    async def _keep_booking(self) -> None:
        while True:
            await asyncio.sleep(INGEST_SECONDS)
            for gateway in self.gateways:
                self._book(gateway)

    def _book(self, gateway: Gateway) -> None:
        if gateway.unbooked:
            self.purses.ingest(gateway.identity, gateway.unbooked)
            gateway.unbooked.clear()

    def _misfortunes(self) -> list[asyncio.Task[None]]:
        plan = self.plan
        kinds = [
            (self._kill, plan.kills),
            (self._fence, plan.fences),
            (self._change_limit, plan.limit_changes),
        ]
        return [
            asyncio.create_task(happen(self.draw.uniform(0.1, 1.0) * plan.seconds))
            for happen, times in kinds
            for _ in range(times)
        ]

    async def _kill(self, after_seconds: float) -> None:
        """Let a process die and another take its place, and the reaper come a while later."""
        await asyncio.sleep(after_seconds)
        place = self.draw.choice([at for at, each in enumerate(self.gateways) if not each.is_dead])
        gateway = self.gateways[place]
        gateway.is_dead = gateway.cable.is_cut = True
        idle = self._idle_money(gateway)
        for purse, nano in idle.items():
            self.books[purse].note(nano)
        self.gateways[place] = await self._start()
        await gateway.leases.close()
        await asyncio.sleep(self.draw.random() * REAPER_SECONDS)
        self._reap(gateway)
        for purse, nano in idle.items():
            self.books[purse].note(-nano)

    def _idle_money(self, gateway: Gateway) -> dict[int, int]:
        """What a process holds and nobody uses: purse -> nano-dollars."""
        rows = self.purses.admin.execute(
            "SELECT purse_id, granted_nano - consumed_nano FROM lease WHERE process_id = %s",
            [gateway.identity],
        )
        idle = {purse: nano for purse, nano in rows if purse in self.books}
        for purse, nano in self._held(gateway).items():
            idle[purse] = idle.get(purse, 0) - nano
        for purse, _, nano in gateway.unbooked:
            idle[purse] = idle.get(purse, 0) - nano
        return {purse: nano for purse, nano in idle.items() if nano > 0}

    def _held(self, gateway: Gateway) -> dict[int, int]:
        held: dict[int, int] = {}
        for admitted, _ in gateway.open.values():
            for purse, hold in admitted.holds:
                held[purse.id] = held.get(purse.id, 0) + hold
        return held

    def _reap(self, gateway: Gateway) -> None:
        """Settle what a dead process left from its last checkpoints, and end its leases."""
        for admitted, (cost, *_) in gateway.open.values():
            self._note_cost(gateway, admitted, int(cost * self.draw.random()))
        self._book(gateway)
        with self.purses.admin.transaction():
            self.purses.admin.execute(LEASED_PURSES_SQL, [gateway.identity])
            self.purses.admin.execute(CLOSE_LEASES_SQL, [gateway.identity])
            self.purses.admin.execute("DELETE FROM gateway_process WHERE id = %s", [gateway.identity])

    async def _fence(self, after_seconds: float) -> None:
        """Take a living process's idle money, as the reaper does with one that it does not hear."""
        await asyncio.sleep(after_seconds)
        gateway = self.draw.choice([each for each in self.gateways if not each.is_dead])
        gateway.fence.is_up = True
        self._book(gateway)
        self.purses.reap_idle_money(gateway.identity, self._held(gateway))

    async def _change_limit(self, after_seconds: float) -> None:
        """Lower the shared limit to anything from half of what is spent on, or raise it a little."""
        await asyncio.sleep(after_seconds)
        book = self.books[self.shared.id]
        limit = int(self.draw.uniform(0.5 * book.counted, 1.2 * self.plan.limit))
        self.purses.set_limit(self.shared, limit)
        book.set_limit(limit)


def simulate(plan: Plan, purses: PurseDatabase) -> Simulation:
    """Carry out a plan."""
    draw = random.Random(plan.seed)
    with shared_database(purses.url, draw) as database:
        simulation = Simulation(plan, purses, database, draw)
        in_simulated_time(simulation.run())
    return simulation
