"""LangSmith, by its OpenTelemetry endpoint (https://docs.langchain.com/langsmith/trace-with-opentelemetry)."""

from __future__ import annotations

from config.lib.declared import Text
from observability.destinations.destination import Config
from observability.destinations.fields import Address
from observability.destinations.otlp import Attributes, metadata, root_attributes
from observability.destinations.otlp_kind import OtlpKind
from observability.trace import Trace


class LangSmith(OtlpKind):
    """Traces of one project; `workspaceId` chooses among the workspaces of an organization-wide key."""

    slug = "langsmith"
    name = "LangSmith"
    about = "Tracing and evaluation by LangChain."
    fields = (
        Text(name="apiKey", most=500, help="lsv2_pt_… or lsv2_sk_…"),
        Text(name="project", help="The project that traces go to."),
        Address(name="endpoint", help="The region, or your own server."),
        Text(name="workspaceId", help="Of the workspace, for a key of several."),
    )
    required = ("apiKey",)
    secrets = frozenset({"apiKey"})
    defaults = {"endpoint": "https://api.smith.langchain.com", "project": "main"}
    verified_against = "a strict local receiver, with paths and attribute names of LangSmith's SDK"

    def address(self, config: Config) -> str:
        return f"{config['endpoint'].rstrip('/')}/otel/v1/traces"

    def headers(self, config: Config) -> dict[str, str]:
        headers = {"x-api-key": str(config["apiKey"]), "Langsmith-Project": str(config["project"])}
        workspace = config.get("workspaceId")
        return headers | ({"X-Tenant-Id": str(workspace)} if workspace else {})

    def root(self, trace: Trace, config: Config) -> Attributes:
        return root_attributes(trace) | {
            "langsmith.span.kind": "tool" if trace.is_tool_run else "llm",
            "langsmith.trace.name": trace.trace_name,
            "langsmith.trace.session_id": trace.session_id,
            "langsmith.span.tags": ",".join(trace.tags) if trace.tags else None,
            **metadata(trace, "langsmith.metadata."),
        }
