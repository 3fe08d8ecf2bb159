"""`manage.py refresh_catalog`: write the seed anew from the installed price package (development)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from routing.catalog import SEED
from routing.catalog_file import parse_catalog
from routing.seed.build import build_catalog


class Command(BaseCommand):
    """Writes routing/seed/catalog.json, to be committed; needs the development dependencies."""

    requires_system_checks: list[str] = []
    help = "Write the catalog's seed anew from the installed genai-prices package."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, default=SEED)

    def handle(self, *args: Any, output: Path, **options: Any) -> None:
        document = build_catalog(datetime.now(UTC).date())
        catalog = parse_catalog(document)
        output.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        self.stdout.write(f"{output}: {len(catalog.providers)} providers, {len(catalog.models)} models")
