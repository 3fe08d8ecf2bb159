"""When the loop of a request with server tools has to come to its end: how the request says so, and how it is told.

The source of the conditions is the contract's `stop_server_tools_when` (any of them ends the loop).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from config.lib.money import NANO_PER_USD
from routing.errors import Refusal
from routing.gateway.client import RefusedError
from routing.gateway.dialects.parameters import is_count, is_number, is_text, refused

MOST_CALLS = 30
"""Calls of server tools in one request, unless it names conditions of its own."""
MOST_STEPS = 100
"""Answers of the model in one request, whatever its conditions say."""
MOST_CALLS_AT_ALL = 300
"""Calls of server tools in one request, whatever its conditions say; of one answer's no more than MOST_CALLS run."""
MOST_AT_ONCE = 8
"""Calls of one answer that run at the same time."""
MOST_GENERATIONS = 500
"""Generations that the tools of a request may make, however deep they ask within each other."""
MOST_RESULT_BYTES = 8 << 20
"""Of all results in one request: more than any model reads, and each of its further steps sends them all again."""
MOST_CONDITIONS = 32
SPENT = Refusal(
    429,
    "rate_limit_exceeded",
    f"The tools of this request have asked {MOST_GENERATIONS} times, which is as often as they may.",
    "server_tools",
)


class Allowance:
    """What the tools of one request may still make in all, those within its tools' own requests too."""

    def __init__(self, most: int = MOST_GENERATIONS) -> None:
        self._left = most

    @property
    def is_spent(self) -> bool:
        """Whether nothing may be asked any more."""
        return self._left <= 0

    def count(self) -> None:
        """A generation that is made in any case: an answer on the way to the last one."""
        self._left -= 1

    def take(self) -> None:
        """A generation more. Raises RefusedError (429)."""
        if self.is_spent:
            raise RefusedError(SPENT)
        self.count()


class Progress(msgspec.Struct):
    """How far a request has come. Money is what all of it cost by now, tokens are those of all of its generations."""

    steps: int = 0
    calls: int = 0
    cost_nano: int = 0
    tokens: int = 0
    finish_reason: str | None = None
    called: frozenset[str] = frozenset()
    """The tools of the last answer, by every name they have."""


Condition = Callable[[Progress], bool]


class Limits(msgspec.Struct, frozen=True):
    """What ends a loop: a number of calls, or conditions, of which one is enough."""

    most_calls: int = MOST_CALLS
    conditions: tuple[Condition, ...] = ()

    def are_reached(self, progress: Progress) -> bool:
        """Whether the model has to answer without tools now."""
        if progress.steps >= MOST_STEPS - 1 or progress.calls >= MOST_CALLS_AT_ALL:
            return True
        if self.conditions:
            return any(condition(progress) for condition in self.conditions)
        return progress.calls >= self.most_calls

    def calls_left(self, progress: Progress) -> int:
        """How many of the calls at hand may still be run."""
        most = MOST_CALLS_AT_ALL if self.conditions else self.most_calls
        return max(0, min(MOST_CALLS, most - progress.calls))


def read_limits(body: Mapping[str, Any]) -> Limits:
    """The limits of a request. Raises RefusedError (400)."""
    most, given = body.get("max_tool_calls"), body.get("stop_server_tools_when")
    if most is not None and not (is_count(most) and most <= MOST_CALLS):
        raise refused("max_tool_calls", f"must be an integer from 1 to {MOST_CALLS}")
    if given is None:
        return Limits(MOST_CALLS if most is None else most)
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_CONDITIONS:
        raise refused("stop_server_tools_when", f"must be a list of 1 to {MOST_CONDITIONS} conditions")
    return Limits(
        conditions=tuple([_read(f"stop_server_tools_when[{at}]", one) for at, one in enumerate(given)])
    )


def _read(where: str, given: Any) -> Condition:  # a caller's JSON
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise refused(f"{where}.type", f"must be one of {', '.join(KINDS)}")
    field, is_valid, fault, make = KINDS[kind]
    value = given.get(field)
    if not is_valid(value):
        raise refused(f"{where}.{field}", f"must be {fault}")
    return make(value)


def _steps(most: int) -> Condition:
    return lambda progress: progress.steps >= most


def _tokens(most: int) -> Condition:
    return lambda progress: progress.tokens > most


def _cost(dollars: float) -> Condition:
    return lambda progress: progress.cost_nano > dollars * NANO_PER_USD


def _called(name: str) -> Condition:
    return lambda progress: name in progress.called


def _finished(reason: str) -> Condition:
    return lambda progress: progress.finish_reason == reason


def _is_price(value: Any) -> bool:  # JSON
    return is_number(value) and 0 <= value < 1e12


KINDS: dict[str, tuple[str, Callable[[Any], bool], str, Callable[[Any], Condition]]] = {
    "step_count_is": ("step_count", is_count, "a positive integer", _steps),
    "has_tool_call": ("tool_name", is_text, "a string", _called),
    "max_tokens_used": ("max_tokens", is_count, "a positive integer", _tokens),
    "max_cost": ("max_cost_in_dollars", _is_price, "a number that is not negative", _cost),
    "finish_reason_is": ("reason", is_text, "a string", _finished),
}
"""By type: the field of the value, what it must be, and the condition."""
