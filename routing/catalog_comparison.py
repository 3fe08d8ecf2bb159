"""A catalog file beside the rows as they are: what is new, what differs, and writing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from django.db import models
from django.utils import timezone

from accounts.revisions import PLATFORM, Action, Actor, Change, move_versions, record, snapshot
from routing.catalog_file import CatalogFile, EndpointFile, ModelFile, ProviderFile
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider

N = TypeVar("N", Provider, LanguageModel)


class UnknownProvider(LookupError):
    """An endpoint names a provider that is neither in the file nor in the catalog."""


@dataclass(frozen=True)
class PlannedChange:
    """One object that a file would create or change: `changes` by column, (before, after)."""

    kind: str
    name: str
    action: Action
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.action == "create":
            return f"+ {self.kind} {self.name}"
        columns = ", ".join(
            f"{name} {before!r} → {after!r}" for name, (before, after) in self.changes.items()
        )
        return f"~ {self.kind} {self.name}: {columns}"


def assign(row: models.Model, columns: dict[str, Any]) -> None:
    """Set columns; another address clears the credential that went with the old one."""
    if isinstance(row, Provider) and columns.get("base_url", row.base_url) != row.base_url:
        row.sealed_credential = ""
    for name, value in columns.items():
        setattr(row, name, value)


def record_row(
    action: Action,
    row: models.Model,
    before: dict[str, Any] | None,
    by: Actor,
    versions: dict[str, int],
    **extra: Any,
) -> None:
    """Write a revision; the platform's version is moved once per transaction, by the caller."""
    change = Change(action, row, before, snapshot(row), touches=(), extra=extra, versions=versions)
    record(change, by=by)


