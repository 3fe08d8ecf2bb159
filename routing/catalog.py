"""Changing the platform's catalog: by hand, or as a whole from a file; every change leaves a revision."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from django.db import transaction

from accounts.revisions import PLATFORM, Actor, move_versions, snapshot
from config.lib.crypto import sealing_ring
from config.lib.scoping import unscoped
from routing.catalog_comparison import Comparison, PlannedChange, assign, record_row
from routing.catalog_compiler import credential_identity
from routing.catalog_file import CatalogFile, PriceFile, read_catalog
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider

SEED = Path(__file__).parent / "seed" / "catalog.json"
SEEDER = Actor(door="shell", reason="the catalog that Headgate comes with")
NOBODYS = "the platform's catalog belongs to no organization"

R = TypeVar("R", Provider, LanguageModel, Endpoint)


def create(*, row: R, by: Actor) -> R:
    """Add a provider, a model or an endpoint."""
    with transaction.atomic(), unscoped(reason=NOBODYS):
        row.save(force_insert=True)
        row.refresh_from_db()
        record_row("create", row, None, by, move_versions([PLATFORM]))
    return row


def change(*, row: R, by: Actor, **changes: Any) -> R:
    """Change columns of a provider, a model or an endpoint; another address clears the provider's credential."""
    with transaction.atomic(), unscoped(reason=NOBODYS):
        locked = type(row)._default_manager.select_for_update().get(pk=row.pk)
        before = snapshot(locked)
        assign(locked, changes)
        locked.save()
        record_row("update", locked, before, by, move_versions([PLATFORM]))
    return locked


def set_credential(*, provider: Provider, secret: str, by: Actor) -> None:
    """Seal the platform's credential for a provider; an empty one takes it away."""
    with transaction.atomic(), unscoped(reason=NOBODYS):
        locked = Provider.objects.select_for_update().get(pk=provider.pk)
        before = snapshot(locked)
        locked.sealed_credential = (
            sealing_ring().seal(secret.encode(), identity=credential_identity(locked)) if secret else ""
        )
        locked.save(update_fields=["sealed_credential"])
        record_row(
            "update", locked, before, by, move_versions([PLATFORM]), credential="set" if secret else "cleared"
        )


def record_resealed(provider: Provider, reason: str) -> None:
    """Record that a provider's credential was sealed anew or wiped by the command that does so."""
    record_row("update", provider, snapshot(provider), Actor(door="shell", reason=reason), {})


def set_price(*, endpoint: Endpoint, price: PriceFile, by: Actor, source: str = "") -> PriceVersion:
    """Follow the endpoint's price with a new version, from now on. Raises InvalidCatalog."""
    with transaction.atomic(), unscoped(reason=NOBODYS):
        columns = price.femto_columns()
        version = PriceVersion.objects.create(endpoint=endpoint, source=source, **columns)
        record_row("update", endpoint, snapshot(endpoint), by, move_versions([PLATFORM]), price=columns)
    return version


def plan(catalog: CatalogFile) -> list[PlannedChange]:
    """What applying the file would create and change. Raises UnknownProvider."""
    return list(Comparison(catalog).planned())


def apply(catalog: CatalogFile, *, by: Actor) -> list[PlannedChange]:
    """Make the catalog as the file says, in one transaction; returns what was done. Raises UnknownProvider."""
    with transaction.atomic(), unscoped(reason=NOBODYS):
        comparison = Comparison(catalog)
        planned = list(comparison.planned())
        if planned:
            comparison.write(by)
    return planned


def seed(path: Path = SEED) -> int:
    """Add what Headgate's own catalog has and this one lacks; nothing that exists is changed. Returns how many."""
    catalog = read_catalog(path)
    with transaction.atomic(), unscoped(reason=NOBODYS):
        comparison = Comparison(catalog, is_adding_only=True)
        added = len(list(comparison.planned()))
        if added:
            comparison.write(SEEDER)
    return added
