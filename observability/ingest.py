"""The ingest process: follows every journal of a folder, adopts the dead, fences the silent.

Any number may run on one folder; the rows of journal_position decide. It survives the database's absence and
costs next to nothing when idle.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from config.lib.reporting import beat
from observability import ingest_metrics as metrics
from observability.ingest_writes import Matcher, no_destinations
from observability.journal_follower import Connection, JournalFollower
from observability.journal_segment import journal_processes
from observability.partitions import ensure_partitions, existing_days
from observability.reaper import HeartbeatWatch, adopt, fence

IDLE_SECONDS = 0.03
BATCH_SECONDS = 0.2
DISCOVER_SECONDS = 0.25
DEATH_SECONDS = 0.5
WATCH_SECONDS = 1.0
PARTITION_SECONDS = 3600.0
REPORT_SECONDS = 60.0
RETRY_SECONDS = 0.1
TROUBLE_SECONDS = 1.0
PATIENCE_SECONDS = 0.5

log = logging.getLogger(__name__)


class Rhythm:
    """Says when something that happens every so often is due; the first time at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due_at = 0.0

    def is_due(self, now: float) -> bool:
        """Whether the time has come; starts the next interval if so."""
        if now < self._due_at:
            return False
        self._due_at = now + self._seconds
        return True

    def wait(self, now: float, seconds: float) -> None:
        """Be due no sooner than that."""
        self._due_at = now + seconds


class Journal:
    """A journal that is followed, and when it is looked at next."""

    def __init__(self, follower: JournalFollower) -> None:
        self.follower = follower
        self.batch = Rhythm(BATCH_SECONDS)
        self.death = Rhythm(DEATH_SECONDS)
        self.caught_up_at = time.monotonic()

    def lag(self, now: float) -> tuple[int, float]:
        """How many bytes are not booked, and for how long it has not caught up."""
        try:
            unread = self.follower.lag_bytes
        except OSError:  # it was finished a moment ago
            return 0, 0.0
        return unread, max(0.0, now - self.caught_up_at) if unread else 0.0


