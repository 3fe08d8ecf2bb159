"""A workspace's home: a few figures, and what is left to set up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.credits import deposited_nano, used_nano
from accounts.permissions import Permission, may
from accounts.standing import standing_of
from config.lib.dashboard import Panel
from config.lib.display import exact_money_text, money_text
from config.lib.registry import Slot
from workspaces.dashboard.pages import WorkspaceView
from workspaces.dashboard.snippets import snippets
from workspaces.models import Workspace
from workspaces.visible_keys import keys_visible_to


@dataclass(frozen=True)
class Figure:
    """A number with its name; `title` is the exact value, `href` where it is explained."""

    label: str
    value: str
    title: str = ""
    note: str = ""
    href: str = ""


@dataclass(frozen=True)
class Step:
    """Something to do before the workspace is of use."""

    title: str
    text: str
    is_done: bool
    href: str = ""
    action: str = ""


@dataclass(frozen=True)
class HomePart:
    """What one app adds to the page."""

    figures: Sequence[Figure] = ()
    steps: Sequence[Step] = ()
    panel: Panel | None = None


workspace_home: Slot[[Workspace], HomePart] = Slot("workspace_home")
"""Called for every home page that is opened."""


class HomeView(WorkspaceView):
    """`/o/{organization}/w/{workspace}/`."""

    permission = Permission.WORKSPACE_SEE
    section = "home"

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The parts of all apps, this one's first."""
        parts = [*self._own_parts(), *workspace_home(self.workspace)]
        steps = [step for part in parts for step in part.steps]
        return self.page(
            "workspaces/home.html",
            figures=[figure for part in parts for figure in part.figures],
            steps=steps,
            is_set_up=all(step.is_done for step in steps),
            panels=[part.panel for part in parts if part.panel is not None],
            snippets=snippets(self.workspace),
        )

    def _own_parts(self) -> list[HomePart]:
        parts = [HomePart(steps=[self._key_step()])]
        if may(standing_of(self.membership), Permission.ACCOUNT_MANAGE):
            parts.append(self._credits())
        return parts

    def _key_step(self) -> Step:
        names = {"organization": self.organization.slug, "workspace": self.workspace.slug}
        return Step(
            title="Create an API key",
            text="It belongs to this workspace and can have a spending limit of its own.",
            is_done=keys_visible_to(self.membership, self.standing, self.workspace).exists(),
            href=reverse("dashboard:keys", kwargs=names),
            action="Go to keys",
        )

    def _credits(self) -> HomePart:
        balance = deposited_nano(self.organization) - used_nano(self.organization)
        href = reverse("dashboard:credits", kwargs={"organization": self.organization.slug})
        figure = Figure(
            label="Credits left",
            value=money_text(balance),
            title=exact_money_text(balance),
            note="shared by all workspaces",
            href=href,
        )
        step = Step(
            title="Have credits",
            text="Requests are paid from the organization's credits.",
            is_done=balance > 0,
            href=href,
            action="See credits",
        )
        return HomePart(figures=[figure], steps=[step])
