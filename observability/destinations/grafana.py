"""Grafana Cloud Tempo, by Grafana's OTLP gateway (https://grafana.com/docs/grafana-cloud/send-data/otlp/)."""

from __future__ import annotations

from config.lib.declared import Text
from observability.destinations.authorization import basic
from observability.destinations.destination import Config
from observability.destinations.fields import Address
from observability.destinations.otlp_kind import OtlpKind


class Grafana(OtlpKind):
    """The access policy token needs the scope traces:write."""

    slug = "grafana"
    name = "Grafana Cloud"
    about = "Tempo, with dashboards over traces."
    fields = (
        Text(name="instanceId", pattern=r"[A-Za-z0-9_-]+", help="The number of the stack's OTLP instance."),
        Text(name="apiKey", most=500, help="glc_…, with the scope traces:write."),
        Address(name="baseUrl", help="The OTLP gateway of the stack's zone."),
    )
    required = ("instanceId", "apiKey")
    secrets = frozenset({"apiKey"})
    defaults = {"baseUrl": "https://otlp-gateway-prod-us-west-0.grafana.net"}
    verified_against = "a strict local receiver"

    def address(self, config: Config) -> str:
        base = config["baseUrl"].rstrip("/")
        return f"{base}/v1/traces" if base.endswith("/otlp") else f"{base}/otlp/v1/traces"

    def headers(self, config: Config) -> dict[str, str]:
        return {"Authorization": basic(config["instanceId"], config["apiKey"])}
