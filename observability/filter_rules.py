"""Filter rules of a destination: which requests it is told of (spec: broadcast §1.1).

A request passes if one of the groups does, a group if all of its rules do, or one of them with `logic` "or". Text is
compared as it is, letter case included. What is missing equals nothing and contains nothing, so the `not_` operators
hold for it. Regular expressions are RE2's, whose time grows with the text and not beyond.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

import re2

from config.lib.declared import NotValid

MOST_GROUPS: Final = 20
MOST_RULES: Final = 50
MOST_IN_ALL: Final = 200
MOST_REGEXES: Final = 20
LONGEST_VALUE: Final = 1_000
LONGEST_TEXT: Final = 20_000
"""Of a request's field, in characters, as far as rules look into it."""
MOST_MEMORY: Final = 256 << 10
LARGEST_PROGRAM: Final = 1_000
"""Of a regular expression, in RE2's instructions: what a letter of text may cost, at worst."""

WRITTEN: Final = ("system", "messages", "input", "prompt", "content", "text", "completion")
"""Members of inputs and outputs that hold what was written, or what holds that."""

CONTENT = frozenset({"input", "output"})
NUMBERS = frozenset({"total_cost", "total_tokens", "prompt_tokens", "completion_tokens"})
TEXTS = CONTENT | {"model", "provider", "session_id", "user_id", "api_key_name", "finish_reason"}
FIELDS = TEXTS | NUMBERS

Rules: TypeAlias = dict[str, Any]
"""As they are kept and shown: `{"enabled", "groups": [{"logic", "rules": [{"field", "operator", "value"?}]}]}`."""
Value: TypeAlias = str | float | None
Facts: TypeAlias = Callable[[str], Value]
"""What is known of a request, by field; None: nothing. Content is asked for only if a rule wants it."""
Test: TypeAlias = Callable[[Any], bool]

EXISTENCE = frozenset({"exists", "not_exists"})
OF_BOTH = EXISTENCE | {"equals", "not_equals"}
OF_TEXT = frozenset({"contains", "not_contains", "regex", "starts_with", "ends_with"})
OF_NUMBERS = frozenset({"gt", "lt", "gte", "lte"})
OPERATORS = OF_BOTH | OF_TEXT | OF_NUMBERS

