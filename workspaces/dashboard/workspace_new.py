"""The page that makes a workspace."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from workspaces import workspaces
from workspaces.dashboard.workspace_forms import WorkspaceForm


class NewWorkspaceView(OrganizationView):
    """`/o/{organization}/workspaces/new`."""

    permission = Permission.WORKSPACE_CREATE
    section = "workspaces"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The empty form."""
        return self._page(WorkspaceForm())

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Make it, and go there."""
        form = WorkspaceForm(request.POST)
        if form.is_valid():
            try:
                made = workspaces.create(organization=self.organization, by=self.actor, **form.cleaned_data)
            except workspaces.SlugTaken:
                form.refuse_address()
            else:
                messages.success(request, f"“{made.name}” is ready. Create a key for it.")
                return redirect("dashboard:home", organization=self.organization.slug, workspace=made.slug)
        return self._page(form, status=INVALID_FORM)

    def _page(self, form: WorkspaceForm, status: int = 200) -> HttpResponse:
        return self.page("workspaces/workspace_new.html", form=form, status=status)
