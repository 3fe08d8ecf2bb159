"""`reasoning`, `reasoning_effort` and `verbosity` as Claude's thinking and effort, which differ by generation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from routing.providers.anthropic_models import Claude

LEAST_BUDGET, MOST_BUDGET = 1_024, 128_000
RATIOS = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95, "max": 0.95}
"""What share of the answer's tokens an effort may think with (guides: reasoning tokens)."""
DEFAULT_EFFORT = "medium"
REASONING = frozenset({"reasoning"})


class Wish(NamedTuple):
    """What the caller says of reasoning; `is_on` is None where he says nothing."""

    is_on: bool | None = None
    effort: str | None = None
    budget: int | None = None
    is_hidden: bool = False


class Thinking(NamedTuple):
    """The request's `thinking`, `output_config.effort` and `max_tokens`, and what could not be said."""

    config: dict[str, Any] | None
    effort: str | None
    max_tokens: int
    dropped: frozenset[str] = frozenset()

    @property
    def is_on(self) -> bool:
        """Whether it was asked for and is."""
        return self.config is not None and self.config["type"] in ("enabled", "adaptive")


def read_wish(body: Mapping[str, Any]) -> Wish:
    """The caller's wish from `reasoning` and its older spellings."""
    given = body.get("reasoning")
    fields = given if isinstance(given, dict) else {}
    effort = fields.get("effort") or body.get("reasoning_effort")
    effort = effort if isinstance(effort, str) else None
    budget = fields.get("max_tokens")
    budget = budget if isinstance(budget, int) and not isinstance(budget, bool) else None
    is_hidden = fields.get("exclude") is True or body.get("include_reasoning") is False
    is_on: bool | None = None
    if fields.get("enabled") is False or effort == "none" or budget == 0:
        is_on = False
    elif effort in RATIOS or budget is not None or fields.get("enabled") is True:
        is_on = True
    return Wish(is_on, effort if effort in RATIOS else None, budget, is_hidden)


class Circumstances(NamedTuple):
    """What limits thinking: the model, the answer's tokens, and what is under way.

    `is_forced`: the answer has to be a tool call. `is_begun`: the turn was begun without thoughts.
    """

    model: Claude
    max_tokens: int
    is_forced: bool = False
    is_begun: bool = False


def think(body: Mapping[str, Any], given: Circumstances) -> Thinking:
    """How the model shall think; where a forced call and thoughts exclude each other, the thoughts have to go."""
    thinking = _wished(read_wish(body), given)
    verbosity = body.get("verbosity")
    if not isinstance(verbosity, str):
        return thinking
    if not given.model.has_effort or verbosity not in RATIOS:
        return thinking._replace(dropped=thinking.dropped | {"verbosity"})
    return thinking._replace(effort=_permitted(given.model.effort(verbosity), thinking))


def _permitted(effort: str, thinking: Thinking) -> str:
    """The effort, but the highest only while thinking is not turned off (the API refuses it else)."""
    is_off = thinking.config is not None and not thinking.is_on
    return "high" if is_off and effort in ("xhigh", "max") else effort


def _wished(wish: Wish, given: Circumstances) -> Thinking:
    model = given.model
    if wish.is_on is None:
        return _unasked(wish, given)
    if not wish.is_on:
        return _off(given)
    if not model.can_think:
        return Thinking(None, None, given.max_tokens, REASONING)
    if model.has_budgets and (wish.budget is not None or not model.thinks_adaptively):
        return _without(given) if given.is_forced or given.is_begun else _enabled(wish, given)
    if given.is_forced and (model.thinking_off or not model.thinks_unasked):
        return _without(given)
    effort = model.effort(wish.effort) if wish.effort else None
    dropped = frozenset({"reasoning.max_tokens"} if wish.budget is not None else ())
    return Thinking(_adaptive(wish), effort, given.max_tokens, dropped)


def _unasked(wish: Wish, given: Circumstances) -> Thinking:
    model = given.model
    if not model.thinks_unasked:
        return Thinking(None, None, given.max_tokens)
    if given.is_forced and model.thinking_off:
        return _off(given)
    # The text of thoughts is left out by default: what the caller does not hide he is to see.
    return Thinking(_adaptive(wish), None, given.max_tokens)


def _adaptive(wish: Wish) -> dict[str, Any]:
    return {"type": "adaptive", "display": "omitted" if wish.is_hidden else "summarized"}


def _off(given: Circumstances) -> Thinking:
    off = given.model.thinking_off
    if off is not None:
        return Thinking({"type": off}, None, given.max_tokens)
    if given.model.thinks_unasked:  # it cannot be turned off, only be kept short
        return Thinking(None, "low", given.max_tokens, REASONING)
    return Thinking(None, None, given.max_tokens)


def _without(given: Circumstances) -> Thinking:
    return _off(given)._replace(dropped=REASONING)


def _enabled(wish: Wish, given: Circumstances) -> Thinking:
    """A budget, which must leave something of the answer's tokens for the answer."""
    max_tokens = given.max_tokens
    if wish.budget is not None:
        budget = min(max(wish.budget, LEAST_BUDGET), MOST_BUDGET)
    else:
        ratio = RATIOS[wish.effort or DEFAULT_EFFORT]
        budget = max(min(int(max_tokens * ratio), MOST_BUDGET), LEAST_BUDGET)
    if budget >= max_tokens:
        budget = max_tokens - 1
    if budget < LEAST_BUDGET:
        return Thinking(None, None, max_tokens, REASONING)
    config: dict[str, Any] = {"type": "enabled", "budget_tokens": budget}
    return Thinking(config | ({"display": "omitted"} if wish.is_hidden else {}), None, max_tokens)
