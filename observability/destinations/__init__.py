"""Destinations: vendors that traces are sent to. A new one is one file and one line here."""

from observability.destinations.arize import Arize
from observability.destinations.bigquery import BigQuery
from observability.destinations.braintrust import Braintrust
from observability.destinations.clickhouse import ClickHouse
from observability.destinations.datadog import Datadog
from observability.destinations.destination import DestinationKind
from observability.destinations.grafana import Grafana
from observability.destinations.langfuse import Langfuse
from observability.destinations.langsmith import LangSmith
from observability.destinations.newrelic import NewRelic
from observability.destinations.opik import Opik
from observability.destinations.otel_collector import OtelCollector
from observability.destinations.posthog import PostHog
from observability.destinations.raindrop import Raindrop
from observability.destinations.ramp import Ramp
from observability.destinations.s3 import S3
from observability.destinations.sentry import Sentry
from observability.destinations.snowflake import Snowflake
from observability.destinations.weave import Weave
from observability.destinations.webhook import Webhook

DESTINATIONS: dict[str, DestinationKind] = {
    kind.slug: kind
    for kind in (
        Arize(),
        BigQuery(),
        Braintrust(),
        ClickHouse(),
        Datadog(),
        Grafana(),
        Langfuse(),
        LangSmith(),
        NewRelic(),
        Opik(),
        OtelCollector(),
        PostHog(),
        Raindrop(),
        Ramp(),
        S3(),
        Sentry(),
        Snowflake(),
        Weave(),
        Webhook(),
    )
}