class Comparison:
    """A file beside the rows as they are: what is new, what differs, and writing it."""

    def __init__(self, catalog: CatalogFile, *, is_adding_only: bool = False) -> None:
        self._catalog = catalog
        self._is_adding_only = is_adding_only
        self._versions: dict[str, int] = {}
        slugs = [model.slug for model in catalog.models]
        self._providers = {row.slug: row for row in Provider.objects.all()}
        self._models = {row.slug: row for row in LanguageModel.objects.filter(slug__in=slugs)}
        endpoints = Endpoint.objects.filter(model__slug__in=slugs).select_related("model")
        self._endpoints = {(row.model.slug, row.tag): row for row in endpoints}
        latest = PriceVersion.objects.filter(endpoint__in=endpoints).order_by(
            "endpoint_id", "-valid_from", "-pk"
        )
        self._prices = {row.endpoint_id: row for row in latest.distinct("endpoint_id")}

    @cached_property
    def _pairs(self) -> list[tuple[ModelFile, EndpointFile]]:
        return [(model, endpoint) for model in self._catalog.models for endpoint in model.endpoints]

    def planned(self) -> Iterator[PlannedChange]:
        """Every object that would be created or changed. Raises UnknownProvider."""
        known = self._providers.keys() | {provider.slug for provider in self._catalog.providers}
        for model, endpoint in self._pairs:
            if endpoint.provider not in known:
                raise UnknownProvider(f"{model.slug}: there is no provider {endpoint.provider!r}")
        for provider in self._catalog.providers:
            yield from self._compare(
                "provider", provider.slug, self._providers.get(provider.slug), provider.columns()
            )
        for model in self._catalog.models:
            yield from self._compare("model", model.slug, self._models.get(model.slug), model.columns())
        for model, endpoint in self._pairs:
            yield from self._compare_endpoint(model, endpoint)

    def _compare(
        self, kind: str, name: str, row: models.Model | None, columns: dict[str, Any]
    ) -> Iterator[PlannedChange]:
        if row is None:
            yield PlannedChange(kind, name, "create")
        elif changes := self._differences(row, columns):
            yield PlannedChange(kind, name, "update", changes)

    def _compare_endpoint(self, model: ModelFile, endpoint: EndpointFile) -> Iterator[PlannedChange]:
        row = self._endpoints.get((model.slug, endpoint.key))
        name = f"{model.slug} at {endpoint.key}"
        yield from self._compare("endpoint", name, row, self._endpoint_columns(endpoint))
        if row is not None and (changes := self._price_differences(row, endpoint)):
            yield PlannedChange("price", name, "update", changes)

    def _endpoint_columns(self, endpoint: EndpointFile) -> dict[str, Any]:
        provider = self._providers.get(endpoint.provider)
        return endpoint.columns() | ({"provider_id": provider.pk} if provider is not None else {})

    def _differences(self, row: models.Model, columns: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        if self._is_adding_only:
            return {}
        return {
            name: (getattr(row, name), value)
            for name, value in columns.items()
            if getattr(row, name) != value
        }

    def _price_differences(self, row: Endpoint, endpoint: EndpointFile) -> dict[str, tuple[Any, Any]]:
        if endpoint.price is None or self._is_adding_only:
            return {}
        current = self._prices.get(row.pk)
        wanted = endpoint.price.femto_columns()
        return {
            name: (getattr(current, name, None), value)
            for name, value in wanted.items()
            if getattr(current, name, None) != value or current is None
        }

    def write(self, by: Actor) -> None:
        """Write what `planned` names, in the caller's transaction; one revision per provider and per model.

        When only adding (the seed: hundreds of models at once) the revisions of the providers name all of it.
        """
        now = timezone.now()
        self._versions = move_versions([PLATFORM])
        touched = self._touched_providers() if self._is_adding_only else self._touched_models()
        providers = {
            row.slug for row in self._write(Provider, self._catalog.providers, self._providers, now, by)
        }
        models = {row.slug for row in self._write(LanguageModel, self._catalog.models, self._models, now, by)}
        self._write_endpoints(now)
        if self._is_adding_only:
            self._record(self._providers, providers, touched, by)
        else:
            self._record(self._providers, providers, {}, by)
            self._record(self._models, models, touched, by)

    def _record(
        self, rows: Mapping[str, models.Model], created: set[str], touched: dict[str, list[str]], by: Actor
    ) -> None:
        """A revision for every row that was created or whose endpoints are new or changed."""
        for slug in sorted(created | touched.keys()):
            row, is_new = rows[slug], slug in created
            before = None if is_new else snapshot(row)
            action: Action = "create" if is_new else "update"
            record_row(action, row, before, by, self._versions, endpoints=touched.get(slug, []))

    def _touched_providers(self) -> dict[str, list[str]]:
        """The endpoints that are created, by their provider."""
        touched: dict[str, list[str]] = {}
        for model, endpoint in self._pairs:
            if (model.slug, endpoint.key) not in self._endpoints:
                touched.setdefault(endpoint.provider, []).append(f"+ {model.slug} at {endpoint.key}")
        return touched

    def _touched_models(self) -> dict[str, list[str]]:
        """The endpoints that are created or change, by their model."""
        touched: dict[str, list[str]] = {}
        for planned in self.planned():
            if planned.kind in ("endpoint", "price"):
                touched.setdefault(planned.name.partition(" at ")[0], []).append(str(planned))
        return touched

    def _write(
        self,
        kind: type[N],
        files: list[ProviderFile] | list[ModelFile],
        rows: dict[str, N],
        now: datetime,
        by: Actor,
    ) -> list[N]:
        """Create the new rows at once and change the others one by one; returns the new ones."""
        fresh = [kind(**file.columns(), created_at=now) for file in files if file.slug not in rows]
        for file in files:
            row = rows.get(file.slug)
            if row is not None and self._differences(row, file.columns()):
                # Read again, locked: a credential that was sealed meanwhile must not be written back.
                row = rows[file.slug] = kind._default_manager.select_for_update().get(pk=row.pk)
                before = snapshot(row)
                assign(row, file.columns())
                row.save()
                record_row("update", row, before, by, self._versions)
        for row in kind._default_manager.bulk_create(fresh):
            rows[row.slug] = row
        return fresh

    def _write_endpoints(self, now: datetime) -> None:
        fresh: list[Endpoint] = []
        prices: list[PriceVersion] = []
        for model, endpoint in self._pairs:
            row = self._endpoints.get((model.slug, endpoint.key))
            columns = endpoint.columns() | {"provider": self._providers[endpoint.provider]}
            if row is None:
                row = Endpoint(model=self._models[model.slug], created_at=now, **columns)
                fresh.append(row)
                is_repriced = endpoint.price is not None
            else:
                if self._differences(row, self._endpoint_columns(endpoint)):
                    assign(row, columns)
                    row.save()
                is_repriced = bool(self._price_differences(row, endpoint))
            if endpoint.price is not None and is_repriced:
                columns = endpoint.price.femto_columns()
                prices.append(PriceVersion(endpoint=row, source=self._catalog.source, **columns))
        Endpoint.objects.bulk_create(fresh)
        for price in prices:
            price.endpoint_id = price.endpoint.pk  # it had none before it was created
        PriceVersion.objects.bulk_create(prices)
