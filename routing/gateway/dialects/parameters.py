"""What a request's parameters must look like where we look at them; everything else is the provider's to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from routing.call import NO_PREFERENCES, ProviderPreferences
from routing.errors import invalid_request
from routing.gateway.client import RefusedError

MAX_TEXT = 500

Check = Callable[[Any], bool]  # JSON of any kind


def is_text(value: Any) -> bool:
    """Whether it is a string."""
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    """Whether it is a boolean."""
    return isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether it is a number, which a boolean is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    """Whether it is a whole number from 1 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_integer(value: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_object(value: Any) -> bool:
    """Whether it is an object."""
    return isinstance(value, dict)


def is_objects(value: Any) -> bool:
    """Whether it is a list of objects."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def is_texts(value: Any) -> bool:
    """Whether it is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_text_or_texts(value: Any) -> bool:
    """Whether it is a string or a list of strings."""
    return is_text(value) or is_texts(value)


def is_text_or_object(value: Any) -> bool:
    """Whether it is a string or an object."""
    return isinstance(value, str | dict)


WORDS: dict[Check, str] = {
    is_text: "a string",
    is_flag: "a boolean",
    is_number: "a number",
    is_count: "a positive integer",
    is_integer: "an integer",
    is_object: "an object",
    is_objects: "a list of objects",
    is_texts: "a list of strings",
    is_text_or_texts: "a string or a list of strings",
    is_text_or_object: "a string or an object",
}


def check(values: Mapping[str, Any], checks: Mapping[str, Check], within: str = "") -> None:
    """Refuse a parameter of a wrong type by its name; null is as good as absent. Raises RefusedError."""
    for name in values.keys() & checks.keys():
        value = values[name]
        if value is not None and not checks[name](value):
            raise refused(f"{within}{name}", f"must be {WORDS[checks[name]]}")


def refused(parameter: str, fault: str) -> RefusedError:
    """A 400 that names the parameter."""
    return RefusedError(invalid_request(f"'{parameter}' {fault}.", parameter=parameter))


PREFERENCES: dict[str, Check] = {
    "order": is_texts,
    "only": is_texts,
    "ignore": is_texts,
    "allow_fallbacks": is_flag,
    "sort": is_text_or_object,
    "require_parameters": is_flag,
    "data_collection": is_text,
    "zdr": is_flag,
    "quantizations": is_texts,
    "max_price": is_object,
}
SORTS = ("price", "throughput", "latency", "exacto")


def read_preferences(body: Mapping[str, Any]) -> ProviderPreferences:
    """The `provider` object. Raises RefusedError."""
    given = body.get("provider")
    if given is None:
        return NO_PREFERENCES
    if not isinstance(given, dict):
        raise refused("provider", "must be an object")
    check(given, PREFERENCES, "provider.")
    if given.get("data_collection") not in (None, "allow", "deny"):
        raise refused("provider.data_collection", "must be 'allow' or 'deny'")
    fallbacks = given.get("allow_fallbacks")
    return ProviderPreferences(
        order=tuple(given.get("order") or ()),
        only=tuple(given.get("only") or ()),
        ignore=tuple(given.get("ignore") or ()),
        allow_fallbacks=True if fallbacks is None else fallbacks,
        sort=_read_sort(given.get("sort")),
        require_parameters=bool(given.get("require_parameters")),
        data_collection=given.get("data_collection"),
        zdr=given.get("zdr"),
        quantizations=tuple(given.get("quantizations") or ()),
        max_price=_read_prices(given.get("max_price")),
    )


def _read_sort(given: str | dict[str, Any] | None) -> str | None:
    sort = given.get("by") if isinstance(given, dict) else given
    if sort is not None and sort not in SORTS:
        raise refused("provider.sort", f"must be one of {', '.join(SORTS)}")
    return sort


def _read_prices(given: dict[str, Any] | None) -> dict[str, float] | None:
    """Dollars per million tokens (per request, per image); numbers, or strings of them."""
    if given is None:
        return None
    prices = {}
    for name, value in given.items():
        try:
            price = float(value) if isinstance(value, str) or is_number(value) else -1.0
        except (ValueError, OverflowError):
            price = -1.0
        if value is not None and not 0 <= price < float("inf"):
            raise refused(f"provider.max_price.{name}"[:100], "must be a price")
        if value is not None:
            prices[name] = price
    return prices
