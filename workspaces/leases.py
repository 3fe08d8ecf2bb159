"""Admit requests in memory against leases on purses, so that no limit is passed (spec/money.md).

The gateway's order is: admit, write the journal's begin without an await in between, read the fence, call the
provider, write the journal's end, settle. Imports no Django.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec

from workspaces.admission_clock import AdmissionClock
from workspaces.lease_calls import Connect, LeaseDatabase
from workspaces.lease_duties import Fence, LeaseDuties
from workspaces.lease_keeping import LeaseKeeper
from workspaces.lease_queue import Reason, Shortage, Ticket, Verdict
from workspaces.local_purse import LocalPurse, PurseSpec

__all__ = [
    "Admission",
    "Admitted",
    "Fence",
    "Hold",
    "Leases",
    "LocalPurse",
    "PurseSpec",
    "Reason",
    "Refused",
    "Shortage",
    "Unavailable",
]

WAIT_FOR_VERDICT_SECONDS = 2.0
"""How long a request waits for a database that says nothing at all; an answer decides sooner."""
RETRY_AFTER_SECONDS = 1
CLOSING_SECONDS = 2.0

Hold: TypeAlias = tuple[LocalPurse, int]
"""Nano-dollars to set aside in a purse; a purse occurs once in a request's holds."""


class AlreadySettled(RuntimeError):
    """A settlement happens exactly once."""


class Admitted(msgspec.Struct, eq=False, gc=False):
    """Holds that were all taken at one moment, from which their windows follow. To be settled exactly once.

    A Struct because one is made for every request; nothing in it refers back to it.
    """

    admitted_at: int
    holds: Sequence[Hold]
    is_settled: bool = False

    @property
    def windows(self) -> tuple[tuple[int, int, int], ...]:
        """Return (purse id, start of its window in microseconds, nano-dollars) of each hold, for the journal."""
        return tuple((purse.id, purse.window_at(self.admitted_at), nano) for purse, nano in self.holds)


@dataclass(frozen=True, slots=True)
class Refused:
    """Not enough money: every purse that refused, with what it has left."""

    shortages: tuple[Shortage, ...]

    @property
    def purse_ids(self) -> tuple[int, ...]:
        """The purses that refused."""
        return tuple(shortage.purse_id for shortage in self.shortages)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nobody could tell whether there is money; the client may try again."""

    retry_after_seconds: int = RETRY_AFTER_SECONDS


Admission: TypeAlias = Admitted | Refused | Unavailable


def ignore_loss() -> None:
    """Do nothing when the process's row is gone; every admission is Unavailable from then on anyway."""


