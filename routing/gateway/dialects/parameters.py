"""What a request's parameters must look like where we look at them; everything else is the provider's to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from routing.errors import invalid_request
from routing.gateway.client import RefusedError

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
    if not isinstance(value, list):
        return False
    for item in value:  # noqa: SIM110  # a generator costs more than all it looks at
        if not isinstance(item, dict):
            return False
    return True


def is_texts(value: Any) -> bool:
    """Whether it is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_text_or_texts(value: Any) -> bool:
    """Whether it is a string or a list of strings."""
    return is_text(value) or is_texts(value)


def is_text_or_object(value: Any) -> bool:
    """Whether it is a string or an object."""
    return isinstance(value, str | dict)


def is_number_or_object(value: Any) -> bool:
    """Whether it is a number or an object."""
    return isinstance(value, dict) or is_number(value)


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
    is_number_or_object: "a number or an object",
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
