"""Any receiver of OTLP over HTTP; Phoenix, MLflow, Jaeger, Tempo and the OpenTelemetry Collector among them."""

from __future__ import annotations

from observability.destinations.destination import Config
from observability.destinations.fields import Address
from observability.destinations.json_kind import dollars
from observability.destinations.otlp import Attributes, json_text, root_attributes
from observability.destinations.otlp_kind import OtlpKind
from observability.trace import Trace


class OtelCollector(OtlpKind):
    """The endpoint is used as it is: nothing is appended."""

    slug = "otel-collector"
    name = "OpenTelemetry Collector"
    about = "Any backend that takes OTLP over HTTP, as JSON or protobuf."
    fields = (Address(name="endpoint", help="Where traces are posted to, with its path: …/v1/traces."),)
    required = ("endpoint",)
    probe_statuses = OtlpKind.probe_statuses | {400}
    """MLflow answers 400 to an export without spans; a wrong address or credential is another status."""
    verified_against = "Arize Phoenix and MLflow, real servers; a strict local OTLP receiver"

    def address(self, config: Config) -> str:
        return str(config["endpoint"])

    def root(self, trace: Trace, config: Config) -> Attributes:
        """With what was charged in MLflow's terms, too: it would reckon a price of its own."""
        usage = trace.usage
        cost = {
            "input_cost": dollars(usage.input_cost_nano),
            "output_cost": dollars(usage.output_cost_nano),
            "total_cost": dollars(usage.total_cost_nano),
        }
        return root_attributes(trace) | {"mlflow.llm.cost": json_text(cost)}
