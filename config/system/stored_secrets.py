"""System checks that read the database: every key that a stored secret needs is in the ring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import InterfaceError, OperationalError

from config.lib.crypto import SealingError, sealing_ring
from config.lib.sealed_columns import sealed_columns, uses_of_keys


def stored_secret_faults(*, using: str) -> list[CheckMessage]:
    """E020: a stored secret was sealed with a key that is not in the ring. Reads the database."""
    try:
        known = sealing_ring().keys
    except SealingError:
        return []  # E002 says so already
    return [
        Error(
            f"{count} secrets in {column.name} need the sealing key {key_id!r}, "
            "which is not in HEADGATE_SEALING_KEYS.",
            hint="put the key back, run `manage.py rotate_secrets`, and remove it then",
            id="headgate.E020",
        )
        for column in sealed_columns()
        for key_id, count in uses_of_keys(column, using=using).items()
        if key_id not in known
    ]


@register(Tags.database)
def check_stored_secrets(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """What the named database needs: `check --database owner`, and before migrations are run."""
    return [fault for alias in list(databases or ())[:1] for fault in stored_secret_faults(using=alias)]


@register(Tags.security, deploy=True)
def check_stored_secrets_before_deployment(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The same for `check --deploy`, if the database can be reached from here."""
    try:
        return [] if databases else stored_secret_faults(using="owner")
    except (OperationalError, InterfaceError):
        return []
