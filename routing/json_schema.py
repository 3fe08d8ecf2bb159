"""Whether a value satisfies a JSON Schema: the keywords of Draft 7 that tool parameters are made of.

For statistics, hence lenient and bounded: a keyword that is not known here demands nothing, patterns are not looked
at (a caller's regular expression may take forever), nothing is fetched, and what takes too many steps is valid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = Any  # of any kind, both schema and value

MOST_STEPS = 5_000
MOST_DEPTH = 40


class TooMuch(Exception):
    """The value is not worth any more steps."""


def satisfies(value: Json, schema: Json, most_steps: int = MOST_STEPS) -> bool:
    """Whether the value is as the schema says; true where that cannot be told."""
    try:
        return _Checker(schema, most_steps).is_valid(value, schema, MOST_DEPTH)
    except TooMuch:
        return True


class _Checker:
    """Checks one value; counts its steps, and each entry of a list of the schema's that it goes through as one."""

    def __init__(self, root: Json, most_steps: int) -> None:
        self._root = root
        self._steps = most_steps

    def _step(self, count: int = 1) -> None:
        self._steps -= count
        if self._steps < 0:
            raise TooMuch

    def is_valid(self, value: Json, schema: Json, depth: int) -> bool:
        self._step()
        if depth < 0:
            raise TooMuch
        if schema is False:
            return False
        if not isinstance(schema, Mapping):
            return True
        if isinstance(schema.get("$ref"), str):
            return self.is_valid(value, self._referred(schema["$ref"]), depth - 1)
        return (
            self._is_of_type(value, schema.get("type"))
            and self._is_listed(value, schema)
            and _is_within(value, schema)
            and self._has_valid_members(value, schema, depth)
            and self._has_valid_items(value, schema, depth)
            and self._combines(value, schema, depth)
        )

    def _referred(self, reference: str) -> Json:
        """What a reference within the schema points to; to anything else there is none."""
        found = self._root
        if not reference.startswith("#"):
            return True
        parts = reference[1:].split("/")[1:]
        self._step(len(parts))
        for part in parts:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name, True) if isinstance(found, Mapping) else True
        return found

    def _has_valid_members(self, value: Json, schema: Mapping[str, Json], depth: int) -> bool:
        if not isinstance(value, dict):
            return True
        required = schema.get("required")
        if isinstance(required, list):
            self._step(len(required))
            if not all(name in value for name in required if isinstance(name, str)):
                return False
        properties, others = schema.get("properties"), schema.get("additionalProperties", True)
        declared = properties if isinstance(properties, Mapping) else {}
        if isinstance(schema.get("patternProperties"), Mapping):
            others = True
        return all(
            self.is_valid(member, declared.get(name, others), depth - 1) for name, member in value.items()
        )

    def _has_valid_items(self, value: Json, schema: Mapping[str, Json], depth: int) -> bool:
        if not isinstance(value, list):
            return True
        items = schema.get("items", True)
        if isinstance(items, list):
            rest = schema.get("additionalItems", True)
            wanted = [*items, *[rest] * (len(value) - len(items))]
            return all(self.is_valid(one, wish, depth - 1) for one, wish in zip(value, wanted, strict=False))
        return all(self.is_valid(one, items, depth - 1) for one in value)

    def _combines(self, value: Json, schema: Mapping[str, Json], depth: int) -> bool:
        def fits(wish: Json) -> bool:
            return self.is_valid(value, wish, depth - 1)

        if isinstance(schema.get("allOf"), list) and not all(fits(wish) for wish in schema["allOf"]):
            return False
        if isinstance(schema.get("anyOf"), list) and not any(fits(wish) for wish in schema["anyOf"]):
            return False
        if isinstance(schema.get("oneOf"), list) and sum(fits(wish) for wish in schema["oneOf"]) != 1:
            return False
        return not ("not" in schema and fits(schema["not"]))

    def _is_of_type(self, value: Json, wanted: Json) -> bool:
        names = wanted if isinstance(wanted, list) else [wanted]
        self._step(len(names) - 1)
        tests = [TYPES[name] for name in names if isinstance(name, str) and name in TYPES]
        return len(tests) < len(names) or any(test(value) for test in tests)

    def _is_listed(self, value: Json, schema: Mapping[str, Json]) -> bool:
        listed = schema.get("enum")
        if isinstance(listed, list):
            self._step(len(listed))
            if not any(self._is_same(value, one) for one in listed):
                return False
        return "const" not in schema or self._is_same(value, schema["const"])

    def _is_same(self, one: Json, other: Json) -> bool:
        """Equal as JSON is: a boolean is no number."""
        if isinstance(one, dict | list):
            self._step(len(one))  # of what is in it only as much is compared as is alike
        return isinstance(one, bool) is isinstance(other, bool) and one == other


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Json) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


TYPES: dict[str, Callable[[Json], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _is_within(value: Json, schema: Mapping[str, Json]) -> bool:
    if _is_number(value):
        return (
            _at_least(value, schema.get("minimum"))
            and _at_least(schema.get("maximum"), value)
            and not (_is_number(bound := schema.get("exclusiveMinimum")) and value <= bound)
            and not (_is_number(bound := schema.get("exclusiveMaximum")) and value >= bound)
        )
    for kind, least, most in (
        (str, "minLength", "maxLength"),
        (list, "minItems", "maxItems"),
        (dict, "minProperties", "maxProperties"),
    ):
        if isinstance(value, kind):
            return _at_least(len(value), schema.get(least)) and _at_least(schema.get(most), len(value))
    return True


def _at_least(value: Json, bound: Json) -> bool:
    """Whether the one is not below the other; what is no number bounds nothing."""
    return not (_is_number(value) and _is_number(bound)) or bool(value >= bound)
