"""Which of a preset's parameters have a field of their own in the editor, and how fields and JSON share one truth.

The JSON is the truth. Fields show the part of it that they would give back unchanged; the rest stays JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError

from config.lib.declared import Choice, Field, Flag, Group, NotValid, Number, Text, Texts, Whole
from config.lib.declared_forms import form_field
from routing.gateway.dialects.responses_request import EFFORTS
from routing.preset_config import LONGEST_CACHE_SECONDS
from routing.routing_defaults import PROVIDER

OF_PROVIDER: Final = ("sort", "order", "only", "ignore", "data_collection", "allow_fallbacks", "zdr")
HOTTEST: Final = 2.0
MODEL: Final = (
    Text(name="model", help="Such as openai/gpt-4o-mini; requests that name one win."),
    Texts(name="models", most=16, help="Whom to ask when that one fails, one a line."),
)
ANSWER: Final = (
    Whole(name="max_tokens", minimum=1, help="How long an answer may be."),
    Number(name="temperature", maximum=HOTTEST, help="0 is steady, 2 is wild."),
    Number(name="top_p", maximum=1.0),
    Group(
        name="reasoning",
        fields=(
            Choice(name="effort", values=EFFORTS, help="How much it thinks before it answers."),
            Flag(name="exclude", help="Think, but leave the thoughts out of the answer."),
        ),
    ),
)
ROUTING: Final = (
    Group(name="provider", fields=tuple(field for field in PROVIDER if field.name in OF_PROVIDER)),
)
CACHING: Final = (
    Flag(name="cache_enabled", help="Answer alike requests from our cache."),
    Whole(name="cache_ttl_seconds", minimum=1, maximum=LONGEST_CACHE_SECONDS, help="From 1 to 86400."),
)
SECTIONS: Final[tuple[tuple[str, tuple[Field, ...]], ...]] = (
    ("Model", MODEL),
    ("Answer", ANSWER),
    ("Providers", ROUTING),
    ("Caching", CACHING),
)
COMMON: Final = tuple(field for _, fields in SECTIONS for field in fields)

Config = Mapping[str, Any]  # a request's parameters


class SaidTwice(Exception):
    """A parameter is in the fields and in the JSON beside them. `path` says which: `provider.sort`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"“{path}” has a field of its own, which is filled in.")
        self.path = path


def split(config: Config, fields: Iterable[Field] = COMMON) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the fields can show of the parameters, and the rest."""
    shown: dict[str, Any] = {}
    rest = dict(config)
    for field in fields:
        value = rest.get(field.name)
        if isinstance(field, Group) and isinstance(value, Mapping):
            inside, others = split(value, field.fields)
            if inside:
                shown[field.name] = inside
                del rest[field.name]
                rest |= {field.name: others} if others else {}
        elif _can_show(field, value):
            shown[field.name] = rest.pop(field.name)
    return shown, rest


def merge(shown: Config, rest: Config, within: str = "") -> dict[str, Any]:
    """The parameters of which these are the parts. Raises SaidTwice."""
    merged = dict(rest)
    for name, value in shown.items():
        path, other = f"{within}{name}", rest.get(name)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            merged[name] = merge(value, other, f"{path}.")
        elif other is not None:
            raise SaidTwice(path)
        else:
            merged[name] = value
    return merged


def as_json_writes(value: Any) -> Any:  # JSON of any kind
    """The same with whole numbers without a fraction: a field of numbers makes 1.0 of 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: as_json_writes(one) for name, one in value.items()}
    return value


def _can_show(field: Field, value: Any) -> bool:  # JSON of any kind
    if isinstance(field, Group) or value in (None, "", []):
        return False
    typed = form_field(field)
    try:
        return bool(field.read(value) == value == typed.clean(typed.prepare_value(value)))
    except (NotValid, ValidationError):
        return False
