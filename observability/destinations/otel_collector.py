"""Any receiver of OTLP over HTTP; Phoenix, MLflow, Jaeger, Tempo and the OpenTelemetry Collector among them."""

from __future__ import annotations

from observability.destinations.destination import Config
from observability.destinations.fields import Address
from observability.destinations.otlp_kind import OtlpKind


class OtelCollector(OtlpKind):
    """The endpoint is used as it is: nothing is appended."""

    slug = "otel-collector"
    name = "OpenTelemetry Collector"
    about = "Any backend that takes OTLP over HTTP, as JSON or protobuf."
    fields = (Address(name="endpoint", help="Where traces are posted to, with its path: …/v1/traces."),)
    required = ("endpoint",)
    verified_against = "Arize Phoenix and MLflow, real servers; a strict local OTLP receiver"

    def address(self, config: Config) -> str:
        return str(config["endpoint"])
