"""`manage.py sync_catalog FILE [--apply]`: make the catalog as a file says, after showing what that means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.revisions import Actor
from routing import catalog
from routing.catalog_comparison import UnknownProvider
from routing.catalog_file import InvalidCatalog, read_catalog


class Command(BaseCommand):
    """Prints one line per object that is created (+) or changed (~); writes only with --apply."""

    help = "Plan, and with --apply carry out, the changes that a catalog file (YAML or JSON) asks for."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--apply", action="store_true", dest="is_applied")

    def handle(self, *args: Any, file: Path, is_applied: bool, **options: Any) -> None:
        by = Actor(door="shell", reason=f"sync_catalog {file.name}"[:500])
        try:
            document = read_catalog(file)
            changes = catalog.apply(document, by=by) if is_applied else catalog.plan(document)
        except (InvalidCatalog, UnknownProvider, OSError) as error:
            raise CommandError(str(error)) from error
        for change in changes:
            self.stdout.write(str(change))
        done = "applied" if is_applied else "planned; --apply carries them out"
        self.stdout.write(f"{len(changes)} changes {done}." if changes else "Nothing to change.")
