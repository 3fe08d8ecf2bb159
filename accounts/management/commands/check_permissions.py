"""`manage.py check_permissions`: the rows that open the Django admin are exactly what memberships and seats say."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.object_permissions import Differences, compare_all, group_rows, repair_all


class Command(BaseCommand):
    """Prints every difference and exits with 1 if there is one that was not repaired."""

    help = "Compare django-guardian's rows with what memberships and seats say; --repair makes them equal."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true", help="make the rows right")

    def handle(self, *args: Any, repair: bool, **options: Any) -> None:
        of_groups = group_rows()
        differences = repair_all() if repair else compare_all()
        self._print(differences, of_groups)
        if not differences and not of_groups:
            self.stdout.write("All object permissions are what memberships say.")
        elif repair:
            self.stdout.write("Repaired.")
        else:
            sys.exit(1)

    def _print(self, differences: Differences, of_groups: int) -> None:
        named = (("missing", differences.missing), ("unexpected", differences.unexpected))
        for word, grants in named:
            for grant in sorted(grants):
                self.stdout.write(
                    f"{word}: user {grant.user_id} {grant.permission} on {grant.object_id or 'nothing'}"
                )
        if of_groups:
            self.stdout.write(f"unexpected: {of_groups} rows of groups")
