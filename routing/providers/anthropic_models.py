"""What each generation of Claude accepts, by its name: the format is one, the models refuse different parts of it.

(platform.claude.com/docs/en/about-claude/models, the migration guide of each model.) A model that is newer than
this file is taken to accept what its latest known relatives do; one that is not Claude, what Claude 4.0 does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

FAMILIES = ("opus", "sonnet", "haiku", "fable", "mythos")
NEWEST, NOT_CLAUDE = (99, 0), (4, 0)
_DATE = re.compile(r"\d{6,}.*$")
_NUMBER = re.compile(r"(?<!\d)\d{1,2}(?!\d)")
_OFF = {
    ("opus", (5, 0)): "disabled",
    ("sonnet", (5, 0)): "disabled",
    ("haiku", (5, 5)): "disabled",
    ("sonnet", (5, 5)): "between_tools",
}
_FORCIBLE = frozenset(
    {("opus", (5, 0)), ("sonnet", (5, 0)), ("haiku", (5, 5)), ("fable", (5, 0)), ("mythos", (5, 0))}
)
"""The models from 5 on that may still be made to call a tool."""


class Claude(NamedTuple):
    """A model's family and version; every property is what its requests may say."""

    family: str
    version: tuple[int, int]
    is_claude: bool = True

    @property
    def has_sampling(self) -> bool:
        """Whether temperature, top_p and top_k may be given."""
        return self.version < (4, 7)

    @property
    def has_one_sampler(self) -> bool:
        """Whether temperature and top_p exclude each other."""
        return self.is_claude and self.version >= (4, 1)

    @property
    def can_think(self) -> bool:
        """Whether it has extended thinking at all."""
        return self.version >= (3, 7)

    @property
    def thinks_adaptively(self) -> bool:
        """Whether thinking is `adaptive`, steered by effort; before, it was `enabled` with a budget."""
        return self.version >= (4, 6)

    @property
    def has_budgets(self) -> bool:
        """Whether thinking may be given a budget of tokens."""
        return (3, 7) <= self.version < (4, 7)

    @property
    def thinks_unasked(self) -> bool:
        """Whether it thinks unless it is told not to."""
        return self.version >= (5, 0)

    @property
    def thinking_off(self) -> str | None:
        """The type of `thinking` that turns it off; None where leaving it out does, or nothing does."""
        return _OFF.get((self.family, self.version))

    @property
    def has_effort(self) -> bool:
        """Whether output_config.effort is understood."""
        return self.version >= (4, 6) or (self.family, self.version) == ("opus", (4, 5))

    def effort(self, wanted: str) -> str:
        """The nearest level that the model knows."""
        if wanted == "minimal":
            return "low"
        if (wanted == "xhigh" and self.version < (4, 7)) or (wanted == "max" and self.version < (4, 6)):
            return "high"
        return wanted

    @property
    def can_be_forced(self) -> bool:
        """Whether tool_choice may demand a call."""
        return self.version < (5, 0) or (self.family, self.version) in _FORCIBLE

    @property
    def has_schemas(self) -> bool:
        """Whether output_config.format holds it to a JSON schema, and `strict` its tool calls."""
        return self.version >= (4, 5) or (self.family, self.version) == ("opus", (4, 1))

    @property
    def most_tokens(self) -> int:
        """How many tokens an answer may have where the catalog does not say; all models of the version allow it."""
        if self.version < (3, 7):
            return 8_192 if self.version == (3, 5) else 4_096
        return 64_000 if self.version >= (4, 5) else 32_000


@lru_cache(maxsize=1000)
def claude(upstream_model: str) -> Claude:
    """The model of a provider's name for it (`claude-3-5-haiku-latest`, `claude-opus-4-1@20250805`, …)."""
    _, found, name = upstream_model.lower().partition("claude")
    if not found:
        return Claude("", NOT_CLAUDE, is_claude=False)
    family = next((one for one in FAMILIES if one in name), "")
    numbers = [int(number) for number in _NUMBER.findall(_DATE.sub("", name))]
    if not numbers:
        return Claude(family, NEWEST)
    return Claude(family, (numbers[0], numbers[1] if len(numbers) > 1 else 0))


def supported_parameters(upstream_model: str) -> list[str]:
    """What the catalog may say of a model: the Chat Completions parameters that can be put into words for it."""
    model = claude(upstream_model)
    found = ["max_tokens", "parallel_tool_calls", "stop", "tool_choice", "tools"]
    if model.has_sampling:
        found += ["temperature", "top_k", "top_p"]
    if model.can_think:
        found += ["include_reasoning", "reasoning", "reasoning_effort"]
    if model.has_schemas:
        found += ["response_format", "structured_outputs"]
    if model.has_effort:
        found += ["verbosity"]
    return sorted(found)
