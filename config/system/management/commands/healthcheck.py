"""`manage.py healthcheck ROLE`: does a process of this host that has no port work? For supervisors and containers."""

from __future__ import annotations

import re
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.lib.environment import environment
from config.lib.reporting import metrics_folder

ROLES = ("gateway", "control", "ingest", "worker", "beat")
BEAT = re.compile(r"^headgate_heartbeat_timestamp_seconds (\S+)$", re.MULTILINE)


class Command(BaseCommand):
    """Exit status 0: one does. 1: none does."""

    help = "Says whether a process of the role has shown, in its own main loop, that it goes round."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", choices=ROLES)
        parser.add_argument("--seconds", type=float, default=30.0, help="how old the sign may be (30)")

    def handle(self, *args: Any, **options: Any) -> None:
        role, now = options["role"], time.time()
        found = [BEAT.search(text) for _, _, text in metrics_folder(environment()).fresh(role)]
        ages = [now - float(beat.group(1)) for beat in found if beat]
        if not ages:
            raise CommandError(f"no {role} runs here")
        if min(ages) > options["seconds"]:
            raise CommandError(f"the {role} has not gone round for {min(ages):.0f} s")
        self.stdout.write(f"{role}: {min(ages):.1f} s ago")
