"""What a request with server tools used and cost by now, over all of its generations."""

from __future__ import annotations

from collections import Counter
from typing import Any

from routing.gateway.books import Outcome
from routing.pricing import NOTHING, Cost, Usage, usage_object
from routing.tools.tool import Json


class Tally:
    """Counts the generations of one request: its own steps apart from what its tools asked for."""

    def __init__(self) -> None:
        self.usage, self.cost = Usage(requests=0), NOTHING
        self.is_byok = False
        self.requested = self.executed = 0
        self.searches = self.fetches = 0
        self.calls: Counter[str] = Counter()
        self._tools: dict[str, Json] = {}
        self._tools_nano = self._tools_byok = self._tools_tokens = 0

    @property
    def cost_nano(self) -> int:
        """What is charged for all of it."""
        return self.cost.total_nano + self._tools_nano

    @property
    def tokens(self) -> int:
        """Of all of its generations."""
        return self.usage.prompt + self.usage.completion + self._tools_tokens

    def add_step(self, outcome: Outcome) -> None:
        """An answer of the request's own model."""
        self.usage, self.cost = _more_usage(self.usage, outcome.usage), _more_cost(self.cost, outcome.cost)
        self.is_byok = self.is_byok or (outcome.attempt is not None and outcome.attempt.is_byok)

    def add_inner(self, tool: str, usage: Usage, cost: Cost) -> None:
        """A generation that a tool asked for."""
        spent = self._tools.setdefault(
            tool, {"generations": 0, "prompt_tokens": 0, "completion_tokens": 0, "cost_nano": 0}
        )
        spent["generations"] += 1
        spent["prompt_tokens"] += usage.prompt
        spent["completion_tokens"] += usage.completion
        spent["cost_nano"] += cost.total_nano
        self._tools_nano += cost.total_nano
        self._tools_byok += cost.byok_nano
        self._tools_tokens += usage.prompt + usage.completion

    def add_loop(self, tool: str, inner: Tally) -> None:
        """A request that a tool made and that had tools itself."""
        self.add_inner(tool, inner.usage, inner.cost)
        for spent in inner._tools.values():
            nano, prompt, completion = spent["cost_nano"], spent["prompt_tokens"], spent["completion_tokens"]
            self.add_inner(tool, Usage(prompt=prompt, completion=completion), Cost(nano, 0, 0))
        self.searches += inner.searches
        self.fetches += inner.fetches

    def usage_object(self) -> dict[str, Any]:
        """The contract's `usage`: the tokens of the request's own model, and what all of it cost."""
        whole = _more_cost(self.cost, Cost(self._tools_nano, 0, 0, 0, self._tools_byok))
        told = usage_object(self.usage, whole, is_byok=self.is_byok)
        told["server_tool_use_details"] = {
            "tool_calls_requested": self.requested,
            "tool_calls_executed": self.executed,
            "web_search_requests": self.searches,
            "web_fetch_requests": self.fetches,
            "cost": self._tools_nano / 10**9,
            "tools": [self._told(slug) for slug in dict.fromkeys([*self.calls, *self._tools])],
        }
        return told

    def _told(self, slug: str) -> Json:
        spent = self._tools.get(slug, {})
        return {
            "tool": slug,
            "calls": self.calls[slug],
            "prompt_tokens": spent.get("prompt_tokens", 0),
            "completion_tokens": spent.get("completion_tokens", 0),
            "cost": spent.get("cost_nano", 0) / 10**9,
        }


def _more_usage(one: Usage, other: Usage) -> Usage:
    return Usage(*[a + b for a, b in zip(_fields(one), _fields(other), strict=True)])


def _more_cost(one: Cost, other: Cost) -> Cost:
    return Cost(*[a + b for a, b in zip(_fields(one), _fields(other), strict=True)])


def _fields(value: Usage | Cost) -> list[int]:
    return [getattr(value, name) for name in value.__struct_fields__]
