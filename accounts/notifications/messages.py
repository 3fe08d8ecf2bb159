"""What a notification says, for every channel to put into its own form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse

from accounts.models import Notification, Organization
from accounts.notifications.kinds import kind_of
from config.lib.environment import environment

MONEY = "_usd"
SHOWN = {
    "workspace_name": "Workspace",
    "spent_usd": "Spent",
    "limit_usd": "Limit",
    "balance_usd": "Left",
    "threshold_usd": "Told below",
    "resets_at": "Resets",
    "expiration_date": "Last day",
    "days_left": "Days left",
    "used_by": "Where it is in use",
    "type": "Type",
    "error": "Error",
}
"""The facts that people are shown, in this order, and what they call them."""


@dataclass(frozen=True)
class Message:
    """A notification, ready to be put into a channel's form. `identifier` is the same however often it is sent."""

    identifier: str
    kind: str
    label: str
    title: str
    organization: str
    organization_slug: str
    workspace: str | None
    facts: Mapping[str, Any]
    link: str
    at: datetime

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The facts for people: what each is called, and what it is."""
        return [
            (label, f"${self.facts[name]}" if name.endswith(MONEY) else _in_one_line(self.facts[name]))
            for name, label in SHOWN.items()
            if self.facts.get(name) not in (None, "")
        ]


def message_of(notification: Notification, organization: Organization) -> Message:
    """The message of a notification."""
    path = reverse("dashboard:notifications", args=[organization.slug])
    return Message(
        identifier=str(notification.public_id),
        kind=notification.kind,
        label=kind_of(notification.kind).label,
        title=notification.title,
        organization=_in_one_line(organization.name),
        organization_slug=organization.slug,
        workspace=None if notification.workspace is None else str(notification.workspace),
        facts=notification.facts,
        link=environment().base_url.rstrip("/") + path,
        at=notification.created_at,
    )


def _in_one_line(value: Any) -> str:
    return " ".join(str(value).split())
