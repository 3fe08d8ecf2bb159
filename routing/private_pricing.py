"""What a private endpoint charges: dollars per token outside, femto-dollars inside; what is left out is derived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from django.db.models.functions import Now

from config.lib.money import NotAnAmount, femto_from_usd, plain_usd, usd_from_femto
from routing.catalog_snapshot import Price
from routing.models import PriceVersion, PrivatePrice

NOT_SET = "-1"
"""Stands for a rate that was never set, as the contract writes a price that is not known; free is `0`."""


MOST_USD = Decimal("0.01")
"""For a token: many times the dearest model's price, and few enough that no purse ever counts beyond its column."""


def rate_from_usd(price: Decimal) -> int:
    """Exact femto-dollars of a price per token. Raises NotAnAmount."""
    if price.is_finite() and price > MOST_USD:
        raise NotAnAmount(f"must be at most {MOST_USD} US dollars")
    return femto_from_usd(price)


@dataclass(frozen=True)
class Rates:
    """Femto-dollars per token; None: such a token costs what one of the prompt costs."""

    prompt: int
    completion: int
    cache_read: int | None = None
    cache_write: int | None = None

    @classmethod
    def of(cls, amounts: Mapping[str, str]) -> Rates:
        """The rates of decimal strings. Raises NotAnAmount."""
        return cls(**{name: rate_from_usd(Decimal(text)) for name, text in amounts.items()})

    @classmethod
    def stored(cls, row: PrivatePrice) -> Rates:
        """The rates of a price version."""
        return cls(row.prompt_femto, row.completion_femto, row.cache_read_femto, row.cache_write_femto)

    def columns(self) -> dict[str, int | None]:
        """As a price version keeps them."""
        return {f"{field.name}_femto": getattr(self, field.name) for field in fields(self)}

    def amounts(self) -> dict[str, str]:
        """As decimal strings; rates that are none of their own are left out."""
        femtos = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: plain_usd(usd_from_femto(femto)) for name, femto in femtos.items() if femto is not None}


def latest(
    organization_id: int, endpoint_ids: Iterable[int], *, using: str = "default"
) -> dict[int, PrivatePrice]:
    """The price that holds now, by endpoint of the organization; one query."""
    prices = PrivatePrice.objects.using(using).for_organization(organization_id)
    held = prices.filter(endpoint_id__in=endpoint_ids).order_by("endpoint_id", "-valid_from", "-pk")
    return {price.endpoint_id: price for price in held.distinct("endpoint_id")}


def price_of(row: PrivatePrice) -> Price:
    """A price version as the data plane knows it: negative ids are private endpoints' (docs/private-endpoints.md)."""
    rates = Rates.stored(row)
    return Price(-row.pk, rates.prompt, rates.completion, 0, None, rates.cache_read, rates.cache_write)


def with_derived(rates: Rates, *, provider: str, model: str) -> Rates:
    """Rates for the cache that were left out, in proportion to those of the public endpoint of model and provider."""
    if None not in (rates.cache_read, rates.cache_write):
        return rates
    public = (
        PriceVersion.objects.filter(
            endpoint__model__slug=model,
            endpoint__provider__slug=provider,
            endpoint__is_enabled=True,
            valid_from__lte=Now(),
        )
        .order_by("endpoint__tag", "-valid_from", "-pk")
        .first()
    )
    if public is None or not public.prompt_femto:
        return rates
    read, write = rates.cache_read, rates.cache_write
    if read is None:
        read = _scaled(rates.prompt, public.cache_read_femto, public.prompt_femto)
    if write is None:
        write = _scaled(rates.prompt, public.cache_write_femto, public.prompt_femto)
    return replace(rates, cache_read=read, cache_write=write)


def _scaled(prompt: int, rate: int | None, public_prompt: int) -> int | None:
    """The same share of another price, rounded half up."""
    return None if rate is None else (2 * prompt * rate + public_prompt) // (2 * public_prompt)
