"""Ramp's dashboard of AI spend; its endpoint is documented nowhere but as OTLP."""

from __future__ import annotations

from config.lib.declared import Text
from observability.destinations.authorization import bearer
from observability.destinations.destination import Config
from observability.destinations.fields import Address
from observability.destinations.otlp_kind import OtlpKind


class Ramp(OtlpKind):
    """The address is used as it is, and the key as a bearer token: both are assumed."""

    slug = "ramp"
    name = "Ramp"
    about = "AI spend beside the rest of the company's."
    fields = (
        Text(name="apiKey", most=500, help="Of the integration."),
        Address(name="baseUrl", help="Ramp's endpoint."),
    )
    required = ("apiKey",)
    secrets = frozenset({"apiKey"})
    defaults = {"baseUrl": "https://api.ramp.com/developer/v1/ai-usage/openrouter"}
    verified_against = "not against the vendor: a strict local OTLP receiver, path and authorization assumed"

    def address(self, config: Config) -> str:
        return str(config["baseUrl"])

    def headers(self, config: Config) -> dict[str, str]:
        return {"Authorization": bearer(config["apiKey"])}
