"""The page that makes a workspace."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from workspaces import workspaces
from workspaces.models import Workspace

SLUG_LENGTH = 50


class WorkspaceForm(forms.Form):
    """What a workspace is called; its address follows from its name unless it is given."""

    name = forms.CharField(
        max_length=Workspace._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    slug = forms.CharField(
        label="Address",
        required=False,
        max_length=SLUG_LENGTH,
        validators=Workspace._meta.get_field("slug").validators,
        widget=forms.TextInput(
            attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    description = forms.CharField(
        required=False,
        max_length=Workspace._meta.get_field("description").max_length,
        empty_value=None,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """Fill in the address."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("name") and not values.get("slug") and "slug" not in self.errors:
            values["slug"] = slugify(values["name"]).replace("_", "-")[:SLUG_LENGTH].strip("-")
            if not values["slug"]:
                self.add_error("slug", "Give it an address of letters and digits.")
        return values


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
                taken = form.cleaned_data["slug"]
                form.add_error("slug", f"Another workspace has the address “{taken}”.")
            else:
                messages.success(request, f"“{made.name}” is ready. Create a key for it.")
                return redirect("dashboard:home", organization=self.organization.slug, workspace=made.slug)
        return self._page(form, status=INVALID_FORM)

    def _page(self, form: WorkspaceForm, status: int = 200) -> HttpResponse:
        return self.page("workspaces/workspace_new.html", form=form, status=status)
