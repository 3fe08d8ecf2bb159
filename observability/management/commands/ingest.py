"""`manage.py ingest`: move this host's journals into the database until told to stop."""

from __future__ import annotations

import gc
import signal
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.lib.environment import environment
from config.lib.reporting import Reporter
from config.lib.tracing import batches, start
from observability.contents import content_of
from observability.ingest import Ingester
from observability.matching import DestinationMatcher
from observability.owner_connection import connect_as_owner
from observability.tasks import wake
from observability.wakeups import WakeUps, waking


class Command(BaseCommand):
    """The ingest process; one per host that runs gateways, and more do no harm."""

    help = "Moves this host's journals into the database; adopts and fences processes. Ends on SIGTERM."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--folder", type=Path, help="the journals' folder (HEADGATE_JOURNAL_DIR)")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"] or environment().journal_folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tracing = start(environment(), "ingest")
        connect = partial(connect_as_owner, "headgate ingest")
        matcher = DestinationMatcher(
            partial(connect_as_owner, "headgate ingest destinations"), content_of=content_of
        )
        wake_ups = WakeUps(wake)
        wake_ups.start()
        ingester = Ingester(folder, connect, matcher=waking(matcher, wake_ups), around_batch=batches(tracing))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ingester.stop())
        # Batches are many small objects without cycles: looking for those costs a fifth of the time.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        reporter = Reporter(environment(), "ingest", ingester.measure).start()
        try:
            ingester.run()
        finally:
            wake_ups.stop()
            matcher.close()
            reporter.stop()
            if tracing is not None:
                tracing.stop()
