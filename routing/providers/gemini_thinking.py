"""How much a Gemini model thinks, and whether it shows it (ai.google.dev/gemini-api/docs/thinking).

Models up to 2.5 take a budget of tokens, later ones a level. (OpenRouter: guides/best-practices/reasoning-tokens)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]  # JSON may be anything

LEAST_BUDGET, MOST_BUDGET = 1_024, 24_576
"""What every model of 2.5 that is asked to think takes."""

_LEVELS = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
_BUDGETS = {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
_SHARES = {"minimal": 10, "low": 20, "medium": 50, "high": 80, "xhigh": 95, "max": 95}
"""Percent of the answer's bound, for effort without a budget."""
_READ = ("effort", "max_tokens", "enabled", "exclude")


def thinking_config(
    body: Mapping[str, Any], *, has_levels: bool, shows_by_default: bool
) -> tuple[Json, list[str]]:
    """The `thinkingConfig` for what the caller says of reasoning, and what of it cannot be said."""
    given = body.get("reasoning")
    wishes: Mapping[str, Any] = given if isinstance(given, dict) else {}
    dropped = [f"reasoning.{name}" for name in wishes if name not in _READ and wishes[name] is not None]
    effort = _effort(wishes, body.get("reasoning_effort"))
    config: Json = {}
    budget = wishes.get("max_tokens")
    if isinstance(budget, int) and not isinstance(budget, bool):
        config["thinkingBudget"] = budget
    elif effort in _LEVELS:
        config |= (
            {"thinkingLevel": _LEVELS[effort]} if has_levels else {"thinkingBudget": _budget(effort, body)}
        )
    elif effort is not None:
        dropped.append("reasoning.effort")
    shown = _is_shown(wishes, body.get("include_reasoning"))
    if config.get("thinkingBudget") != 0 and (config or shown or (shows_by_default and shown is not False)):
        config["includeThoughts"] = shown is not False
    return config, dropped


def _effort(wishes: Mapping[str, Any], flat: Any) -> str | None:
    effort = wishes.get("effort") or flat
    if wishes.get("enabled") is False:
        return "none"
    if effort is None and wishes.get("enabled") is True:
        return "medium"
    return effort if isinstance(effort, str) else None


def _is_shown(wishes: Mapping[str, Any], flat: Any) -> bool | None:
    """Whether thoughts shall be shown; None where the caller did not say."""
    if isinstance(wishes.get("exclude"), bool):
        return not wishes["exclude"]
    return flat if isinstance(flat, bool) else None


def _budget(effort: str, body: Mapping[str, Any]) -> int:
    if effort == "none":
        return 0
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if not isinstance(limit, int):
        return _BUDGETS[effort]
    return max(min(limit * _SHARES[effort] // 100, MOST_BUDGET), LEAST_BUDGET)
