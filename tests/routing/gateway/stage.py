"""What the gateway's tests play on: the cast with credits, and a catalog of models that behave in known ways."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.credits import deposit
from accounts.models import LedgerEntry, Organization
from accounts.revisions import PLATFORM, Change, record, snapshot
from config.lib.money import femto_from_usd, nano_from_usd
from config.lib.scoping import tenant, unscoped
from routing import guardrail_settings
from routing.guardrail_assignments import assign_keys
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider
from tests.cast import STAGE
from workspaces import api_keys
from workspaces.models import Workspace

PROVIDERS = ("alpha", "beta", "gamma")
"""Three providers, all of them the simulator."""

SPEAKERS = {"test/messages": ("delta", "anthropic"), "test/gemini": ("epsilon", "gemini")}
"""Models of a provider of their own, by the beginning of their slugs: the simulator in another wire format."""
VERSIONS = {"gemini": "v1beta"}
"""The version in a wire format's address, where it is not v1."""

MODELS: dict[str, Sequence[str]] = {
    "test/echo": ["simulator/echo"],
    "test/echo:free": ["simulator/echo"],
    "test/lorem": ["simulator/lorem"],
    "test/flat": ["simulator/flat"],
    "test/slow": ["simulator/slow"],
    "test/cut": ["simulator/cut"],
    "test/garbage": ["simulator/garbage"],
    "test/silent": ["simulator/silent"],
    "test/tools": ["simulator/tools"],
    "test/script": ["simulator/script"],
    "test/messages-script": ["simulator/script"],
    "test/error-429": ["simulator/error-429"],
    "test/error-500": ["simulator/error-500"],
    "test/error-400": ["simulator/error-400"],
    "test/second-answers": ["simulator/error-503", "simulator/echo"],
    "test/third-answers": ["simulator/garbage", "simulator/error-500", "simulator/echo"],
    "test/second-after-silence": ["simulator/silent", "simulator/echo"],
    "test/none-answers": ["simulator/error-503", "simulator/error-500"],
    "test/messages-echo": ["simulator/echo"],
    "test/messages-tools": ["simulator/tools"],
    "test/gemini-script": ["simulator/script"],
    "test/messages-cut": ["simulator/cut"],
    "test/messages-error-429": ["simulator/error-429"],
}
"""The upstream models behind each model, the cheapest first."""
MODELS |= {f"test/panel-{number}": [f"simulator/panel-{number}"] for number in range(1, 6)}
PROVIDER_ERRORS = (400, 401, 402, 403, 404, 408, 409, 413, 422, 425, 429, 500, 502, 503, 504, 524, 529)
MODELS |= {f"test/fails-{status}": [f"simulator/error-{status}"] for status in PROVIDER_ERRORS}
MODELS |= {
    f"test/survives-{status}": [f"simulator/error-{status}", "simulator/echo"] for status in PROVIDER_ERRORS
}

EMBEDDERS: dict[str, Sequence[str]] = {"test/embed": ["simulator/embed"]}

TOKEN_USD = Decimal("0.000001")
REQUEST_USD = Decimal("0.01")
"""Prices of the first endpoint; each next one is ten times as dear. `test/flat` costs REQUEST_USD and no tokens."""


def furnish(simulator_url: str) -> None:
    """Write the catalog."""
    with unscoped(reason="the catalog is the platform's"), transaction.atomic():
        base_url = f"{simulator_url}/simulator-fast"
        providers = [_add_provider(slug, "openai", base_url) for slug in PROVIDERS]
        speakers = {start: _add_provider(*speaker, base_url) for start, speaker in SPEAKERS.items()}
        for slug, upstream in (MODELS | EMBEDDERS).items():
            others = [provider for start, provider in speakers.items() if slug.startswith(start)]
            add_model(slug, upstream, others or providers)
        note_change(providers[0])


def _add_provider(slug: str, wire_format: str, base_url: str) -> Provider:
    address = f"{base_url}/{VERSIONS.get(wire_format, 'v1')}"
    return Provider.objects.create(slug=slug, name=slug.title(), wire_format=wire_format, base_url=address)


def note_change(provider: Provider) -> None:
    """Tell the gateways that the catalog is another one."""
    change = Change(action="create", row=provider, before=None, after=snapshot(provider), touches=(PLATFORM,))
    record(change, by=STAGE)


def add_model(slug: str, upstream: Sequence[str], providers: Sequence[Provider]) -> None:
    """Write a model with one endpoint at each provider, each dearer than the one before."""
    model = LanguageModel.objects.create(
        slug=slug,
        name=slug,
        author="test",
        input_modalities=["text"],
        output_modalities=["embeddings" if slug in EMBEDDERS else "text"],
    )
    price = TOKEN_USD
    for provider, name in zip(providers, upstream, strict=False):
        endpoint = Endpoint.objects.create(
            model=model, provider=provider, tag=provider.slug, upstream_model=name, supported_parameters=[]
        )
        per_token = 0 if slug == "test/flat" else femto_from_usd(price)
        PriceVersion.objects.create(
            endpoint=endpoint,
            prompt_femto=per_token,
            completion_femto=2 * per_token,
            request_femto=femto_from_usd(REQUEST_USD) if slug == "test/flat" else 0,
        )
        price *= 1000


def grant(organization: Organization, usd: str) -> None:
    """Give an organization credits."""
    with tenant(organization.pk):
        deposit(
            organization=organization,
            kind=LedgerEntry.PURCHASE,
            amount_nano=nano_from_usd(Decimal(usd)),
            description="for the tests",
            by=STAGE,
        )


def held_to(workspace: Workspace, name: str, settings: dict[str, Any]) -> str:
    """The secret of a new key that is held to a new guardrail."""
    key = api_keys.issue(workspace=workspace, name=name, by=STAGE)
    guardrail = guardrail_settings.create(workspace=workspace, name=name, by=STAGE, **settings)
    assign_keys(guardrail=guardrail, keys=[key.key], by=STAGE)
    return key.secret
