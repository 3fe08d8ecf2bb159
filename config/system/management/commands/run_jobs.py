"""`manage.py run_jobs`: run scheduled jobs now, all of them or those that are named."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.jobs import BY_NAME
from observability.job_runs import run


class Command(BaseCommand):
    """For a cron of one's own, or for looking at once; beat runs them otherwise."""

    help = "Runs the jobs that beat runs by the clock. Exit status 1 when one of them fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="name", help=f"any of: {', '.join(BY_NAME)}")

    def handle(self, *args: Any, **options: Any) -> None:
        names: list[str] = options["names"] or list(BY_NAME)
        unknown = [name for name in names if name not in BY_NAME]
        if unknown:
            raise CommandError(f"unknown: {', '.join(unknown)}")
        failed = [name for name in names if not self._run(name)]
        if failed:
            raise CommandError(f"failed: {', '.join(failed)}")

    def _run(self, name: str) -> bool:
        try:
            outcome = run(BY_NAME[name])
        except Exception as error:  # said, and the others are run all the same
            self.stderr.write(f"{name}: {type(error).__name__}: {error}")
            return False
        self.stdout.write(f"{name}: {outcome.value}")
        return True
