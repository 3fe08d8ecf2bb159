"""A workspace's home: how it fares today, what it may still spend, and what is left to set up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.conf import settings
from django.db.models import Exists
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.credits import balance_nano
from accounts.models import Membership, Organization
from accounts.permissions import Permission, may
from accounts.standing import standing_of
from config.lib.dashboard import Panel
from config.lib.display import exact_money_text, money_text
from config.lib.registry import Slot
from workspaces.dashboard.budget_bars import budget_bars
from workspaces.dashboard.pages import WorkspaceView
from workspaces.dashboard.snippets import api_address, snippets
from workspaces.models import Workspace, WorkspaceBudget, WorkspaceMember
from workspaces.visible_keys import keys_visible_to

HIDDEN: Final = "headgate_setup"
"""The cookie of a list of steps that somebody does not want to see again; its path is the workspace's address."""
YEAR_SECONDS: Final = 365 * 24 * 3600


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
    """Something to do before the workspace is of use, for those with the permission.

    `page` names the address that it is done at, in the workspace or in the organization. Whether it is done may be
    a condition of the database: all of them are asked in one query.
    """

    title: str
    text: str
    is_done: bool | Exists
    page: str = ""
    action: str = ""
    permission: Permission | None = None
    is_dialog: bool = False
    href: str = ""


@dataclass(frozen=True)
class HomePart:
    """What one app adds to the page."""

    figures: Sequence[Figure] = ()
    steps: Sequence[Step] = ()
    panels: Sequence[Panel] = ()


workspace_home: Slot[[Workspace], HomePart] = Slot("workspace_home")
"""Called for every home page that is opened."""


class HomeView(WorkspaceView):
    """`/o/{organization}/w/{workspace}/`."""

    permission = Permission.WORKSPACE_SEE
    section = "home"

    def get(self, request: HttpRequest, organization: str, workspace: str) -> HttpResponse:
        """The parts of all apps, this one's first."""
        parts = [self._own_part(), *workspace_home(self.workspace)]
        steps = self._answered([step for part in parts for step in part.steps])
        is_set_up = all(step.is_done for step in steps)
        return self.page(
            "workspaces/home.html",
            figures=[figure for part in parts for figure in part.figures],
            steps=steps,
            done_count=sum(bool(step.is_done) for step in steps),
            is_set_up=is_set_up,
            shows_steps=not is_set_up and HIDDEN not in request.COOKIES,
            bars=budget_bars(self.workspace),
            may_manage=self.may(Permission.WORKSPACE_MANAGE),
            panels=[panel for part in parts for panel in part.panels],
            snippets=snippets(self.workspace, api_address(request)),
        )

    def _own_part(self) -> HomePart:
        figures, steps = [], [self._key_step(), self._budget_step()]
        if may(standing_of(self.membership), Permission.ACCOUNT_MANAGE):
            balance = balance_nano(self.organization)
            figures.append(self._credits(balance))
            steps.insert(0, _credits_step(balance))
        if self.organization.kind != Organization.PERSONAL:
            steps.append(self._member_step())
        return HomePart(figures=figures, steps=steps)

    def _answered(self, steps: list[Step]) -> list[Step]:
        """The steps that are this person's business, with their addresses and with answers for conditions."""
        mine = [step for step in steps if step.permission is None or self.may(step.permission)]
        asked = {f"step_{n}": step.is_done for n, step in enumerate(mine) if isinstance(step.is_done, Exists)}
        rows = Workspace.objects.for_organization(self.organization).filter(pk=self.workspace.pk)
        answers: Mapping[str, Any] = rows.values(**asked).get() if asked else {}
        return [
            replace(
                step,
                is_done=bool(answers.get(f"step_{n}", step.is_done)),
                href=self.reader.address(step.page) if step.page else "",
            )
            for n, step in enumerate(mine)
        ]

    def _key_step(self) -> Step:
        return Step(
            title="Create an API key",
            text="It belongs to this workspace and can have a spending limit of its own.",
            is_done=Exists(keys_visible_to(self.membership, self.standing, self.workspace)),
            page="key_new",
            action="Create a key",
            permission=Permission.OWN_KEYS,
            is_dialog=True,
        )

    def _budget_step(self) -> Step:
        return Step(
            title="Set a budget",
            text="The most that all keys may spend a day, a week or a month; above it requests are refused.",
            is_done=Exists(WorkspaceBudget.objects.for_workspace(self.workspace)),
            page="workspace_settings",
            action="Set one",
            permission=Permission.WORKSPACE_MANAGE,
        )

    def _member_step(self) -> Step:
        if self.workspace.is_default:
            live = Membership.objects.for_organization(self.organization).live()
            others = Exists(live.exclude(pk=self.membership.pk))
            return Step(
                title="Invite somebody",
                text="Everybody in the organization is in its Default workspace.",
                is_done=others,
                page="member_invite",
                action="Invite",
                permission=Permission.WORKSPACE_MANAGE,
                is_dialog=True,
            )
        return Step(
            title="Add a member",
            text="Members create keys of their own here, and see no others.",
            is_done=Exists(WorkspaceMember.objects.for_workspace(self.workspace)),
            page="workspace_members_add",
            action="Add members",
            permission=Permission.WORKSPACE_MANAGE,
            is_dialog=True,
        )

    def _credits(self, balance: int) -> Figure:
        return Figure(
            label="Credits left",
            value=money_text(balance),
            title=exact_money_text(balance),
            note="shared by all workspaces",
            href=reverse("dashboard:credits", kwargs={"organization": self.organization.slug}),
        )


class HideStepsView(WorkspaceView):
    """`…/set-up/hide`: keeps the list of steps away from this browser."""

    permission = Permission.WORKSPACE_SEE
    section = "home"

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Remember it, and go on."""
        answer = self.go_to("home")
        answer.set_cookie(
            HIDDEN,
            "hidden",
            max_age=YEAR_SECONDS,
            path=self.address("home"),
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
        return answer


def _credits_step(balance: int) -> Step:
    return Step(
        title="Have credits",
        text="Requests are paid from the organization's credits.",
        is_done=balance > 0,
        page="credits",
        action="See credits",
    )