class Leases:
    """The leases of one process. All methods belong to the thread of the event loop that started it."""

    def __init__(
        self,
        *,
        process_id: UUID,
        host: str,
        connect: Connect,
        fence: Fence,
        connect_to_listen: Connect | None = None,
        on_process_lost: Callable[[], None] = ignore_loss,
        heartbeat_seconds: float = 1.0,
        idle_seconds: float = 60.0,
    ) -> None:
        self._database = LeaseDatabase(
            connect=connect, connect_to_listen=connect_to_listen or connect, process_id=process_id
        )
        clock = AdmissionClock()
        self._keeper = LeaseKeeper(database=self._database, clock=clock)
        self._duties = LeaseDuties(
            keeper=self._keeper,
            database=self._database,
            clock=clock,
            fence=fence,
            on_process_lost=on_process_lost,
            heartbeat_seconds=heartbeat_seconds,
            idle_seconds=idle_seconds,
        )
        self._host = host
        self._purses: WeakValueDictionary[int, LocalPurse] = WeakValueDictionary()
        self._attend = self._keeper.attend
        self.now = clock.now
        """The admission clock: the database's time in microseconds since 1970."""
        self.waiting = 0
        """How many requests wait for money now."""

    async def start(self) -> None:
        """Register the process and begin to keep its leases. Raises psycopg.Error without a database."""
        await self._duties.start(self._host)

    async def close(self) -> None:
        """Admit nothing more and return what is free, in bounded time.

        The process's row and leases with requests or charges still open stay for the reaper.
        """
        await self._keeper.return_everything(CLOSING_SECONDS)
        await self._duties.stop()
        await self._keeper.stop()
        await self._database.close()

    @property
    def calls_made(self) -> int:
        """How many lease calls were made, for the metrics."""
        return self._database.calls_made

    @property
    def last_contact(self) -> float:
        """When the database last answered, on time.monotonic()."""
        return self._database.last_contact

    @property
    def active_purses(self) -> int:
        """How many purses the process holds a lease on."""
        return len(self._keeper.active)

    @property
    def tight_purses(self) -> int:
        """How many of them are near their limit, as far as this process knows."""
        return sum(purse.is_tight for purse in list(self._keeper.active.values()))

    def is_database_away(self, stale_seconds: float) -> bool:
        """Whether the database has not answered for so long, on this machine's own clock."""
        return time.monotonic() - self.last_contact > stale_seconds

    def purse(self, spec: PurseSpec) -> LocalPurse:
        """Return the process's side of a purse: the same object for the same id while anybody holds it."""
        purse = self._purses.get(spec.id)
        if purse is None:
            purse = self._purses[spec.id] = LocalPurse(spec)
        purse.is_strict = spec.is_strict
        return purse

    def try_admit(self, holds: Sequence[Hold]) -> Admitted | None:
        """Take all holds at once if every purse has enough in memory; None: ask `admit`."""
        now = self.now()
        for purse, nano in holds:
            purse.used = used = purse.used + nano
            free = purse.granted - used
            if free < purse.low or purse.waiting or now >= purse.ends_at:
                if free < 0 or purse.waiting or now >= purse.ends_at:
                    _untake(holds, purse)
                    return None
                self._attend(purse)
        return Admitted(now, holds)

    async def admit(self, holds: Sequence[Hold]) -> Admission:
        """Take all holds or none, waiting up to a second where money may still come back."""
        return self.try_admit(holds) or await self._admit_slowly(holds, None)

    async def extend(self, admission: Admitted, holds: Sequence[Hold]) -> Admission:
        """Take further holds for a request that is under way, all or none, in its own windows.

        What is returned covers only these holds and is settled by itself, beside the first admission. Once
        the process has left a window, nothing more can be taken from it: Reason.WINDOW_OVER.
        """
        return await self._admit_slowly(holds, admission.admitted_at)

    def settle(self, admission: Admitted, costs: Sequence[int]) -> None:
        """Replace each hold by what its purse counts of the cost, after the journal's end was written."""
        if admission.is_settled:
            raise AlreadySettled("a settlement happens exactly once")
        admission.is_settled = True
        admitted_at = admission.admitted_at
        for (purse, nano), cost in zip(admission.holds, costs, strict=True):
            if admitted_at < purse.starts_at:
                purse.settle(admitted_at, nano, cost)
                self._attend(purse)
                continue
            purse.used = used = purse.used + cost - nano
            if used > purse.granted or purse.returns_at_once or purse.waiting:
                self._attend(purse)

    async def _admit_slowly(self, holds: Sequence[Hold], admitted_at: int | None) -> Admission:
        if len({purse.id for purse, _ in holds}) < len(holds):
            raise ValueError("a purse occurs more than once in the holds of a request")
        born = time.monotonic()
        while not self._keeper.is_over:
            at = self.now() if admitted_at is None else admitted_at
            refused = self._refuse_at_once(holds, at, born)
            if refused is not None:
                return refused
            ticket = await self._wait(holds, at, born)
            if ticket.verdict is Verdict.REFUSED:
                return Refused(tuple(ticket.shortages))
            if ticket.verdict is Verdict.UNAVAILABLE:
                break
            if ticket.verdict is Verdict.ADMITTED and ticket.incarnation == self._keeper.incarnation:
                return Admitted(at, holds)
            ticket.abandon()
        return Unavailable()

    def _refuse_at_once(self, holds: Sequence[Hold], at: int, now: float) -> Refused | None:
        shortages = []
        for purse, nano in holds:
            self._keeper.enter_window(purse, at)
            if at < purse.starts_at:
                shortages.append(Shortage(purse.id, Reason.WINDOW_OVER, 0))
            elif nano and purse.free < nano and purse.dry_until > now:
                shortages.append(Shortage(purse.id, Reason.EXHAUSTED, purse.dry_room))
        return Refused(tuple(shortages)) if shortages else None

    async def _wait(self, holds: Sequence[Hold], at: int, born: float) -> Ticket:
        """Reserve where there is enough, queue where there is not, and return the ticket with its verdict."""
        decided = asyncio.Event()
        ticket = Ticket(
            admitted_at=at,
            born=born,
            incarnation=self._keeper.incarnation,
            attend=self._keeper.attend_soon,
            on_verdict=decided.set,
        )
        self._take_or_queue(ticket, holds)
        self.waiting += 1
        try:
            async with asyncio.timeout(born + WAIT_FOR_VERDICT_SECONDS - time.monotonic()):
                await decided.wait()
        except TimeoutError:
            ticket.close(Verdict.UNAVAILABLE)
        except asyncio.CancelledError:
            ticket.abandon()
            raise
        finally:
            self.waiting -= 1
        return ticket

    def _take_or_queue(self, ticket: Ticket, holds: Sequence[Hold]) -> None:
        for purse, nano in holds:
            if nano == 0:  # a hold of nothing never waits
                continue
            purse.learn_unit(nano)
            if purse.free < nano or purse.waiting or purse.is_frozen:
                purse.enqueue(ticket, nano)
            else:
                ticket.reserve(purse, nano)
        if ticket.missing == 0:
            ticket.close(Verdict.ADMITTED)
        for purse, _ in holds:
            self._attend(purse)


def _untake(holds: Sequence[Hold], last: LocalPurse) -> None:
    """Undo the holds up to the purse that had not enough."""
    for purse, nano in holds:
        purse.used -= nano
        if purse is last:
            return
