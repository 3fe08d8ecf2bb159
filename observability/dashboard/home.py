"""What observability adds to a workspace's home, and to a key's page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Exists
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from config.lib.dashboard import Panel
from config.lib.display import duration_text, exact_money_text, money_text
from observability.logs import reason_of
from observability.models import Destination, Generation
from observability.today import Lately, failures_in, lately_in, latest_in, latest_of_key
from workspaces.dashboard.home import Figure, HomePart, Step
from workspaces.models import ApiKey, Workspace

LATEST: Final = 5
MODELS: Final = 5


@dataclass(frozen=True)
class TopModel:
    """A model of the week, and how it stands beside the dearest one, of which all are parts."""

    name: str
    cost_nano: int
    requests: int
    href: str


@dataclass(frozen=True)
class Failure:
    """A request that was refused or failed, with the reason in words."""

    generation: Generation
    reason: str


def lately(workspace: Workspace) -> HomePart:
    """Today against yesterday, what was used and what failed this week, the newest requests; fills `workspace_home`."""
    found, latest = lately_in(workspace), latest_in(workspace.pk, count=LATEST)
    panels = [
        _panel("observability/_failures.html", failures=_failures(workspace), href=_logs(workspace)),
        _panel("observability/_top_models.html", **_models(workspace, found)),
        _panel("observability/_latest.html", generations=latest, href=_logs(workspace)),
    ]
    return HomePart(
        figures=_figures(found, _logs(workspace)),
        steps=[_request_step(bool(latest)), _destination_step(workspace)],
        panels=panels if latest else [],
    )


def latest_requests(key: ApiKey) -> Panel:
    """A key's newest requests; fills `key_panels`."""
    rows = latest_of_key(key.pk, key.workspace_id, count=LATEST)
    logs = reverse("dashboard:logs", kwargs={"organization": key.organization.slug})
    href = f"{logs}?{urlencode({'key': key.hash})}"
    return _panel("observability/_latest_of_key.html", generations=rows, href=href)


def _panel(template: str, **context: Any) -> Panel:
    return Panel(template, context)


def _logs(workspace: Workspace, **narrowed: str) -> str:
    logs = reverse("dashboard:logs", kwargs={"organization": workspace.organization.slug})
    return f"{logs}?{urlencode({'workspace': workspace.slug} | narrowed)}"


def _request_step(is_done: bool) -> Step:
    return Step(
        title="Send the first request",
        text="Put a key into HEADGATE_API_KEY and paste the lines of this page into a terminal.",
        is_done=is_done,
    )


def _destination_step(workspace: Workspace) -> Step:
    return Step(
        title="Add a destination",
        text="Where traces of requests are sent, such as Langfuse or an OpenTelemetry collector.",
        is_done=Exists(Destination.objects.for_workspace(workspace)),
        page="destinations",
        action="Add one",
        permission=Permission.WORKSPACE_CONFIGURE,
    )


def _failures(workspace: Workspace) -> list[Failure]:
    rows = failures_in(workspace, count=LATEST)
    reasons = [reason_of(row) for row in rows]
    return [
        Failure(row, (reason.message if reason else "") or row.error_type or "")
        for row, reason in zip(rows, reasons, strict=True)
    ]


def _models(workspace: Workspace, found: Lately) -> dict[str, Any]:
    top = found.models[:MODELS]
    is_free = not any(sums.cost_nano for _, sums in top)
    models = [
        TopModel(name or "unknown model", sums.cost_nano, sums.requests, _logs(workspace, model=name))
        for name, sums in top
    ]
    measures = [model.requests if is_free else model.cost_nano for model in models]
    return {
        "models": list(zip(models, measures, strict=True)),
        "most": max(measures, default=0),
        "href": reverse("dashboard:activity", kwargs={"organization": workspace.organization.slug})
        + f"?{urlencode({'workspace': workspace.slug, 'range': '7d'})}",
    }


def _figures(found: Lately, logs: str) -> list[Figure]:
    today, before = found.today, found.yesterday
    troubles = [
        f"{count:,} {name}" for count, name in ((today.errors, "failed"), (today.refused, "refused")) if count
    ]
    latency = today.latency_ms
    return [
        Figure(
            "Spent today",
            money_text(today.cost_nano),
            exact_money_text(today.cost_nano),
            f"{money_text(before.cost_nano)} yesterday by now",
        ),
        Figure("Requests today", f"{today.requests:,}", "", f"{before.requests:,} yesterday by now", logs),
        Figure("Error rate", f"{today.error_share:.1%}", "", ", ".join(troubles) or "none failed"),
        Figure("First token", "—" if latency is None else duration_text(latency), "", "on average, today"),
    ]
