"""The catalog as the data plane holds it, compiled from its rows: what is enabled, priced and reachable."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.db.models.functions import Now

from config.lib.crypto import SealingError, sealing_ring
from config.lib.environment import environment
from routing.catalog_snapshot import CatalogSnapshot, EndpointEntry, ModelEntry, Price, ServedBy
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider
from routing.pricing import typical_femto
from routing.providers import WIRE_FORMATS
from routing.usable_credential import IN_CREDENTIAL

OUR_VARIABLES = ("HEADGATE_", "DATABASE_URL")
"""Whoever may edit the catalog may not have our own secrets sent to a provider of his."""

log = logging.getLogger(__name__)


def credential_identity(provider: Provider) -> str:
    """What a sealed credential belongs to; it opens nowhere else."""
    return f"provider:{provider.pk}:credential"


def compile_catalog(version: int, *, using: str) -> CatalogSnapshot:
    """Read the rows (in the caller's transaction) and put the routable ones together.

    What can be reached with a credential of one's own alone stands apart, so that nobody else is ever led there.
    """
    providers = _providers(using)
    endpoints: dict[int, list[EndpointEntry]] = defaultdict(list)
    prices = _prices(using)
    models = {
        row.pk: row for row in LanguageModel.objects.using(using).filter(is_enabled=True).order_by("slug")
    }
    for row in Endpoint.objects.using(using).filter(is_enabled=True).order_by("pk"):
        model, provider, price = models.get(row.model_id), providers.get(row.provider_id), prices.get(row.pk)
        if model is not None and provider is not None and price is not None:
            endpoints[row.model_id].append(_endpoint(row, model, provider, price))
    shared, byok = _split(models.values(), endpoints)
    return CatalogSnapshot(
        version=version,
        models=shared,
        providers=_by_slug(provider for provider in providers.values() if not provider.needs_credential),
        unroutable=frozenset(row.slug for row in models.values() if row.slug not in shared),
        byok_models=byok,
        byok_providers=_by_slug(provider for provider in providers.values() if provider.needs_credential),
    )


def _split(
    models: Iterable[LanguageModel], endpoints: Mapping[int, list[EndpointEntry]]
) -> tuple[dict[str, ModelEntry], dict[str, ModelEntry]]:
    """The models as everybody reaches them, and those with more endpoints for whoever brings a credential."""
    shared, byok = {}, {}
    for row in models:
        every = endpoints.get(row.pk, [])
        open_to_all = [entry for entry in every if not entry.provider.needs_credential]
        if open_to_all:
            shared[row.slug] = _model(row, open_to_all)
        if len(open_to_all) < len(every):
            byok[row.slug] = _model(row, every)
    return shared, byok


def _by_slug(providers: Iterable[ServedBy]) -> dict[str, ServedBy]:
    return {provider.slug: provider for provider in providers}


def _providers(using: str) -> dict[int, ServedBy]:
    """The providers that can be reached, by row id."""
    rows = Provider.objects.using(using).filter(is_enabled=True).order_by("slug")
    return {row.pk: served for row in rows if (served := _provider(row)) is not None}


def _provider(row: Provider) -> ServedBy | None:
    if row.wire_format not in WIRE_FORMATS:
        return None
    credential: str | None
    if row.is_simulator:
        simulator = environment().simulator_url.rstrip("/")
        base_url, credential = f"{simulator}/{row.slug}/v1" if simulator else "", ""
    else:
        base_url, credential = row.base_url, _credential(row)
    is_address_brought = not base_url and not row.is_simulator and row.wire_format in IN_CREDENTIAL
    if not base_url and not is_address_brought:
        return None
    return ServedBy(
        slug=row.slug,
        name=row.name,
        wire_format=row.wire_format,
        base_url=base_url,
        credential="" if credential is None else credential,
        is_simulator=row.is_simulator,
        needs_credential=credential is None or not (base_url or credential),
        headquarters=row.headquarters,
        datacenters=None if row.datacenters is None else tuple(row.datacenters),
        privacy_policy_url=row.privacy_policy_url,
        terms_of_service_url=row.terms_of_service_url,
        status_page_url=row.status_page_url,
    )


def _credential(row: Provider) -> str | None:
    """The platform's credential: sealed in the row, or in the named variable; empty where the provider wants none."""
    if row.sealed_credential:
        try:
            return sealing_ring().open(row.sealed_credential, identity=credential_identity(row)).decode()
        except SealingError as error:
            log.error("the credential of provider %s cannot be opened: %s", row.slug, error)
            return None
    if not row.credential_variable:
        return ""
    if row.credential_variable.startswith(OUR_VARIABLES):
        log.error("provider %s names one of Headgate's own variables as its credential", row.slug)
        return None
    return os.environ.get(row.credential_variable) or None


def _prices(using: str) -> dict[int, Price]:
    """The price that holds now, by endpoint."""
    rows = PriceVersion.objects.using(using).filter(valid_from__lte=Now())
    latest = rows.order_by("endpoint_id", "-valid_from", "-pk").distinct("endpoint_id")
    return {row.endpoint_id: _price(row) for row in latest}


def _price(row: PriceVersion) -> Price:
    return Price(
        version_id=row.pk,
        prompt=row.prompt_femto,
        completion=row.completion_femto,
        request=row.request_femto,
        reasoning=row.reasoning_femto,
        cache_read=row.cache_read_femto,
        cache_write=row.cache_write_femto,
        image=row.image_femto,
        audio=row.audio_femto,
        web_search=row.web_search_femto,
    )


def _endpoint(row: Endpoint, model: LanguageModel, provider: ServedBy, price: Price) -> EndpointEntry:
    return EndpointEntry(
        id=row.pk,
        tag=row.tag,
        model=model.slug,
        upstream_model=row.upstream_model,
        provider=provider,
        price=price,
        context_length=row.context_length or model.context_length,
        max_prompt_tokens=row.max_prompt_tokens,
        max_completion_tokens=row.max_completion_tokens,
        supported_parameters=frozenset(row.supported_parameters),
        quantization=row.quantization,
        region=row.region,
        service_tier=row.service_tier,
        trains_on_prompts=row.trains_on_prompts,
        retains_prompts=row.retains_prompts,
        retention_days=row.retention_days,
        can_publish=row.can_publish,
        is_zdr=row.is_zdr,
        deprecated_at=row.deprecated_at,
        benchmark_score=row.benchmark_score,
    )


def _model(row: LanguageModel, endpoints: list[EndpointEntry]) -> ModelEntry:
    return ModelEntry(
        slug=row.slug,
        name=row.name,
        description=row.description,
        author=row.author,
        created_at=row.created_at,
        context_length=row.context_length,
        input_modalities=tuple(row.input_modalities),
        output_modalities=tuple(row.output_modalities),
        tokenizer=row.tokenizer,
        instruct_type=row.instruct_type,
        hugging_face_id=row.hugging_face_id,
        endpoints=tuple(sorted(endpoints, key=lambda entry: (typical_femto(entry.price), entry.tag))),
        knowledge_cutoff_date=row.knowledge_cutoff_date.isoformat() if row.knowledge_cutoff_date else None,
        expires_at=row.expires_at,
        is_distillable=row.is_distillable,
    )
