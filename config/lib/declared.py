"""Configuration that is declared once, as plain values, and drives API validation and the admin's forms alike.

A declaration is a tuple of fields. Each reads what a client or a form gave and returns what is kept: JSON values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

MAX_NAME = 100
ACRONYMS = frozenset({"api", "arn", "dsn", "iam", "id", "json", "ml", "otlp", "url"})


class NotValid(Exception):
    """A value is not what its field declares. `path` says where: `pdf.engine`."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(f"{path}: {fault}" if path else fault)
        self.path, self.fault = path, fault


@dataclass(frozen=True, kw_only=True)
class Field:
    """A named value of a configuration."""

    name: str
    help: str = ""

    @property
    def label(self) -> str:
        """Its name for people, from snake_case and camelCase alike."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name).replace("_", " ").lower().split(" ")
        text = " ".join(word.upper() if word in ACRONYMS else word for word in words)
        return text[:1].upper() + text[1:]

    @property
    def schema(self) -> dict[str, Any]:
        """Its values, as a JSON Schema."""
        raise NotImplementedError

    def read(self, value: Any) -> Any:  # JSON of any kind
        """The value as it is kept. Raises NotValid."""
        raise NotImplementedError

    def refused(self, fault: str) -> NotValid:
        """The refusal of its value."""
        return NotValid(self.name, fault)


@dataclass(frozen=True, kw_only=True)
class Flag(Field):
    """true or false."""

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def read(self, value: Any) -> bool:  # JSON of any kind
        if not isinstance(value, bool):
            raise self.refused("must be true or false.")
        return value


@dataclass(frozen=True, kw_only=True)
class Whole(Field):
    """An integer within bounds."""

    minimum: int = 0
    maximum: int = 2**31 - 1

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}

    def read(self, value: Any) -> int:  # JSON of any kind
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not self.minimum <= value <= self.maximum:
            raise self.refused(f"must be an integer from {self.minimum} to {self.maximum}.")
        return int(value)


@dataclass(frozen=True, kw_only=True)
class Number(Field):
    """A number that is not negative, and not above a maximum if there is one."""

    maximum: float = math.inf

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": 0, **({"maximum": self.maximum} if self._is_bounded else {})}

    @property
    def _is_bounded(self) -> bool:
        return self.maximum < math.inf

    def read(self, value: Any) -> float:  # JSON of any kind
        try:
            number = float(value) if _is_number(value) else -1.0
        except OverflowError:
            number = -1.0
        if not 0 <= number < math.inf or number > self.maximum:
            what = f"from 0 to {self.maximum:g}" if self._is_bounded else "that is not negative"
            raise self.refused(f"must be a number {what}.")
        return number


@dataclass(frozen=True, kw_only=True)
class Price(Number):
    """US dollars: a number, or a string of one."""

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": ["number", "string"]}

    def read(self, value: Any) -> float:  # JSON of any kind
        if isinstance(value, str) and re.fullmatch(r"\d{1,12}(?:\.\d{1,18})?", value, re.ASCII):
            return float(value)
        return super().read(value)


@dataclass(frozen=True, kw_only=True)
class Text(Field):
    """A string that is not empty, of a form if there is one."""

    most: int = 200
    pattern: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.most}

    def read(self, value: Any) -> str:  # JSON of any kind
        if not isinstance(value, str) or not 1 <= len(value) <= self.most:
            raise self.refused(f"must be a string of 1 to {self.most} characters.")
        if self.pattern and not re.fullmatch(self.pattern, value, re.ASCII):
            raise self.refused("does not have the form that is asked for.")
        return value


@dataclass(frozen=True, kw_only=True)
class Choice(Field):
    """One of a handful of strings."""

    values: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.values)}

    def read(self, value: Any) -> str:  # JSON of any kind
        if not isinstance(value, str) or value not in self.values:
            raise self.refused(f"must be one of {', '.join(self.values)}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Texts(Field):
    """A list of strings, each of them once; of a handful of values if there are `values`."""

    most: int = 100
    longest: int = 200
    values: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "array", "maxItems": self.most, "items": self._item_schema}

    @property
    def _item_schema(self) -> dict[str, Any]:
        return {"type": "string", **({"enum": list(self.values)} if self.values else {})}

    def read(self, value: Any) -> list[str]:  # JSON of any kind
        if not isinstance(value, list) or len(value) > self.most:
            raise self.refused(f"must be a list of at most {self.most} strings.")
        if not all(isinstance(item, str) and 1 <= len(item) <= self.longest for item in value):
            raise self.refused(f"must be a list of strings of 1 to {self.longest} characters.")
        if self.values and not set(value) <= set(self.values):
            raise self.refused(f"must be a list of {', '.join(self.values)}.")
        return list(dict.fromkeys(value))


@dataclass(frozen=True, kw_only=True)
class Group(Field):
    """An object of fields."""

    fields: tuple[Field, ...]

    @property
    def schema(self) -> dict[str, Any]:
        return schema_of(self.fields)

    def read(self, value: Any) -> dict[str, Any]:  # JSON of any kind
        return read(self.fields, value, within=self.name)


@dataclass(frozen=True, kw_only=True)
class Objects(Field):
    """A list of objects that somebody else reads."""

    most: int = 100

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "array", "maxItems": self.most, "items": {"type": "object"}}

    def read(self, value: Any) -> list[dict[str, Any]]:  # JSON of any kind
        if not isinstance(value, list) or len(value) > self.most:
            raise self.refused(f"must be a list of at most {self.most} objects.")
        if not all(isinstance(item, Mapping) for item in value):
            raise self.refused("must be a list of objects.")
        return [dict(item) for item in value]


@dataclass(frozen=True, kw_only=True)
class Cutoffs(Field):
    """A number, or one for each of some percentiles (p50, p75, p90, p99)."""

    PERCENTILES: ClassVar[tuple[str, ...]] = ("p50", "p75", "p90", "p99")

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": ["number", "object"], "additionalProperties": {"type": "number"}}

    def read(self, value: Any) -> float | dict[str, Any]:  # JSON of any kind
        if isinstance(value, Mapping):
            return read(tuple(Number(name=name) for name in self.PERCENTILES), value, within=self.name)
        return Number(name=self.name).read(value)


def read(fields: Iterable[Field], given: Any, within: str = "") -> dict[str, Any]:  # JSON of any kind
    """What a configuration says; null is as good as absent. Raises NotValid, for unknown names too."""
    if not isinstance(given, Mapping):
        raise NotValid(within, "must be an object.")
    declared = {field.name: field for field in fields}
    for name in sorted(map(str, given.keys() - declared.keys())):
        raise NotValid(_joined(within, name), "is not a field that can be set here.")
    try:
        return {name: declared[name].read(value) for name, value in given.items() if value is not None}
    except NotValid as error:
        raise NotValid(_joined(within, error.path), error.fault) from None


def schema_of(fields: Iterable[Field], *, is_nullable: bool = False) -> dict[str, Any]:
    """The configuration's JSON Schema; `is_nullable`: each field may be null as well."""
    described = {field.name: {**field.schema, "description": field.help or field.label} for field in fields}
    if is_nullable:
        described = {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in described.items()}
    return {"type": "object", "properties": described, "additionalProperties": False}


def _is_number(value: Any) -> bool:  # JSON of any kind
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _joined(within: str, name: str) -> str:
    return f"{within}.{name[:MAX_NAME]}" if within else name[:MAX_NAME]
