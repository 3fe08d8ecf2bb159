"""What the families of models on Amazon Bedrock differ in: Converse is one API, but not every model takes all of it.

(docs.aws.amazon.com/bedrock: inference parameters, prompt caching, structured outputs, adaptive thinking.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

CLAUDE_3 = re.compile(r"claude-(\d{1,2})(?:-(\d{1,2}))?(?!\d)")
CLAUDE = re.compile(r"claude-([a-z]+)-(\d{1,2})(?:-(\d{1,2}))?(?!\d)")
ALWAYS_ADAPTIVE = ("claude-mythos", "claude-fable")
FIRST_THINKING = (3, 7)
FIRST_WITH_EITHER = (4, 1)
"""From here on Claude takes a temperature or a top_p, not both."""
FIRST_STRUCTURED = (4, 5)
FIRST_ADAPTIVE = (4, 6)
ONLY_ADAPTIVE = (4, 7)
"""From here on Claude chooses for itself how much to think, and takes no sampling parameters."""
FIRST_UNASKED = (5, 0)
"""From here on Claude thinks unless it is told not to."""
CAN_BE_TOLD_NOT_TO = frozenset({("opus", (5, 0)), ("sonnet", (5, 0)), ("haiku", (5, 5))})
CAN_BE_FORCED = CAN_BE_TOLD_NOT_TO | {("fable", (5, 0)), ("mythos", (5, 0))}
"""The models from 5 on that may still be made to call a tool."""
NOT_STRUCTURED = ("amazon.", "meta.", "cohere.", "ai21.")

LEAST_BUDGET, MOST_BUDGET = 1_024, 128_000
RATIOS = {"max": 0.95, "xhigh": 0.95, "high": 0.8, "medium": 0.5, "low": 0.2, "minimal": 0.1}
"""The share of an answer's tokens that an effort may think (the contract's, guides/best-practices)."""
LEVELS = {"max": "max", "xhigh": "xhigh", "high": "high", "medium": "medium", "low": "low", "minimal": "low"}
SUMMARIZED = {"type": "adaptive", "display": "summarized"}
THREE_LEVELS = LEVELS | {"max": "high", "xhigh": "high"}


class Reasoning(NamedTuple):
    """How much the caller wants a model to reason; `is_on` is None where nothing is said."""

    is_on: bool | None
    effort: str | None = None
    budget: int | None = None


class Circumstances(NamedTuple):
    """What limits reasoning: the answer's tokens, a demanded tool call, a turn that was begun without thoughts."""

    max_tokens: int
    is_forced: bool = False
    is_begun: bool = False


class Thinking(NamedTuple):
    """How a model is told so: additional fields, or an effort of Converse's own; and what could not be said."""

    fields: dict[str, Any] = {}
    effort: str | None = None
    dropped: tuple[str, ...] = ()


NOTHING, NOT_SAID = Thinking(), Thinking(dropped=("reasoning",))


