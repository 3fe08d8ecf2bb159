"""The settings of a workspace: its name, budgets and rates; who may not change them sees its budgets."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.dashboard.forms import ConfirmForm
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from workspaces import budgets, workspaces
from workspaces.dashboard.budget_bars import budget_bars
from workspaces.dashboard.pages import WorkspaceView
from workspaces.dashboard.workspace_forms import BudgetsForm, EnforcementForm, GeneralForm
from workspaces.models import ApiKey

KEYS_NAMED = 10


class WorkspaceSettingsPage(WorkspaceView):
    """What the pages of a workspace's settings share."""

    permission = Permission.WORKSPACE_MANAGE
    section = "workspace_settings"

    def drawn(self, *, status: int = 200, **forms: Any) -> HttpResponse:
        """The page, with a form that was refused in the place of the one as the workspace is."""
        shown: dict[str, Any] = {"bars": budget_bars(self.workspace)}
        if self.may(Permission.WORKSPACE_MANAGE):
            shown |= {
                "general": GeneralForm.of(self.workspace),
                "budgets": BudgetsForm.of(self.workspace, shown["bars"]),
                "enforcement": EnforcementForm.of(self.workspace),
            }
        return self.page("workspaces/workspace_settings.html", status=status, **shown | forms)


class WorkspaceSettingsView(WorkspaceSettingsPage):
    """`/o/{organization}/w/{workspace}/settings`."""

    permission = Permission.WORKSPACE_SEE

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The forms as the workspace is."""
        return self.drawn()

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Rename it; from then on it is found at its new address only."""
        self.require(Permission.WORKSPACE_MANAGE)
        form = GeneralForm(request.POST)
        if form.is_valid():
            try:
                self.workspace = workspaces.change(
                    workspace=self.workspace, by=self.actor, **form.cleaned_data
                )
            except workspaces.SlugTaken:
                form.refuse_address()
            else:
                messages.success(request, f"Saved “{self.workspace.name}”.")
                return self.go_to("workspace_settings")
        return self.drawn(general=form, status=INVALID_FORM)


class WorkspaceBudgetsView(WorkspaceSettingsPage):
    """`…/settings/budgets`."""

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Set all budgets, or none."""
        form = BudgetsForm(request.POST)
        if form.is_valid():
            try:
                budgets.set_budgets(
                    workspace=self.workspace,
                    limits=form.limits(),
                    is_byok_included=form.cleaned_data["is_byok_included"],
                    by=self.actor,
                )
            except budgets.NotDecreasing as refusal:
                form.add_error(refusal.interval, refusal.rule[:1].upper() + refusal.rule[1:])
            else:
                messages.success(request, "Saved the budgets. They count within a second.")
                return self.go_to("workspace_settings")
        return self.drawn(budgets=form, status=INVALID_FORM)


class WorkspaceEnforcementView(WorkspaceSettingsPage):
    """`…/settings/enforcement`."""

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Set how strictly, and how fast."""
        form = EnforcementForm(request.POST)
        if not form.is_valid():
            return self.drawn(enforcement=form, status=INVALID_FORM)
        workspaces.change(workspace=self.workspace, by=self.actor, **form.changes())
        messages.success(request, "Saved. It counts within a second.")
        return self.go_to("workspace_settings")


class DeleteWorkspaceView(WorkspaceSettingsPage):
    """`…/settings/delete`."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Say what ends with it, and ask for the name; or what has to go before."""
        return self._page(self._form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Delete it if the name is right, which is all the confirmation that the Default one needs."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                workspaces.delete(workspace=self.workspace, by=self.actor, is_default_confirmed=True)
            except workspaces.WorkspaceHasActiveKeys:
                form.add_error(None, "It has active keys.")
            else:
                messages.success(
                    request, f"“{self.workspace.name}” is deleted. Its requests stay in the log."
                )
                return redirect("dashboard:workspaces", organization=self.organization.slug)
        return self._page(form, status=INVALID_FORM)

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.workspace.name, what="the workspace's name")

    def _page(self, form: ConfirmForm, status: int = 200) -> HttpResponse:
        keys = ApiKey.objects.for_workspace(self.workspace).active()
        return self.page(
            "workspaces/workspace_delete.html",
            form=form,
            keys=list(keys.order_by("name", "pk")[:KEYS_NAMED]),
            key_count=keys.count(),
            status=status,
        )
