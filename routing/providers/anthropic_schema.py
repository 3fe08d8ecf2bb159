"""JSON schemas as Anthropic's structured outputs take them (build-with-claude/structured-outputs)."""

from __future__ import annotations

from typing import Any

_WITHIN_ONE = ("items", "not")
_WITHIN_LIST = ("anyOf", "allOf")
_WITHIN_NAMED = ("properties", "$defs", "definitions")
_LIMITS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"}
    | {"maxItems", "uniqueItems", "minProperties", "maxProperties", "contains", "minContains", "maxContains"}
)
"""What only the description can ask for; `minItems` may be 0 or 1."""


def closed(schema: Any) -> Any:
    """The schema with every object closed, and the limits that would be refused put into the description."""
    if not isinstance(schema, dict):
        return schema
    taken = {name: _within(name, value) for name, value in schema.items() if not _is_limit(name, value)}
    if "oneOf" in taken:
        taken["anyOf"] = [closed(one) for one in _listed(taken.pop("oneOf"))] + _listed(taken.get("anyOf"))
    if taken.get("type") == "object" or "properties" in taken:
        taken["additionalProperties"] = False
    limits = ", ".join(f"{name}: {value}" for name, value in schema.items() if _is_limit(name, value))
    if limits:
        described = schema.get("description")
        taken["description"] = f"{described}\n\n({limits})" if isinstance(described, str) else f"({limits})"
    return taken


def _is_limit(name: str, value: Any) -> bool:
    return name in _LIMITS or (name == "minItems" and value not in (0, 1))


def _within(name: str, value: Any) -> Any:
    if name in _WITHIN_ONE:
        return closed(value)
    if name in _WITHIN_LIST:
        return [closed(one) for one in _listed(value)]
    if name in _WITHIN_NAMED and isinstance(value, dict):
        return {field: closed(one) for field, one in value.items()}
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