@dataclass(frozen=True, slots=True)
class Family:
    """What a model takes, known by its id (a model's, an inference profile's or an ARN that ends in one)."""

    model: str

    @property
    def is_claude(self) -> bool:
        """Whether it is one of Anthropic's."""
        return "claude" in self.model

    @property
    def is_nova(self) -> bool:
        """Whether it is one of Amazon's own of the Nova line."""
        return "nova" in self.model

    @property
    def claude(self) -> tuple[str, tuple[int, int]]:
        """Claude's line and version; those of the newest lines go without a number."""
        found = CLAUDE.search(self.model)
        if found:
            return found[1], (int(found[2]), int(found[3] or 0))
        if any(name in self.model for name in ALWAYS_ADAPTIVE):
            return "", FIRST_UNASKED
        found = CLAUDE_3.search(self.model)
        return "", (int(found[1]), int(found[2] or 0)) if found else (0, 0)

    @property
    def claude_version(self) -> tuple[int, int]:
        """Claude's version."""
        return self.claude[1]

    @property
    def can_be_forced(self) -> bool:
        """Whether a tool call may be demanded."""
        return not self.is_claude or self.claude_version < FIRST_UNASKED or self.claude in CAN_BE_FORCED

    @property
    def takes_sampling(self) -> bool:
        """Whether temperature, top_p and top_k mean anything to it."""
        return not (self.is_claude and self.claude_version >= ONLY_ADAPTIVE)

    @property
    def takes_both_samplings(self) -> bool:
        """Whether it takes temperature and top_p in one request."""
        return not (self.is_claude and self.claude_version >= FIRST_WITH_EITHER)

    @property
    def takes_cache_points(self) -> bool:
        """Whether a prompt's prefixes can be marked for caching."""
        return self.is_claude or self.is_nova

    @property
    def is_structured(self) -> bool:
        """Whether its answers and tool calls can be held to a JSON schema."""
        if self.is_claude:
            return self.claude_version >= FIRST_STRUCTURED or self.claude == ("opus", (4, 1))
        return not any(maker in self.model for maker in NOT_STRUCTURED)

    def top_k_fields(self, top_k: Any) -> dict[str, Any] | None:
        """The additional fields that say top_k, or None where it cannot be said."""
        if self.is_nova:
            return {"inferenceConfig": {"topK": top_k}}
        if "cohere.command" in self.model:
            return {"k": top_k}
        return {"top_k": top_k} if self.is_claude or "mistral." in self.model else None

    def thinking(self, asked: Reasoning, given: Circumstances) -> Thinking:
        """How to make it reason, or not."""
        if self.is_claude:
            return self._claude_thinking(asked, given)
        if not asked.is_on:
            return NOTHING
        level = THREE_LEVELS.get(asked.effort or _effort_of(asked.budget, given.max_tokens))
        if level is None:
            return NOT_SAID
        if self.is_nova:
            return Thinking({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}})
        return Thinking({"reasoning_effort": level}) if "gpt-oss" in self.model else NOT_SAID

    def _claude_thinking(self, asked: Reasoning, given: Circumstances) -> Thinking:
        version = self.claude_version
        if version >= FIRST_UNASKED and (asked.is_on is False or given.is_forced):
            return self._kept_short(asked)
        if not asked.is_on:
            # Its thoughts are left out by default: what the caller does not hide he is to see.
            return Thinking({"thinking": SUMMARIZED}) if version >= FIRST_UNASKED else NOTHING
        if version < FIRST_THINKING or given.is_forced:
            return NOT_SAID
        if version >= ONLY_ADAPTIVE:
            level = LEVELS.get(asked.effort or _effort_of(asked.budget, given.max_tokens))
            dropped = ("reasoning.max_tokens",) if asked.budget is not None else ()
            return Thinking({"thinking": SUMMARIZED}, level, dropped)
        if version >= FIRST_ADAPTIVE and asked.budget is None:
            level = "high" if asked.effort == "xhigh" else LEVELS.get(asked.effort or "")
            return Thinking({"thinking": {"type": "adaptive"}}, level)
        return NOT_SAID if given.is_begun else _budget(asked, given.max_tokens)

    def _kept_short(self, asked: Reasoning) -> Thinking:
        """Thoughts turned off, or as few as can be where they cannot."""
        dropped = ("reasoning",) if asked.is_on else ()
        if self.claude in CAN_BE_TOLD_NOT_TO:
            return Thinking({"thinking": {"type": "disabled"}}, dropped=dropped)
        return Thinking(effort="low", dropped=dropped if asked.is_on is None else ("reasoning",))


def _budget(asked: Reasoning, max_tokens: int) -> Thinking:
    """A budget, which must leave something of the answer's tokens for the answer."""
    share = RATIOS.get(asked.effort or "medium", RATIOS["medium"])
    wanted = int(max_tokens * share) if asked.budget is None else asked.budget
    budget = max(min(wanted, MOST_BUDGET), LEAST_BUDGET)
    if budget >= max_tokens:
        return NOT_SAID
    return Thinking({"thinking": {"type": "enabled", "budget_tokens": budget}})


def _effort_of(budget: int | None, max_tokens: int) -> str:
    """The smallest effort whose share of an answer holds the budget."""
    if budget is None:
        return "medium"
    fitting = [effort for effort in ("low", "medium", "high") if budget <= RATIOS[effort] * max_tokens]
    return fitting[0] if fitting else "high"
