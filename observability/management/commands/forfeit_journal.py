"""`manage.py forfeit_journal`: give up on a gateway process whose machine is gone with its disk."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.revisions import Actor, Change, record, snapshot
from config.lib.scoping import unscoped
from observability.owner_connection import connect_as_owner
from observability.reaper import forfeit
from workspaces.models import GatewayProcess


class Command(BaseCommand):
    """Frees the leases of a process that will never come back. Audited."""

    help = (
        "Frees what a gateway process has leased, although its journal was never read to the end. Only for a "
        "machine that is gone for good: what its journal still owed is charged if the journal ever comes back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("process", type=UUID, help="the process's id, as in gateway_process")
        parser.add_argument("--reason", required=True, help="why; it is recorded")

    def handle(self, *args: Any, **options: Any) -> None:
        process = GatewayProcess.objects.using("owner").filter(pk=options["process"]).first()
        if process is None:
            raise CommandError(f"{options['process']} is no known gateway process")
        actor = Actor(door="shell", reason=options["reason"])
        change = Change("delete", process, before=snapshot(process), after=None, touches=())
        with unscoped(reason="forfeit_journal"), transaction.atomic():
            record(change, by=actor)
            with closing(connect_as_owner("headgate forfeit")) as connection:
                forfeit(connection, process.pk)
        self.stdout.write(f"forfeited {process}")
