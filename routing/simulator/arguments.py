"""Arguments for a tool call, made from the tool's JSON schema: the same schema gives the same arguments."""

import json
from collections.abc import Callable, Mapping

_MAX_DEPTH = 8
_MAX_OPTIONAL_DEPTH = 3
_MAX_ITEMS = 8
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}
Schema = Mapping[str, object]


def make_arguments(schema: object) -> str:
    """Return a JSON object as text that satisfies the schema; `{}` when it asks for nothing an object can be.

    Knows types, enum, const, default, examples, properties, items, bounds, the common formats, local `$ref`,
    anyOf, oneOf and allOf (JSON Schema 2020-12). It does not know `pattern`.
    """
    root = schema if isinstance(schema, dict) else {}
    sample = _sample(root, root, 0)
    return json.dumps(sample if isinstance(sample, dict) else {})


def _sample(schema: object, root: Schema, depth: int) -> object:
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return "text"
    schema = _flatten(schema, root, depth)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("enum", "examples"):
        values = schema.get(name)
        if isinstance(values, list) and values:
            return values[0]
    return _MAKERS.get(_type_of(schema), _text)(schema, root, depth)


def _flatten(schema: Schema, root: Schema, depth: int) -> Schema:
    """Return the schema with its reference, its allOf and the first of its alternatives merged into it."""
    merged = dict(schema)
    parts = [_resolve(merged.pop("$ref"), root)] if "$ref" in merged else []
    for name in ("anyOf", "oneOf", "allOf"):
        options = merged.pop(name, None)
        if isinstance(options, list):
            parts += options if name == "allOf" else options[:1]
    if depth >= _MAX_DEPTH:
        return merged
    for part in parts:
        if isinstance(part, dict):
            merged = _merge(merged, _flatten(part, root, depth + 1))
    return merged


def _merge(left: Schema, right: Schema) -> dict[str, object]:
    merged = {**right, **left}
    for name, join in (("properties", _join_objects), ("required", _join_lists)):
        if name in left and name in right:
            merged[name] = join(left[name], right[name])
    return merged


def _join_objects(left: object, right: object) -> object:
    return {**right, **left} if isinstance(left, dict) and isinstance(right, dict) else left


def _join_lists(left: object, right: object) -> object:
    return [*left, *right] if isinstance(left, list) and isinstance(right, list) else left


def _resolve(reference: object, root: Schema) -> object:
    """Return what a local reference such as `#/$defs/place` names; nothing for any other."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: object = root
    for step in reference.lstrip("#").strip("/").split("/"):
        if step:
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found


def _type_of(schema: Schema) -> str:
    """Return the first type that is not null; Gemini writes types in capitals."""
    kinds = schema.get("type")
    names = [
        kind.lower() for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)
    ]
    wanted = [name for name in names if name != "null"] or names
    if wanted:
        return wanted[0]
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _object(schema: Schema, root: Schema, depth: int) -> object:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    names = _choose_names(properties, schema.get("required"), depth)
    return {name: _sample(properties.get(name), root, depth + 1) for name in dict.fromkeys(names)}


def _choose_names(properties: Schema, required: object, depth: int) -> list[str]:
    """Return the required properties; all where the schema does not say, unless deep down."""
    if isinstance(required, list):
        return [name for name in required if isinstance(name, str)]
    return list(properties) if depth < _MAX_OPTIONAL_DEPTH else []


def _array(schema: Schema, root: Schema, depth: int) -> object:
    count = schema.get("minItems", 1)
    count = min(count, _MAX_ITEMS) if isinstance(count, int) else 1
    return [_sample(schema.get("items", {}), root, depth + 1)] * (
        0 if schema.get("maxItems") == 0 else max(count, 1)
    )


def _number(schema: Schema, root: Schema, depth: int) -> object:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if isinstance(low, int | float):
        return low
    if isinstance(above, int | float):
        return above + 1
    if isinstance(high, int | float):
        return min(1, high)
    return min(1, below - 1) if isinstance(below, int | float) else 1


def _text(schema: Schema, root: Schema, depth: int) -> object:
    kind, least, most = schema.get("format"), schema.get("minLength"), schema.get("maxLength")
    text = _FORMATS.get(kind, "text") if isinstance(kind, str) else "text"
    if isinstance(least, int):
        text = text.ljust(min(least, 1000), "x")
    return text[:most] if isinstance(most, int) and most >= 0 else text


_MAKERS: dict[str, Callable[[Schema, Schema, int], object]] = {
    "object": _object,
    "array": _array,
    "number": _number,
    "integer": _number,
    "string": _text,
    "boolean": lambda schema, root, depth: True,
    "null": lambda schema, root, depth: None,
}
