"""Serializers and fields of the management API: strict about types and names, exact about money, UTC about time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from config.lib.api_errors import ApiError
from config.lib.money import NotAnAmount, nano_from_usd, plain_usd, usd_from_nano

UTC_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]00:00)", re.ASCII)
MAX_OFFSET = 2**31
TRUE, FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses names that it does not know and fields that only the server writes."""

    def to_internal_value(self, data: Any) -> Any:  # the parsed body, of any type
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"non_field_errors": ["must be a JSON object."]})
        writable = {name for name, field in self.fields.items() if not field.read_only}
        strange = sorted(str(name)[:100] for name in data.keys() - writable)
        if strange:
            raise serializers.ValidationError(dict.fromkeys(strange, "is not a field that can be set here."))
        return super().to_internal_value(data)


@extend_schema_field({"description": "Any JSON value."})
class Anything(serializers.Field[Any, Any, Any, Any]):
    """A JSON value of any kind, for what judges it further in."""

    def to_internal_value(self, data: Any) -> Any:  # the parsed value, of any type
        return data

    def to_representation(self, value: Any) -> Any:  # JSON
        return value


class Text(serializers.CharField):
    """A string, kept as it was sent."""

    default_error_messages = {"invalid": "must be a string."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:  # the parsed value, of any type
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Choice(serializers.ChoiceField):
    """One of some words; anything that is no word is refused, unhashable or not."""

    def to_internal_value(self, data: Any) -> str:  # the parsed value, of any type
        return str(super().to_internal_value(data if isinstance(data, str) else repr(data)))


class Flag(serializers.BooleanField):
    """true or false, and nothing that looks like it."""

    default_error_messages = {"invalid": "must be true or false."}

    def to_internal_value(self, data: Any) -> bool:  # the parsed value, of any type
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    """An integer that fits into the database's."""

    default_error_messages = {"invalid": "must be an integer."}

    def to_internal_value(self, data: Any) -> int:  # the parsed value, of any type
        if isinstance(data, bool) or not isinstance(data, int) or not -(2**63) <= data < 2**63:
            self.fail("invalid")
        return data


class Rate(serializers.FloatField):
    """A share of one, such as a sampling rate."""

    default_error_messages = {"invalid": "must be a number."}

    def to_internal_value(self, data: Any) -> float:  # the parsed value, of any type
        if isinstance(data, bool) or not isinstance(data, int | Decimal):
            self.fail("invalid")
        return float(data)


class Usd(serializers.FloatField):
    """An amount in US dollars outside, exact nano-dollars inside; never rounded, never a float."""

    default_error_messages = {
        "invalid": "must be a number.",
        "amount": "{reason}.",
        "negative": "must not be negative.",
    }

    def to_internal_value(self, data: Any) -> int:  # the parsed value, of any type
        if isinstance(data, bool) or not isinstance(data, int | Decimal):
            self.fail("invalid")
        try:
            nano = nano_from_usd(Decimal(data))
        except NotAnAmount as error:
            self.fail("amount", reason=str(error))
        if nano < 0:
            self.fail("negative")
        return nano

    def to_representation(self, value: int) -> Decimal:  # type: ignore[override]  # exact instead of a float
        return Decimal(plain_usd(usd_from_nano(value)))


class Moment(serializers.DateTimeField):
    """A point in time: ISO 8601 with seconds, in UTC."""

    default_error_messages = {
        "invalid": "must be an ISO 8601 time in UTC with seconds, such as 2030-12-31T23:59:59Z."
    }

    def to_internal_value(self, value: Any) -> datetime:  # the parsed value, of any type
        if not isinstance(value, str) or not UTC_TIMESTAMP.fullmatch(value):
            self.fail("invalid", format="")
        try:
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
        except ValueError:
            self.fail("invalid", format="")

    def to_representation(self, value: datetime | None) -> str | None:  # type: ignore[override]  # always text
        return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def query_integer(request: Request, name: str, *, default: int, minimum: int, maximum: int) -> int:
    """An integer of the query string. Raises ApiError (400) naming it."""
    text = request.query_params.get(name)
    if text is None or (name == "offset" and text in ("", "null")):
        return default
    if not re.fullmatch(r"-?\d{1,30}", text, re.ASCII) or not minimum <= int(text):
        raise ApiError(400, f"{name}: must be an integer of at least {minimum}.")
    if int(text) > maximum:
        raise ApiError(400, f"{name}: must be at most {maximum}.")
    return int(text)


def query_flag(request: Request, name: str) -> bool:
    """A boolean of the query string, false when it is missing. Raises ApiError (400) naming it."""
    text = request.query_params.get(name, "false").lower()
    if text not in TRUE | FALSE:
        raise ApiError(400, f"{name}: must be true or false.")
    return text in TRUE


def query_page(request: Request, *, default: int = 50, maximum: int = 100) -> slice:
    """The slice that `offset` and `limit` ask for."""
    offset = query_integer(request, "offset", default=0, minimum=0, maximum=MAX_OFFSET)
    limit = query_integer(request, "limit", default=default, minimum=1, maximum=maximum)
    return slice(offset, offset + limit)