_RULE_SCHEMA = {
    "type": "object",
    "required": ["field", "operator"],
    "properties": {
        "field": {"type": "string", "enum": sorted(FIELDS)},
        "operator": {"type": "string", "enum": sorted(OPERATORS)},
        "value": {"type": ["string", "number"]},
    },
}
_GROUP_SCHEMA = {
    "type": "object",
    "required": ["rules"],
    "properties": {
        "logic": {"type": "string", "enum": ["and", "or"], "default": "and"},
        "rules": {"type": "array", "maxItems": MOST_RULES, "items": _RULE_SCHEMA},
    },
}
RULES_SCHEMA: Final = {
    "type": "object",
    "required": ["groups"],
    "properties": {
        "enabled": {"type": "boolean", "default": True},
        "groups": {"type": "array", "maxItems": MOST_GROUPS, "items": _GROUP_SCHEMA},
    },
    "description": "A request passes if one of the groups does.",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Compiled rules. `passes` is asked for each request; `wants_content`: a rule looks into input or output."""

    passes: Callable[[Facts], bool]
    wants_content: bool = False


def read_rules(given: Any) -> Rules | None:  # JSON of any kind
    """Rules as they are kept, with defaults filled in; null is none. Raises NotValid."""
    if given is None:
        return None
    whole = _object(given, "", {"enabled", "groups"}, {"groups"})
    is_enabled = whole.get("enabled", True)
    if not isinstance(is_enabled, bool):
        raise NotValid("enabled", "must be true or false.")
    groups = [
        _group(group, f"groups[{number}]")
        for number, group in enumerate(_list(whole["groups"], "groups", MOST_GROUPS))
    ]
    operators = [rule["operator"] for group in groups for rule in group["rules"]]
    if len(operators) > MOST_IN_ALL or operators.count("regex") > MOST_REGEXES:
        raise NotValid("groups", f"may have {MOST_IN_ALL} rules in all, {MOST_REGEXES} of them with regex.")
    return {"enabled": is_enabled, "groups": groups}


def compile_rules(rules: Rules | None) -> Filter | None:
    """A filter for rules that were read; None if every request passes. Raises NotValid."""
    if rules is None or not rules["enabled"] or not rules["groups"]:
        return None
    groups = [_compiled_group(group) for group in rules["groups"]]
    used = {rule["field"] for group in rules["groups"] for rule in group["rules"]}
    return Filter(groups[0] if len(groups) == 1 else _any_of(groups), bool(used & CONTENT))


def text_of(said: Any) -> str | None:  # what was asked or answered, in any dialect's shape
    """The text of a request's input or output as rules look into it: what people and the model wrote, in order."""
    found: list[str] = []
    _collect(said, found, LONGEST_TEXT)
    text = "\n".join(found)[:LONGEST_TEXT]
    return text.encode("utf-8", "replace").decode() or None


def _collect(said: Any, found: list[str], room: int) -> int:  # JSON of any kind
    """Add texts until there is no room; returns what is left of it."""
    if isinstance(said, str):
        found.append(said[:room])
        return room - len(said)
    items: list[Any] = []
    if isinstance(said, Mapping):
        items = [said[name] for name in WRITTEN if name in said]
    elif isinstance(said, list):
        items = said
    for item in items:
        if room <= 0:
            break
        room = _collect(item, found, room)
    return room


def _group(given: Any, path: str) -> dict[str, Any]:  # JSON of any kind
    whole = _object(given, path, {"logic", "rules"}, {"rules"})
    logic = _one_of(whole.get("logic", "and"), f"{path}.logic", ("and", "or"))
    rules = _list(whole["rules"], f"{path}.rules", MOST_RULES)
    return {
        "logic": logic,
        "rules": [_rule(rule, f"{path}.rules[{number}]") for number, rule in enumerate(rules)],
    }


def _rule(given: Any, path: str) -> dict[str, Any]:  # JSON of any kind
    whole = _object(given, path, {"field", "operator", "value"}, {"field", "operator"})
    field = _one_of(whole["field"], f"{path}.field", sorted(FIELDS))
    allowed = OF_BOTH | (OF_NUMBERS if field in NUMBERS else OF_TEXT)
    operator = _one_of(whole["operator"], f"{path}.operator", sorted(allowed))
    if operator in EXISTENCE:
        return {"field": field, "operator": operator}
    value = _value(whole.get("value"), field, f"{path}.value")
    if operator == "regex":
        _compiled_regex(str(value), f"{path}.value")
    return {"field": field, "operator": operator, "value": value}


def _value(given: Any, field: str, path: str) -> str | int | float:  # JSON of any kind
    if field in NUMBERS:
        return _number(given, path)
    if _is_number(given):
        given = str(given)
    if not isinstance(given, str) or not 1 <= len(given) <= LONGEST_VALUE:
        raise NotValid(path, f"must be a string of 1 to {LONGEST_VALUE} characters.")
    return given


def _number(given: Any, path: str) -> int | float:  # JSON of any kind
    try:
        number = float(given) if _is_number(given) or isinstance(given, str) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise NotValid(path, "must be a number.")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _compiled_group(group: dict[str, Any]) -> Callable[[Facts], bool]:
    rules = [_compiled_rule(rule) for rule in group["rules"]]
    is_enough = group["logic"] == "or"

    def passes(facts: Facts) -> bool:
        for field, test in rules:  # a loop, because this is asked for each request
            if test(facts(field)) is is_enough:
                return is_enough
        return not is_enough

    return passes


def _any_of(groups: list[Callable[[Facts], bool]]) -> Callable[[Facts], bool]:
    return lambda facts: any(passes(facts) for passes in groups)


def _compiled_rule(rule: dict[str, Any]) -> tuple[str, Test]:
    operator, value = rule["operator"], rule.get("value")
    if operator == "regex":
        pattern = _compiled_regex(rule["value"], "value")
        return rule["field"], lambda fact: fact is not None and pattern.search(fact) is not None
    return rule["field"], TESTS[operator](value)


TESTS: Mapping[str, Callable[[Any], Test]] = {
    "exists": lambda _: lambda fact: fact is not None,
    "not_exists": lambda _: lambda fact: fact is None,
    "equals": lambda value: lambda fact: fact == value,
    "not_equals": lambda value: lambda fact: fact != value,
    "contains": lambda value: lambda fact: fact is not None and value in fact,
    "not_contains": lambda value: lambda fact: fact is None or value not in fact,
    "starts_with": lambda value: lambda fact: fact is not None and fact.startswith(value),
    "ends_with": lambda value: lambda fact: fact is not None and fact.endswith(value),
    "gt": lambda value: lambda fact: fact is not None and fact > value,
    "lt": lambda value: lambda fact: fact is not None and fact < value,
    "gte": lambda value: lambda fact: fact is not None and fact >= value,
    "lte": lambda value: lambda fact: fact is not None and fact <= value,
}


def _compiled_regex(pattern: str, path: str) -> Any:  # re2 has no types
    options = re2.Options()
    options.log_errors, options.never_capture, options.max_mem = False, True, MOST_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeError, ValueError):
        raise NotValid(path, "is no regular expression of RE2.") from None
    if compiled.programsize > LARGEST_PROGRAM:
        raise NotValid(path, "is too large a regular expression.")
    return compiled


def _object(given: Any, path: str, known: set[str], required: set[str]) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise NotValid(path, "must be an object.")
    for name in sorted(map(str, given.keys() - known)):
        raise NotValid(_below(path, name[:100]), "is not a field that can be set here.")
    for name in sorted(required - given.keys()):
        raise NotValid(_below(path, name), "is required.")
    return given


def _list(given: Any, path: str, most: int) -> list[Any]:
    if not isinstance(given, list) or len(given) > most:
        raise NotValid(path, f"must be a list of at most {most}.")
    return given


def _one_of(given: Any, path: str, values: tuple[str, ...] | list[str]) -> str:
    if not isinstance(given, str) or given not in values:
        raise NotValid(path, f"must be one of {', '.join(values)}.")
    return given


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float | Decimal) and not isinstance(given, bool)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
