"""The automatic router: which models suit a request, the best first. Pure; a heuristic over the catalog.

There is no market to look at in a deployment of one's own: price stands for quality, as it does between the models of
one author. A request is put in a class by what it says; the class, or the request itself, names a band of prices; in
it the dearest model comes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import re2

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry, ModelEntry
from routing.policy import Policy
from routing.pricing import typical_femto
from routing.selection.filters import why_dropped
from routing.selection.preferences import merge
from routing.selection.restrictions import why_restricted

SLUGS = frozenset({"openrouter/auto", "headgate/auto"})
MOST_CHOSEN = 3
"""The model that is asked, and two to fall back on."""
LOOKED_AT = 8_000
"""Characters of the last message, from its beginning, that tell what it is about."""
LONG_TOKENS = 20_000

CODE = re.compile(
    r"```|\btraceback\b|\bstack ?trace\b|\b(?:def|class|import|function|const|SELECT|#include)\b[^.\n]{0,80}[({;:]"
    r"|\b(?:refactor|debug|compile|unit tests?|regex|bug)\b",
    re.IGNORECASE,
)
MATH = re.compile(
    r"\b(?:prove|theorem|integral|derivative|equation|probability|solve for|step[- ]by[- ]step)\b|\\frac|\\sum",
    re.IGNORECASE,
)
BANDS = {"low": (0, 20), "medium": (20, 40), "high": (40, 60), "xhigh": (60, 80), "max": (80, 101)}
"""Percentiles of price, the upper one not included."""
CEILINGS = {"general": 18, "long_context": 30, "code": 50, "agent": 50, "math": 50}
"""The highest percentile for a class, where the request names no cost: 18 is what a trade-off of 9 comes to."""
MOST_PATTERN_MEMORY = 8 << 20
MOST_MATCHERS = 16

Config = Mapping[str, Any]  # what the plugin declares


class Chosen(NamedTuple):
    """The models to try in order, and why them."""

    models: tuple[str, ...]
    task: str
    candidates: int


class NothingFits(Exception):
    """No model may and can answer."""


def choose(call: Call, config: Config, models: Iterable[ModelEntry], policy: Policy, now: datetime) -> Chosen:
    """The models that suit a call best among those that its policy and its patterns allow. Raises NothingFits."""
    task = task_of(call)
    able = [
        (price, model)
        for model in _matching(models, config)
        if (price := _price(model, call, policy, now)) is not None
    ]
    if not able:
        raise NothingFits
    able.sort(key=lambda one: (one[0], one[1].slug))
    ranked = _ranked(able, _band(config, task))
    pinned = _pinned(call) if config.get("pin_model") else None
    if pinned in {model.slug for _, model in able}:
        ranked = [pinned, *[slug for slug in ranked if slug != pinned]]
    return Chosen(tuple(ranked[:MOST_CHOSEN]), task, len(able))


def task_of(call: Call) -> str:
    """The class of a request: agent, code, math, long_context or general."""
    text = last_text(call.body)[:LOOKED_AT]
    if call.body.get("tools"):
        return "agent"
    if CODE.search(text):
        return "code"
    reasoning = call.body.get("reasoning")
    if call.body.get("reasoning_effort") or (reasoning and reasoning != {"enabled": False}):
        return "math"
    if MATH.search(text):
        return "math"
    return "long_context" if call.prompt_tokens - call.media_tokens > LONG_TOKENS else "general"


def last_text(body: Mapping[str, Any]) -> str:
    """What was said last by whoever asks."""
    for message in reversed(_messages(body)):
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = content if isinstance(content, list) else []
            return "\n".join([part["text"] for part in parts if isinstance(part.get("text"), str)])
    return ""


def _messages(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    messages = body.get("messages")
    if isinstance(messages, msgspec.Raw):
        messages = msgspec.json.decode(messages)
    return messages if isinstance(messages, list) else []


def _pinned(call: Call) -> str | None:
    """The model that the last answer of the conversation names as its own."""
    for message in reversed(_messages(call.body)):
        if message.get("role") == "assistant":
            model = message.get("model")
            return model if isinstance(model, str) else None
    return None


def _matching(models: Iterable[ModelEntry], config: Config) -> list[ModelEntry]:
    """The models that the patterns leave, as the same for the same catalog and patterns as ever."""
    allowed = _matcher(tuple(config.get("allowed_models") or ("*",)))
    excluded = _matcher(tuple(config.get("excluded_models") or ()))
    return [model for model in models if allowed.matches(model.slug) and not excluded.matches(model.slug)]


def is_wild(pattern: str) -> bool:
    """Whether a pattern is neither a slug nor the beginning of some: only such take time to match."""
    return "*" in pattern[:-1]


class Matcher(NamedTuple):
    """What matches any of some patterns: slugs, beginnings of slugs, and an expression for all others."""

    slugs: frozenset[str]
    beginnings: tuple[str, ...]
    wild: Any  # re2 has no types

    def matches(self, slug: str) -> bool:
        """Whether a pattern matches the whole slug, whatever its case."""
        lowered = slug.lower()
        if lowered in self.slugs or lowered.startswith(self.beginnings):
            return True
        return self.wild is not None and bool(self.wild.fullmatch(lowered))


@lru_cache(maxsize=MOST_MATCHERS)
def _matcher(patterns: tuple[str, ...]) -> Matcher:
    """What matches any of the patterns, in linear time whatever they are; none matches nothing."""
    lowered = [pattern.lower() for pattern in patterns]
    wild = [pattern for pattern in lowered if is_wild(pattern)]
    plain = [pattern for pattern in lowered if not is_wild(pattern)]
    return Matcher(
        frozenset([pattern for pattern in plain if not pattern.endswith("*")]),
        tuple([pattern[:-1] for pattern in plain if pattern.endswith("*")]),
        _expression(wild) if wild else None,
    )


def _expression(patterns: Iterable[str]) -> Any:  # re2 has no types
    options = re2.Options()
    options.max_mem = MOST_PATTERN_MEMORY
    options.log_errors = False
    alternatives = [".*".join(map(re2.escape, pattern.split("*"))) for pattern in patterns]
    return re2.compile("|".join([f"(?:{one})" for one in alternatives]), options)


def _price(model: ModelEntry, call: Call, policy: Policy, now: datetime) -> int | None:
    """What the model's cheapest endpoint for the call costs; None where none may or can serve it."""
    if not _can_answer(model, call, now):
        return None
    rules = policy.rules if policy.rules.narrows else None
    wishes = merge(call.preferences, policy.routing.preferences)
    if rules and rules.model_exclusion(model.slug, model.slug):
        return None
    prices = [
        typical_femto(entry.price)
        for entry in model.endpoints
        if _supports(entry, call)
        and not (rules and why_restricted(entry, rules))
        and why_dropped(entry, call, wishes, now, None) is None
    ]
    return min(prices, default=None)


