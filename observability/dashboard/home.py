"""What observability adds to a workspace's home."""

from __future__ import annotations

from django.urls import reverse
from django.utils.http import urlencode

from config.lib.dashboard import Panel
from config.lib.display import exact_money_text, money_text
from observability.today import Today, latest_in, today_in
from workspaces.dashboard.home import Figure, HomePart, Step
from workspaces.models import Workspace

LATEST = 5


def requests_today(workspace: Workspace) -> HomePart:
    """Today's sums, the newest requests, and whether there was ever one; fills `workspace_home`."""
    logs = reverse("dashboard:logs", kwargs={"organization": workspace.organization.slug})
    href = f"{logs}?{urlencode({'workspace': workspace.slug})}"
    latest = latest_in(workspace.pk, count=LATEST)
    step = Step(
        title="Send the first request",
        text="Put a key into HEADGATE_API_KEY and paste the lines of this page into a terminal.",
        is_done=bool(latest),
    )
    panel = Panel("observability/_latest.html", {"generations": latest, "href": href}) if latest else None
    return HomePart(figures=_figures(today_in(workspace.pk), href), steps=[step], panel=panel)


def _figures(today: Today, href: str) -> list[Figure]:
    troubles = [
        f"{count:,} {name}" for count, name in ((today.errors, "failed"), (today.refused, "refused")) if count
    ]
    return [
        Figure(
            "Spent today",
            money_text(today.cost_nano),
            exact_money_text(today.cost_nano),
            "since midnight UTC",
        ),
        Figure("Requests today", f"{today.requests:,}", note=", ".join(troubles) or "none failed", href=href),
    ]
