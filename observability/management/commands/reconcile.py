"""`manage.py reconcile`: check the books."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from observability.owner_connection import connect_as_owner
from observability.reconcile import Outcome, reconcile


class Command(BaseCommand):
    """Prints every check; exit status 1 when the books are wrong."""

    help = "Checks that ledger, generations, usage, purses and leases agree to the nano-dollar."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        with closing(connect_as_owner("headgate reconcile")) as connection:
            outcomes = reconcile(connection)
        self.stdout.write(_as_json(outcomes) if options["json"] else _as_lines(outcomes))
        failed = [outcome.check.code for outcome in outcomes if not outcome.is_ok]
        if failed:
            raise CommandError(f"the books are wrong: {', '.join(failed)}", returncode=1)


def _as_json(outcomes: list[Outcome]) -> str:
    checks = [
        {
            "check": outcome.check.code,
            "meaning": outcome.check.meaning,
            "is_ok": outcome.is_ok,
            "violations": outcome.violations,
        }
        for outcome in outcomes
    ]
    is_clean = all(outcome.is_ok for outcome in outcomes)
    return json.dumps({"is_clean": is_clean, "checks": checks}, default=str, indent=2)


def _as_lines(outcomes: list[Outcome]) -> str:
    lines = []
    for outcome in outcomes:
        verdict = "ok" if not outcome.violations else "note" if outcome.is_ok else "VIOLATED"
        lines.append(f"{outcome.check.code:<10} {verdict:<9} {outcome.check.meaning}")
        lines += [f"           {_as_words(violation)}" for violation in outcome.violations]
    lines.append("clean" if all(outcome.is_ok for outcome in outcomes) else "NOT CLEAN")
    return "\n".join(lines)


def _as_words(violation: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in violation.items())
