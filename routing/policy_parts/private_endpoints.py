"""An organization's private endpoints as models that a principal may ask for, beside those of the catalog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from routing.catalog_snapshot import EndpointEntry, ModelEntry
from routing.models import ByokCredential, LanguageModel, PrivateEndpoint
from routing.models.private_endpoint import ACTIVE, BYOK
from routing.pricing import typical_femto
from routing.private_entries import NoCredential, UnopenedCredential, credential_of, entry_of
from routing.private_pricing import latest, price_of
from routing.private_upstreams import names_of
from routing.providers import WIRE_FORMATS
from workspaces.models import ApiKey

TEXT = ["text"]


def own_models(organization_id: int, key: ApiKey | None, *, using: str) -> Mapping[str, ModelEntry]:
    """The models behind the organization's active, priced endpoints, for the requests of a key.

    Without a key (a management key looks) an endpoint is there whether or not somebody's requests could reach it. One
    query where there are no private endpoints.
    """
    live = PrivateEndpoint.objects.using(using).for_organization(organization_id).live()
    rows = [row for row in live.filter(status=ACTIVE).order_by("pk") if row.wire_format in WIRE_FORMATS]
    if not rows:
        return {}
    entries = _entries(organization_id, rows, key, using)
    listed = LanguageModel.objects.using(using).filter(is_enabled=True, slug__in=entries)
    catalog = {row.slug: row for row in listed}
    first = {row.model_slug: row for row in reversed(rows)}
    return {slug: _model(first[slug], catalog.get(slug), entries[slug]) for slug in sorted(entries)}


def _entries(
    organization_id: int, rows: list[PrivateEndpoint], key: ApiKey | None, using: str
) -> Mapping[str, list[EndpointEntry]]:
    """The endpoints that can be asked, by model."""
    prices = latest(organization_id, [row.pk for row in rows], using=using)
    names = names_of((row.provider for row in rows), using=using)
    usable = list(_credentials(organization_id, rows, key, using))
    entries: dict[str, list[EndpointEntry]] = defaultdict(list)
    for row in rows:
        if row.pk not in prices:
            continue
        try:
            credential = "" if key is None else credential_of(row, usable, key)
        except (NoCredential, UnopenedCredential):
            continue
        price = price_of(prices[row.pk])
        entries[row.model_slug].append(
            entry_of(row, name=names[row.provider], price=price, credential=credential)
        )
    return entries


def _credentials(
    organization_id: int, rows: list[PrivateEndpoint], key: ApiKey | None, using: str
) -> Iterable[ByokCredential]:
    """The BYOK credentials that may be used in the key's workspace, in the order in which they are tried."""
    providers = {row.provider for row in rows if row.authentication == BYOK}
    if key is None or not providers:
        return ()
    own = ByokCredential.objects.using(using).for_organization(organization_id).live()
    return own.usable_in(key.workspace).filter(provider__in=providers).in_order()


def _model(row: PrivateEndpoint, listed: LanguageModel | None, entries: list[EndpointEntry]) -> ModelEntry:
    """The catalog's model with these endpoints alone, or one that only this organization has."""
    about = listed or LanguageModel(
        slug=row.model_slug,
        name=row.model_name or row.model_slug,
        author=row.model_slug.partition("/")[0],
        created_at=row.created_at,
        context_length=row.context_length,
        input_modalities=TEXT,
        output_modalities=TEXT,
    )
    cutoff = about.knowledge_cutoff_date
    return ModelEntry(
        slug=about.slug,
        name=about.name,
        description=about.description,
        author=about.author,
        created_at=about.created_at,
        context_length=about.context_length,
        input_modalities=tuple(about.input_modalities),
        output_modalities=tuple(about.output_modalities),
        tokenizer=about.tokenizer,
        instruct_type=about.instruct_type,
        hugging_face_id=about.hugging_face_id,
        endpoints=tuple(sorted(entries, key=lambda entry: (typical_femto(entry.price), entry.tag))),
        knowledge_cutoff_date=cutoff.isoformat() if cutoff else None,
    )
