"""Look at every text of a request for what the guardrails ask for: findings, and the request redacted, or a block.

Pure. Whatever fails here blocks: a pattern that does not compile any more, a check that cannot be done, more matches
than can be counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import re2

from routing.guardrails.dearness import weight_of
from routing.guardrails.detectors import Detector, Match, ScanFailed, builtin_detector, filter_detector
from routing.guardrails.findings import PROMPT_INJECTION, Finding, Ran, Scan, block_of, failed
from routing.guardrails.one_look import one_look
from routing.guardrails.pattern_set import PatternSet
from routing.guardrails.prompt_injection import Allowlist
from routing.guardrails.rules import REDACT, EffectiveRules, strictness
from routing.guardrails.texts import INSIDE, Place, Text, TooManyTexts, replace, texts_of

MOST_SCANNERS = 256
MOST_MATCHES = 100_000
"""Of one request; what matches more often matches everything, and noting it would take longer than sending it."""
FAILURES = (re2.error, ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)


@dataclass(slots=True)
class _Progress:
    """What one scan has found so far. `inside` are detectors that found something in the JSON of a string."""

    findings: list[Finding] = field(default_factory=list)
    replaced: dict[Place, str] = field(default_factory=dict)
    inside: set[tuple[Place, int]] = field(default_factory=set)
    matches: int = 0


class Scanner:
    """The checks of a policy, compiled once; used by any number of requests.

    `elsewhere` are built-ins that the caller looks after himself (those of an extra, which do I/O).
    """

    def __init__(
        self, rules: EffectiveRules, allowlist: Collection[str] = (), *, elsewhere: Collection[str] = ()
    ) -> None:
        allowed = Allowlist(allowlist)
        asked = [one for one in rules.builtins if one.builtin.slug not in elsewhere]
        self._builtins = [builtin_detector(one, allowed) for one in asked]
        compiled = [(one.layer, filter_detector(one)) for one in rules.filters]
        self._filters = PatternSet([found for _, found in compiled if found is not None])
        self._broken = next((layer for layer, found in compiled if found is None), None)
        filtering = [Ran(False, one.layer) for one in rules.filters]
        self._stages = tuple(
            dict.fromkeys([Ran(one.builtin.slug == PROMPT_INJECTION, one.layer) for one in asked] + filtering)
        )
        self.clean: tuple[Mapping[str, Any], ...] = tuple(Scan({}, ran=self._stages).stages())
        """The pipeline's stages of a look that finds nothing, as nearly all do."""
        self.nothing = Scan({}, ran=self._stages)
        """What comes of such a look, where nobody asks for the request again."""
        patterns = [found[0] for _, found in compiled if found is not None]
        self.weight, self.dear = weight_of(patterns)
        """How dear a look at one byte may be, and how dear it is known to be."""
        is_simple = not (self._builtins or self._broken or self.dear)
        self._one_look = one_look(patterns) if is_simple else None

    @property
    def has_work(self) -> bool:
        """Whether any text has to be looked at."""
        return bool(self._builtins or len(self._filters) or self._broken)

    def finds_nothing(self, body: Mapping[str, Any]) -> bool:
        """Whether a single look already says that `scan` would find nothing; it need not say so."""
        try:
            return self._one_look is not None and self._one_look.finds_nothing(body)
        except FAILURES:
            return False

    def scan(self, body: Mapping[str, Any]) -> Scan:
        """Look at a request. Never raises for what is in it."""
        if not self.has_work:
            return Scan(body)
        if self._broken is not None:
            return Scan(body, block=failed("a pattern cannot be applied", self._broken))
        progress = _Progress()
        try:
            self._look_everywhere(body, progress)
            redacted = replace(body, progress.replaced) if progress.replaced else body
        except (ScanFailed, TooManyTexts) as error:
            return Scan(body, tuple(progress.findings), failed(str(error)))
        except FAILURES:
            return Scan(body, tuple(progress.findings), failed("a check has failed"))
        findings = tuple(progress.findings)
        return Scan(redacted, findings, block_of(findings), self._stages)

    def _look_everywhere(self, body: Mapping[str, Any], progress: _Progress) -> None:
        """What is inside JSON strings comes first, so that these hold no more of it, and stay JSON."""
        texts = texts_of(body)
        holders = {text.place[: text.place.index(INSIDE)] for text in texts if INSIDE in text.place}
        for text in texts:
            if text.place not in holders:
                self._look_at(text, progress)
        if holders and progress.replaced:
            texts = texts_of(replace(body, progress.replaced))
        for text in texts if holders else ():
            if text.place in holders:
                self._look_at(text, progress)

    def _look_at(self, text: Text, progress: _Progress) -> None:
        content = text.text.encode("utf-8", "replace")
        marked: list[tuple[int, int, str]] = []
        for detector in self._detectors(content, text.kind):
            matches = _bounded(detector.find(content), progress)
            if not matches:
                continue
            if detector.action == REDACT:
                marked += [(match.start, match.end, detector.placeholder) for match in matches]
            elif (text.place, id(detector)) in progress.inside:
                continue
            progress.findings.append(_finding(detector, text.place, matches))
            if INSIDE in text.place:
                progress.inside.add((text.place[: text.place.index(INSIDE)], id(detector)))
        if marked:
            progress.replaced[text.place] = _with_placeholders(content, marked)

    def _detectors(self, content: bytes, kind: str) -> Iterable[Detector]:
        """What is to be looked for in a text; of two asks for the same check the stricter."""
        chosen: dict[str, Detector] = {}
        for detector in self._builtins:
            if detector.kinds is not None and kind not in detector.kinds:
                continue
            known = chosen.get(detector.slug)
            if known is None or strictness(detector.action) > strictness(known.action):
                chosen[detector.slug] = detector
        yield from chosen.values()
        for _, detector in self._filters.candidates(content):
            yield detector


def scan(body: Mapping[str, Any], rules: EffectiveRules, allowlist: Collection[str] = ()) -> Scan:
    """Look at a request with rules as they are: also where they arrived as plain values, in another process."""
    return scanner_of(rules, tuple(allowlist)).scan(body)


@lru_cache(maxsize=MOST_SCANNERS)
def scanner_of(
    rules: EffectiveRules, allowlist: tuple[str, ...] = (), elsewhere: frozenset[str] = frozenset()
) -> Scanner:
    """The scanner of these rules, the same one as long as it is not forgotten."""
    return Scanner(rules, allowlist, elsewhere=elsewhere)


def _bounded(matches: Iterable[Match], progress: _Progress) -> list[Match]:
    """The matches that are not empty. Raises ScanFailed when the request has too many of both."""
    kept = []
    for match in matches:
        progress.matches += 1
        if progress.matches > MOST_MATCHES:
            raise ScanFailed("a pattern matches too often")
        if match.end > match.start:
            kept.append(match)
    return kept


def _finding(detector: Detector, place: Place, matches: list[Match]) -> Finding:
    names = tuple(dict.fromkeys(match.name for match in matches if match.name))
    return Finding(detector.slug, detector.label, detector.action, detector.layer, place, len(matches), names)


def _with_placeholders(content: bytes, marked: list[tuple[int, int, str]]) -> str:
    """The text with placeholders; what overlaps becomes one, that of the longest of those that begin first."""
    pieces, reached = [], 0
    for start, end, placeholder in sorted(marked, key=lambda one: (one[0], -one[1])):
        if start >= reached:
            pieces += [content[reached:start], placeholder.encode()]
        reached = max(reached, end)
    return b"".join([*pieces, content[reached:]]).decode("utf-8", "replace")
