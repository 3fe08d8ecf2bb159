"""`manage.py rebuild_usage`: make the daily rollups anew from the generations."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from observability.owner_connection import connect_as_owner
from observability.usage_upkeep import CannotRebuild, rebuild_day


class Command(BaseCommand):
    """Rebuilds one day after the other, each in a transaction of its own."""

    help = (
        "Makes the daily sums of usage anew from the generations: after an upgrade from a version that did not keep "
        "them, and where reconcile says that they are wrong (R13, R14). Ingest waits while a day is made."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=31, help="how many, ending with today (default: 31)")

    def handle(self, *args: Any, **options: Any) -> None:
        today, failed = datetime.now(UTC).date(), []
        with closing(connect_as_owner("headgate rebuild usage")) as connection:
            for number in range(options["days"]):
                day: date = today - timedelta(days=number)
                try:
                    rebuild_day(connection, day)
                except CannotRebuild as error:
                    failed.append(str(error))
                    self.stderr.write(str(error))
                else:
                    self.stdout.write(f"{day} is made anew")
        if failed:
            raise CommandError(f"{len(failed)} days were left as they are")