class Ingester:
    """Moves the journals of one folder into one database until it is told to stop."""

    def __init__(
        self,
        folder: Path,
        connect: Callable[[], Connection],
        *,
        matcher: Matcher = no_destinations,
        watch: HeartbeatWatch | None = None,
        around_batch: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._around_batch = around_batch
        self._folder = folder
        self._connect = connect
        self._matcher = matcher
        self._watch = watch or HeartbeatWatch()
        self._connection: Connection | None = None
        self._is_stopping = False
        self._journals: dict[UUID, Journal] = {}
        self._discovery, self._looks = Rhythm(DISCOVER_SECONDS), Rhythm(WATCH_SECONDS)
        self._partitions, self._reports = Rhythm(PARTITION_SECONDS), Rhythm(REPORT_SECONDS)
        self._booked = self._reported = 0

    def run(self) -> None:
        """Work until `stop` is called; leaves nothing half done."""
        log.info("ingest follows %s", self._folder)
        try:
            while not self._is_stopping:
                time.sleep(self._turn_safely())
        finally:
            self.close()
        log.info("ingest stopped after %d rows", self._booked)

    def measure(self) -> None:
        """Bring the figures of what is not booked up to date; from any thread."""
        now, journals = time.monotonic(), list(self._journals.values())
        lags = [journal.lag(now) for journal in journals]
        metrics.JOURNALS.set(len(journals))
        metrics.LAG_BYTES.set(sum(unread for unread, _ in lags))
        metrics.LAG_SECONDS.set(max((seconds for _, seconds in lags), default=0.0))

    def stop(self) -> None:
        """End after the batch in hand; a statement that takes too long is cancelled. Safe in a signal handler."""
        self._is_stopping = True  # no lock: the main thread may be anywhere
        timer = threading.Timer(PATIENCE_SECONDS, self._cancel)
        timer.daemon = True
        timer.start()

    def turn(self) -> float:
        """Look at everything once. Returns how long there is nothing to do."""
        now = time.monotonic()
        beat()
        if self._connection is None:
            self._connection = self._connect()
        if self._partitions.is_due(now):
            self._make_partitions(self._connection)
        if self._discovery.is_due(now):
            self._discover()
        is_busy = False
        for process_id, journal in list(self._journals.items()):
            is_busy |= self._follow(self._connection, process_id, journal)
            if self._is_stopping:
                return 0.0
        if self._looks.is_due(now):
            self._fence_the_silent(self._connection, now)
        if self._reports.is_due(now):
            self._report()
        return 0.0 if is_busy else IDLE_SECONDS

    def _turn_safely(self) -> float:
        try:
            return self.turn()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            metrics.TROUBLE.add("database")
            if not self._is_stopping:
                log.warning("the database is away or busy: %s", str(error).strip())
            self.close()
            return RETRY_SECONDS

    def close(self) -> None:
        """Let the connection go, and everything that was read and not committed."""
        self._watch.lose_sight()
        for journal in self._journals.values():
            journal.follower.close()
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _cancel(self) -> None:
        connection = self._connection
        if connection is not None and not connection.closed:
            connection.cancel_safe(timeout=0.5)

    def _make_partitions(self, connection: Connection) -> None:
        today = datetime.now(UTC).date()
        try:
            ensure_partitions(connection, today=today)
            metrics.PARTITION_DAYS.set((existing_days(connection)[-1] - today).days)
        except psycopg.Error as error:
            # Without tomorrow's partition rows go to the default one: a nuisance, never a loss.
            log.error("partitions could not be made: %s", str(error).strip())
            if connection.closed:
                raise

    def _discover(self) -> None:
        for process_id in journal_processes(self._folder) - self._journals.keys():
            follower = JournalFollower(self._folder, process_id, matcher=self._matcher)
            self._journals[process_id] = Journal(follower)

    def _follow(self, connection: Connection, process_id: UUID, journal: Journal) -> bool:
        """Book a batch if there is one; adopt the journal if its process is gone. True: come back at once."""
        now, follower = time.monotonic(), journal.follower
        before, dead_before = follower.booked, follower.dead_letters
        try:
            is_full = False
            if not follower.has_work():
                journal.caught_up_at = now
            elif journal.batch.is_due(now):
                is_full = self._step(connection, journal)
                if is_full or follower.is_ended:
                    journal.batch.wait(now, 0.0)
            if follower.is_ended or journal.death.is_due(now):
                self._adopt(connection, process_id, follower)
        except FileNotFoundError:  # another ingester has finished it
            self._forget(process_id)
            return False
        except (psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception:
            log.exception("the journal of %s cannot be booked now", process_id)
            metrics.TROUBLE.add("journal")
            journal.batch.wait(now, TROUBLE_SECONDS)
            journal.death.wait(now, TROUBLE_SECONDS)
            return False
        finally:
            self._booked += follower.booked - before
            metrics.BOOKED.add(count=follower.booked - before)
            metrics.DEAD_LETTERS.add(count=follower.dead_letters - dead_before)
        return is_full

    def _step(self, connection: Connection, journal: Journal) -> bool:
        """Book a batch; whether there is more."""
        began, follower = time.monotonic(), journal.follower
        with self._around_batch():
            has_booked = follower.step(connection)
        if has_booked:
            metrics.BATCHES.observe(time.monotonic() - began)
        if has_booked and follower.was_full:
            return True
        journal.caught_up_at = began
        return False

    def _adopt(self, connection: Connection, process_id: UUID, follower: JournalFollower) -> None:
        if adopt(connection, follower):
            log.info("the journal of %s is finished", process_id)
            metrics.ADOPTED.add()
            self._forget(process_id)

    def _forget(self, process_id: UUID) -> None:
        self._journals.pop(process_id).follower.close()

    def _fence_the_silent(self, connection: Connection, now: float) -> None:
        if not self._journals:
            return
        heartbeats: dict[UUID, datetime] = dict(
            connection.execute(
                "SELECT id, heartbeat_at FROM gateway_process WHERE id = ANY(%s)", [list(self._journals)]
            ).fetchall()
        )
        for process_id in self._watch.look(heartbeats, now):
            if fence(connection, self._journals[process_id].follower):
                log.warning("%s has been silent and is fenced", process_id)
                self._watch.note_fenced(process_id)
                metrics.FENCED.add()

    def _report(self) -> None:
        if self._booked != self._reported:
            log.info(
                "ingest booked %d rows in all (%d since the last report) from %d journals",
                self._booked,
                self._booked - self._reported,
                len(self._journals),
            )
            self._reported = self._booked
