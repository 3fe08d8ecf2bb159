"""What a generation's detail tells of its way: a router, a search, a tier, who asked. Free JSON, read with care."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GLOBAL: Final = "global"
"""The region of requests that were sent to no region's own host."""
INJECTION_STAGE: Final = "regex_pi_detection"
"""The pipeline's name of a look for prompt injections."""


@dataclass(frozen=True)
class Handling:
    """How a request was handled; None: that played no part, or nothing is known of it.

    `router` is the model that was named where a router chose another, `service_tier` what the provider reported.
    `search_results` is None too where the provider searched by itself. Searches and fetches are those of plugins and
    of server tools.
    """

    region: str
    router: str | None
    service_tier: str | None
    search_engine: str | None
    search_results: int | None
    fetches: int | None
    preset_id: str | None
    cached_from: str | None
    user_agent: str | None

    @classmethod
    def of(cls, detail: Any) -> Handling:  # whatever was stored
        """The handling that a detail tells."""
        told = detail if isinstance(detail, dict) else {}
        searches = _of_plugin(told, "web-search")[-1:] + _of_tool(told, "web_search")
        return cls(
            region=text_in(told, "region") or GLOBAL,
            router=_last_text(_data_of(told, type="plugin"), "router"),
            service_tier=text_in(told, "service_tier") or None,
            search_engine=_last_text(searches, "engine"),
            search_results=_sum_of(searches, "results"),
            fetches=_calls_of(_of_tool(told, "web_fetch")),
            preset_id=text_in(object_in(told, "preset"), "id") or None,
            cached_from=text_in(told, "response_cache_source_id") or None,
            user_agent=text_in(told, "user_agent") or None,
        )


def is_tool_run(tool: str | None, model: str, endpoint_id: int | None) -> bool:
    """Whether a generation is the work of a tool that costs by itself: no endpoint, and the tool for a model."""
    return tool is not None and endpoint_id is None and model == f"openrouter/{tool}"


def guardrail_findings(detail: Any) -> list[dict[str, Any]]:  # whatever was stored
    """The stages of the pipeline in which a guardrail found something."""
    stages = objects_in(detail, "pipeline") if isinstance(detail, dict) else []
    return [
        stage
        for stage in stages
        if stage.get("type") == "guardrail" and object_in(stage, "data").get("detected") is True
    ]


def has_injection(detail: Any) -> bool:  # whatever was stored
    """Whether a guardrail took something for a prompt injection."""
    return any(stage.get("name") == INJECTION_STAGE for stage in guardrail_findings(detail))


def objects_in(row: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list; nothing where there is none."""
    value = row.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def object_in(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object; an empty one where there is none."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def text_in(row: Mapping[str, Any], name: str) -> str:
    """A text; an empty one where there is none."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def number_in(row: Mapping[str, Any], name: str) -> int | None:
    """A whole number; None where there is none."""
    value = row.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _of_plugin(detail: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What the pipeline's stages of a plugin tell, in order."""
    return _data_of(detail, type="plugin", name=name)


def _of_tool(detail: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What the pipeline's stages of a server tool tell, in order."""
    return _data_of(detail, type="server_tool", name=name)


def _data_of(detail: Mapping[str, Any], **wanted: str) -> list[dict[str, Any]]:
    """What stages of the pipeline tell."""
    return [
        object_in(stage, "data")
        for stage in objects_in(detail, "pipeline")
        if all(stage.get(field) == value for field, value in wanted.items())
    ]


def _last_text(rows: list[dict[str, Any]], name: str) -> str | None:
    return next((text for row in reversed(rows) if (text := text_in(row, name))), None)


def _sum_of(rows: list[dict[str, Any]], name: str) -> int | None:
    """The sum of what was counted; None where nobody counted."""
    counted = [number for row in rows if (number := number_in(row, name)) is not None]
    return sum(counted) if counted else None


def _calls_of(rows: list[dict[str, Any]]) -> int | None:
    """How many calls of a tool were answered, where each row is one unless it counts; None where there was none."""
    if not rows:
        return None
    counted = [(number_in(row, "calls"), row.get("failed") is not True) for row in rows]
    return sum(int(is_answered) if calls is None else calls for calls, is_answered in counted)
