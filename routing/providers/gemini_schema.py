"""JSON Schema as Gemini takes it in `parametersJsonSchema` and `responseJsonSchema`.

Both take JSON Schema as it is but heed a part of it only (ai.google.dev/api/generate-content, GenerationConfig):
what can be said by a keyword of that part is said by it, all else stays and is passed over there.
"""

from __future__ import annotations

from typing import Any

from routing.providers.wire_format import Unsupported

MAX_DEPTH = 64
_DROPPED = frozenset({"$schema", "$comment", "nullable", "const", "definitions", "strict"})
_MAPS = frozenset({"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_SCHEMAS = frozenset(
    {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"}
)
_OLD_DEFINITIONS, _DEFINITIONS = "#/definitions/", "#/$defs/"

Json = dict[str, Any]  # JSON may be anything


def clean_schema(schema: Any, parameter: str, depth: int = 0) -> Any:
    """The same schema in the keywords that Gemini heeds. Raises Unsupported where it is nested absurdly deep."""
    if not isinstance(schema, dict):
        return schema
    if depth > MAX_DEPTH:
        raise Unsupported(parameter, "has a schema that is nested too deeply")
    clean = {name: _value(name, value, parameter, depth + 1) for name, value in schema.items()}
    return _reword(clean)


def _value(name: str, value: Any, parameter: str, depth: int) -> Any:
    if name in _MAPS and isinstance(value, dict):
        return {key: clean_schema(inner, parameter, depth) for key, inner in value.items()}
    if name in _LISTS and isinstance(value, list):
        return [clean_schema(inner, parameter, depth) for inner in value]
    return clean_schema(value, parameter, depth) if name in _SCHEMAS else value


def _reword(schema: Json) -> Json:
    clean = {name: value for name, value in schema.items() if name not in _DROPPED}
    if "const" in schema:
        clean["enum"] = [schema["const"]]
    if isinstance(schema.get("definitions"), dict):
        clean["$defs"] = {**schema["definitions"], **(clean.get("$defs") or {})}
    reference = clean.get("$ref")
    if isinstance(reference, str) and reference.startswith(_OLD_DEFINITIONS):
        clean["$ref"] = _DEFINITIONS + reference.removeprefix(_OLD_DEFINITIONS)
    if schema.get("nullable") is True:
        clean = _or_null(clean)
    return _without_all_of(clean)


def _or_null(schema: Json) -> Json:
    """OpenAPI's `nullable` in JSON Schema's words."""
    kind = schema.get("type")
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
    elif isinstance(kind, list) and "null" not in kind:
        schema["type"] = [*kind, "null"]
    return schema


def _without_all_of(schema: Json) -> Json:
    """Put the parts of an `allOf` together where none says something that another one says, too."""
    parts = schema.get("allOf")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        return schema
    merged = {name: value for name, value in schema.items() if name != "allOf"}
    for part in parts:
        for name, value in part.items():
            mine = merged.get(name)
            if name not in merged or mine == value:
                merged[name] = value
            elif name == "properties" and isinstance(mine, dict) and isinstance(value, dict):
                if any(mine[key] != value[key] for key in mine.keys() & value.keys()):
                    return schema
                merged[name] = {**mine, **value}
            elif name == "required" and isinstance(mine, list) and isinstance(value, list):
                merged[name] = [*mine, *(one for one in value if one not in mine)]
            else:
                return schema
    return merged