def _can_answer(model: ModelEntry, call: Call, now: datetime) -> bool:
    if model.slug in SLUGS or "text" not in model.output_modalities:
        return False
    if model.expires_at is not None and model.expires_at <= now:
        return False
    return not call.image_count or "image" in model.input_modalities


def _supports(entry: EndpointEntry, call: Call) -> bool:
    """Tools and a form for the answer are no parameters that might as well be left out."""
    wanted = call.parameters & {"tools", "response_format", "structured_outputs"}
    return wanted <= entry.supported_parameters


def _band(config: Config, task: str) -> tuple[int, int]:
    """From which percentile of price to below which."""
    if tier := config.get("cost_tier"):
        return BANDS[tier]
    tradeoff = config.get("cost_quality_tradeoff")
    return 0, (CEILINGS[task] if tradeoff is None else 90 - 8 * tradeoff) + 1


def _ranked(able: Sequence[tuple[int, ModelEntry]], band: tuple[int, int]) -> list[str]:
    """In the band the dearest first, of equally dear ones the newest; then those nearest to the band."""
    low, high = band
    count = len(able)
    order = []
    for number, (price, model) in enumerate(able):
        percentile = 100 * number // count
        distance = max(low - percentile, percentile - high + 1, 0)
        order.append((distance, -price, -model.created_at.timestamp(), model.slug))
    return [slug for *_, slug in sorted(order)]
