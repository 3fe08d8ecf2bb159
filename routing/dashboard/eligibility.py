"""What a page shows of the models that some layers leave, and of what they find in a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from routing.dashboard.guardrail_words import reason_of
from routing.explaining.remaining import Remaining
from routing.explaining.telling import scan_told
from routing.explanations import Governed, TooMuchToScan, look_at
from routing.guardrails.findings import CUSTOM, UNLABELLED

MOST_LISTED = 60
ACTIONS = {"flag": "Flagged", "redact": "Redacted", "block": "Blocked"}
VERDICTS = {
    "blocked": ("bad", "The request would be refused with 403, and no provider asked."),
    "redacted": ("care", "The request would go on with placeholders."),
    "flagged": ("info", "The request would go on as it is; the log says what was found."),
    "passed": ("good", "Nothing was found; the request would go on as it is."),
}


@dataclass(frozen=True)
class FallenOut:
    """Models that fall out for one reason."""

    reason: str
    models: list[str]

    @property
    def shown(self) -> list[str]:
        """As many as a page lists."""
        return self.models[:MOST_LISTED]

    @property
    def more(self) -> int:
        """How many are not listed."""
        return max(0, len(self.models) - MOST_LISTED)


@dataclass(frozen=True)
class Eligibility:
    """What remains of the catalog, and why the rest falls out, the most frequent reason first."""

    total: int
    left: Sequence[Mapping[str, Any]]
    fallen: list[FallenOut]
    providers: Sequence[Mapping[str, Any]]

    @property
    def shown(self) -> Sequence[Mapping[str, Any]]:
        """As many of those left as a page lists."""
        return self.left[:MOST_LISTED]

    @property
    def more(self) -> int:
        """How many of those left are not listed."""
        return max(0, len(self.left) - MOST_LISTED)

    @property
    def endpoints(self) -> int:
        """How many endpoints remain."""
        return sum(one["endpoints"] for one in self.providers)

    @property
    def total_endpoints(self) -> int:
        """How many endpoints there are."""
        return sum(one["total_endpoints"] for one in self.providers)

    @property
    def providers_left(self) -> int:
        """How many providers remain."""
        return sum(1 for one in self.providers if one["is_eligible"])


def eligibility_of(governed: Governed, own_scope: str) -> Eligibility:
    """What is left; `own_scope` is whose settings the page is about."""
    remaining = Remaining(governed.models, governed.rules, timezone.now())
    models = remaining.models(slice(None))
    reasons: dict[str, list[str]] = {}
    for one in models:
        if not one["is_eligible"]:
            reason = reason_of(one["scope"], one["setting"], own_scope)
            reasons.setdefault(reason, []).append(one["model"])
    fallen = [FallenOut(reason, slugs) for reason, slugs in reasons.items()]
    return Eligibility(
        total=len(models),
        left=[one for one in models if one["is_eligible"]],
        fallen=sorted(fallen, key=lambda one: -len(one.models)),
        providers=remaining.providers(),
    )


@dataclass(frozen=True)
class Tried:
    """What is found in a text, and what the model would see; `refusal`: it is too much to look at here."""

    tone: str = ""
    said: str = ""
    findings: tuple[Mapping[str, Any], ...] = ()
    seen: str = ""
    refusal: str = ""


def tried_on(text: str, governed: Governed) -> Tried | None:
    """What the layers do about a user's text; None where there is none."""
    if not text:
        return None
    try:
        scan = look_at(text, governed)
    except TooMuchToScan:
        return Tried(refusal="The text is too long for patterns as dear as these. Try a shorter one.")
    told = scan_told(scan, scan.body)
    tone, said = VERDICTS[told["verdict"]]
    findings = tuple(
        {
            "label": "Without a label" if one["label"] == UNLABELLED else one["label"],
            "action": ACTIONS.get(one["action"], "Blocked"),
            "count": one["count"],
            "patterns": ", ".join(one["patterns"]),
            "is_own": one["detector"] == CUSTOM,
        }
        for one in told["findings"]
    )
    if scan.block and not findings:
        said = scan.block.message
    seen = str(scan.body["messages"][0]["content"]) if told["verdict"] == "redacted" else ""
    return Tried(tone, said, findings, seen)
