"""`manage.py rotate_secrets`: seal every stored secret with the key that comes first in HEADGATE_SEALING_KEYS."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.lib.crypto import KEY_ID, sealing_ring
from config.lib.sealed_columns import discard, seal_anew, sealed_columns, uses_of_keys


class Command(BaseCommand):
    """Safe beside everything that runs, and to be repeated; exits with 1 while another key is in use."""

    help = "Seal every stored secret with the first of HEADGATE_SEALING_KEYS; see docs/operations.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--discard", metavar="KEY_ID", help="wipe what was sealed with a key that is lost for good"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        ring = sealing_ring()
        if options["discard"] is not None:
            self._discard(options["discard"], known=frozenset(ring.keys))
        in_use: Counter[str] = Counter()
        for column in sealed_columns():
            result = seal_anew(column, ring, reason=f"sealed anew with key {ring.current}")
            uses = uses_of_keys(column)
            in_use.update(uses)
            self.stdout.write(
                f"{column.name}: {sum(uses.values())} secrets, {result.done} sealed anew, "
                f"{result.unopened} cannot be opened"
            )
        self._conclude(in_use, ring.current)

    def _discard(self, key_id: str, *, known: frozenset[str]) -> None:
        if not KEY_ID.fullmatch(key_id) or key_id in known:
            self.stderr.write(f"{key_id!r} is no key that is missing from HEADGATE_SEALING_KEYS.")
            sys.exit(2)
        for column in sealed_columns():
            count = discard(column, key_id, reason=f"sealing key {key_id} is lost")
            self.stdout.write(f"{column.name}: {count} secrets wiped")

    def _conclude(self, in_use: Counter[str], current: str) -> None:
        others = {key_id: count for key_id, count in sorted(in_use.items()) if key_id != current}
        if not others:
            self.stdout.write(f"Every secret is sealed with key {current}; other keys may leave the ring.")
            return
        listed = ", ".join(f"{key_id} ({count} secrets)" for key_id, count in others.items())
        self.stdout.write(f"Still in use: {listed}.")
        sys.exit(1)
