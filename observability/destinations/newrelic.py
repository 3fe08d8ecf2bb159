"""New Relic, by its OTLP endpoint (https://docs.newrelic.com/docs/opentelemetry/best-practices/opentelemetry-otlp/)."""

from __future__ import annotations

from config.lib.declared import Choice, Text
from observability.destinations.destination import Config
from observability.destinations.otlp_kind import OtlpKind

ADDRESSES = {
    "us": "https://otlp.nr-data.net/v1/traces",
    "eu": "https://otlp.eu01.nr-data.net/v1/traces",
}


class NewRelic(OtlpKind):
    """The region chooses the address, so nothing of it can be steered."""

    slug = "newrelic"
    name = "New Relic"
    about = "Application monitoring with distributed traces."
    fields = (
        Text(name="licenseKey", most=200, help="An ingest license key."),
        Choice(name="region", values=("us", "eu"), help="Of the account."),
    )
    required = ("licenseKey",)
    secrets = frozenset({"licenseKey"})
    addresses = frozenset({"region"})
    defaults = {"region": "us"}
    verified_against = "a strict local receiver"

    def address(self, config: Config) -> str:
        return ADDRESSES[config["region"]]

    def headers(self, config: Config) -> dict[str, str]:
        return {"api-key": str(config["licenseKey"])}
