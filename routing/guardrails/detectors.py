"""What a policy looks for, ready to look: its built-in checks and its own patterns, compiled once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from routing.guardrails import BUILTINS, prompt_injection
from routing.guardrails.findings import CUSTOM, PROMPT_INJECTION, UNLABELLED
from routing.guardrails.patterns import InvalidPattern, compile_pattern
from routing.guardrails.rules import EffectiveBuiltin, EffectiveFilter, Layer
from routing.guardrails.texts import ATTACHMENT, TOOL_RESULT, USER

REDACTED = "[REDACTED]"
INJECTION_KINDS = {
    "user_only": frozenset({USER, ATTACHMENT}),
    "all_messages": frozenset({USER, ATTACHMENT, TOOL_RESULT}),
}
"""An operator's own prompt is no attack, and what the model said is none either."""


class ScanFailed(RuntimeError):
    """A text could not be looked at; the request is blocked."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where something is, in bytes; the name is of the injection pattern."""

    start: int
    end: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Detector:
    """One thing to look for, in which kinds of text (None: all), and what is done about it."""

    slug: str
    label: str
    placeholder: str
    action: str
    layer: Layer
    find: Callable[[bytes], Iterable[Match]]
    kinds: frozenset[str] | None = None


def builtin_detector(one: EffectiveBuiltin, allowlist: prompt_injection.Allowlist) -> Detector:
    """The detector of a built-in check; one that cannot run here raises ScanFailed when it is asked to."""
    slug, check = one.builtin.slug, BUILTINS.get(one.builtin.slug)
    if slug == PROMPT_INJECTION:
        find: Callable[[bytes], Iterable[Match]] = partial(_injections, allowlist)
    elif check is not None and check.find is not None:
        find = partial(_spans, check.find)
    else:
        find = partial(_cannot_look, slug)
    return Detector(
        slug,
        check.name if check else slug,
        check.placeholder if check else REDACTED,
        one.builtin.action,
        one.layer,
        find,
        INJECTION_KINDS[one.builtin.scan_scope] if slug == PROMPT_INJECTION else None,
    )


def filter_detector(one: EffectiveFilter) -> tuple[Any, Detector] | None:
    """A custom filter's pattern and detector; None: the pattern does not compile any more."""
    try:
        pattern = compile_pattern(one.filter.pattern)
    except (InvalidPattern, ValueError, TypeError):
        return None
    label = one.filter.label or UNLABELLED
    return pattern, Detector(
        CUSTOM, label, REDACTED, one.filter.action, one.layer, partial(_matches, pattern)
    )


def _matches(pattern: Any, text: bytes) -> Iterable[Match]:
    for found in pattern.finditer(text):
        yield Match(*found.span())


def _spans(find: Callable[[bytes], Iterable[tuple[int, int]]], text: bytes) -> Iterable[Match]:
    for start, end in find(text):
        yield Match(start, end)


def _injections(allowlist: prompt_injection.Allowlist, text: bytes) -> Iterable[Match]:
    for found in prompt_injection.find(text, allowlist):
        yield Match(found.start, found.end, found.name)


def _cannot_look(slug: str, _: bytes) -> Iterable[Match]:
    raise ScanFailed(f"the check {slug} is not installed")
