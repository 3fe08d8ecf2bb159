"""Models that a test adds to the catalog for a while, all of a provider of the stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction

from config.lib.scoping import unscoped
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider
from tests.routing.gateway.stage import note_change

DOLLAR_A_MILLION = 10**9
"""In femto-dollars a token."""


@contextmanager
def own_models(models: Mapping[str, Mapping[str, Any]], blocker: Any) -> Iterator[None]:
    """Have these models, and take them away again.

    By its slug, a model says its `endpoints` (fields of one each, with the provider's slug as their tag), and more
    of its own fields. What ends with `embed` embeds.
    """
    with blocker.unblock():
        _write(models)
        connections.close_all()
    yield
    with blocker.unblock(), unscoped(reason="the catalog is the platform's"), transaction.atomic():
        LanguageModel.objects.filter(slug__in=models).delete()
        note_change(Provider.objects.earliest("pk"))
    connections.close_all()


def _write(models: Mapping[str, Mapping[str, Any]]) -> None:
    with unscoped(reason="the catalog is the platform's"), transaction.atomic():
        providers = {provider.slug: provider for provider in Provider.objects.all()}
        for slug, fields in models.items():
            said = {name: value for name, value in fields.items() if name != "endpoints"}
            model = LanguageModel.objects.create(
                slug=slug,
                name=slug,
                author=slug.partition("/")[0],
                input_modalities=["text"],
                output_modalities=["embeddings" if slug.endswith("embed") else "text"],
                **said,
            )
            _serve(model, fields["endpoints"], providers)
        note_change(next(iter(providers.values())))


def _serve(
    model: LanguageModel, endpoints: Sequence[Mapping[str, Any]], providers: Mapping[str, Provider]
) -> None:
    for fields in endpoints:
        provider = providers[fields["tag"]]
        endpoint = Endpoint.objects.create(model=model, provider=provider, supported_parameters=[], **fields)
        PriceVersion.objects.create(
            endpoint=endpoint, prompt_femto=DOLLAR_A_MILLION, completion_femto=DOLLAR_A_MILLION
        )
