"""What a guardrail looks for in texts, as its form has it: a line for each built-in check, rows for own patterns."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from django import forms
from django.http import QueryDict

from routing.guardrail_checks import LONGEST_LABEL, MOST_FILTERS
from routing.guardrails import ACTIONS, BUILTINS
from routing.guardrails.patterns import InvalidPattern, compile_pattern
from routing.guardrails.rules import strictness

OFF = ""
DO = [("flag", "Flag"), ("redact", "Redact"), ("block", "Block")]
SCOPES = [("user_only", "What users write and attach"), ("all_messages", "Also what tools answer")]
LONGEST_SAMPLE = 2_000
MOST_SHOWN, LONGEST_SHOWN = 5, 60


@dataclass
class PatternRow:
    """A pattern as it was typed, what is wrong with it, and what of the sample it matches."""

    pattern: str = ""
    action: str = "redact"
    label: str = ""
    error: str = ""
    matches: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def entry(self) -> dict[str, Any]:
        """As `content_filters` has it."""
        return {"pattern": self.pattern, "action": self.action, "label": self.label or None}

    def check(self) -> None:
        """Say what is wrong."""
        if self.action not in ACTIONS:
            self.error = "Choose what happens."
        elif "\x00" in self.pattern + self.label:
            self.error = "A null character cannot be searched for."
        elif len(self.label) > LONGEST_LABEL:
            self.error = f"A label may have at most {LONGEST_LABEL} characters."
        else:
            self._compile()

    def try_on(self, sample: str) -> None:
        """Find out what it matches; what is no pattern matches nothing."""
        if self.error or not self.pattern:
            return
        found = [text for text in _found(compile_pattern(self.pattern), sample) if text]
        self.count = len(found)
        self.matches = [text[:LONGEST_SHOWN] for text in dict.fromkeys(found)][:MOST_SHOWN]

    def _compile(self) -> None:
        try:
            compile_pattern(self.pattern)
        except InvalidPattern as error:
            self.error = f"Not a pattern: {error}."


def stored_rows(entries: list[dict[str, Any]] | None) -> list[PatternRow]:
    """The rows of what a guardrail has."""
    return [PatternRow(one["pattern"], one["action"], one.get("label") or "") for one in entries or ()]


def posted_rows(data: QueryDict) -> list[PatternRow]:
    """The rows of what was sent, checked; those without a pattern are gone."""
    columns = [data.getlist(name) for name in ("pattern", "pattern_action", "pattern_label")]
    typed = zip_longest(*columns, fillvalue="")
    rows = [PatternRow(pattern, action, label) for pattern, action, label in typed][: MOST_FILTERS + 1]
    kept = [row for row in rows if row.pattern]
    for row in kept:
        row.check()
    return kept


def builtin_fields(entries: list[dict[str, Any]] | None) -> dict[str, forms.Field]:
    """A choice for each check that can run here or is turned on, and of its scope where it has one."""
    chosen = _strictest(entries)
    fields: dict[str, forms.Field] = {}
    for slug, check in BUILTINS.items():
        is_missing = check.needs is not None and not check.needs.is_installed
        fields[f"builtin_{slug}"] = forms.ChoiceField(
            label=check.name,
            choices=[(OFF, "Off"), *DO],
            required=False,
            initial=chosen.get(slug, {}).get("action", OFF),
            disabled=is_missing and slug not in chosen,
        )
        if check.scan_scopes:
            fields[f"scope_{slug}"] = forms.ChoiceField(
                label=f"{check.name} is looked for in",
                choices=SCOPES,
                required=False,
                initial=chosen.get(slug, {}).get("scan_scope", check.scan_scopes[-1]),
            )
    return fields


def builtin_entries(given: dict[str, Any]) -> list[dict[str, Any]] | None:
    """As `content_filter_builtins` has it; None where all are off."""
    entries = []
    for slug, check in BUILTINS.items():
        action = given.get(f"builtin_{slug}")
        if not action:
            continue
        entry = {"slug": slug, "action": action}
        if check.scan_scopes:
            entry["scan_scope"] = given.get(f"scope_{slug}") or check.scan_scopes[-1]
        entries.append(entry)
    return entries or None


def _strictest(entries: list[dict[str, Any]] | None) -> dict[str, dict[str, Any]]:
    chosen: dict[str, dict[str, Any]] = {}
    for entry in entries or ():
        known = chosen.get(entry["slug"])
        if known is None or strictness(entry["action"]) > strictness(known["action"]):
            chosen[entry["slug"]] = entry
    return chosen


def _found(pattern: Any, sample: str) -> list[str]:
    text = sample[:LONGEST_SAMPLE].encode("utf-8", "replace")
    return [match.group().decode("utf-8", "replace") for match in pattern.finditer(text)]
