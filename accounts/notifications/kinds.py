"""The kinds of events that organizations are told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.notifications.crossings import DaysLeft, Percent, Remaining, Scale
from config.lib.money import NANO_PER_USD

PERCENT, USD, DAYS = "percent", "usd", "days"
SCALES: Mapping[str, Scale] = {PERCENT: Percent(), USD: Remaining(), DAYS: DaysLeft()}
ANNOUNCED = 36_500
"""The first threshold of what has a date: as soon as the date is known."""
LONGEST_TITLE = 300


@dataclass(frozen=True)
class Kind:
    """A kind of event. Without a unit it is reported when it happens, and has no thresholds.

    `headline` is filled with the facts of an event. `is_of_workspaces`: a rule may be about some workspaces alone.
    """

    slug: str
    label: str
    help: str
    headline: str
    unit: str | None = None
    defaults: tuple[int, ...] = ()
    always: tuple[int, ...] = ()
    is_of_workspaces: bool = False
    is_on: bool = True

    def title(self, facts: Mapping[str, Any]) -> str:
        """What happened, in one line."""
        one_line = {name: " ".join(str(value).split()) for name, value in facts.items()}
        return self.headline.format_map(one_line)[:LONGEST_TITLE]


LOW_BALANCE, WORKSPACE_BUDGET, KEY_LIMIT = "low_balance", "workspace_budget", "key_limit"
MODEL_DEPRECATION = "model_deprecation"
DESTINATION_FAILING, DESTINATION_DISABLED = "destination_failing", "destination_disabled"
CHANNEL_DISABLED = "channel_disabled"

KINDS: Mapping[str, Kind] = {
    kind.slug: kind
    for kind in (
        Kind(
            LOW_BALANCE,
            "Low balance",
            "Credits fall below an amount.",
            "Credits are low: ${balance_usd} left",
            USD,
            (5 * NANO_PER_USD,),
        ),
        Kind(
            WORKSPACE_BUDGET,
            "Workspace budget",
            "So much of a workspace's budget is spent.",
            "{name}: {threshold_percent} % of the {interval} budget is spent",
            PERCENT,
            (80, 100),
            is_of_workspaces=True,
        ),
        Kind(
            KEY_LIMIT,
            "Key limit",
            "So much of a key's limit is spent.",
            "Key “{name}”: {threshold_percent} % of its {interval} limit is spent",
            PERCENT,
            (80, 100),
            is_of_workspaces=True,
            is_on=False,
        ),
        Kind(
            MODEL_DEPRECATION,
            "Model deprecation",
            "A model that is in use will go away: when its date becomes known, and so many days before it.",
            "{name} goes away on {expiration_date}",
            DAYS,
            (7, 1),
            (ANNOUNCED,),
        ),
        Kind(
            DESTINATION_FAILING,
            "Destination failing",
            "An observability destination does not take what it is sent.",
            "Destination “{name}” is failing",
            is_of_workspaces=True,
        ),
        Kind(
            DESTINATION_DISABLED,
            "Destination disabled",
            "An observability destination was disabled because it kept failing.",
            "Destination “{name}” was disabled",
            is_of_workspaces=True,
        ),
        Kind(
            CHANNEL_DISABLED,
            "Notification channel disabled",
            "A channel of this list was disabled because it kept refusing notifications.",
            "Notification channel “{name}” was disabled",
        ),
    )
}
TEST = Kind("test", "Test", "Somebody tried a channel out.", "This is a test of “{name}”")


def kind_of(slug: str) -> Kind:
    """The kind of a stored notification; tests are of one, too."""
    return TEST if slug == TEST.slug else KINDS[slug]
