"""An organization's own pages: its name and address, leaving it, and founding another one."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import organizations
from accounts.dashboard.forms import ConfirmForm, NewOrganizationForm, OrganizationForm
from accounts.dashboard.pages import OrganizationView
from accounts.models import Organization, User
from accounts.permissions import Permission
from accounts.revisions import Actor
from config.lib.api import client_address
from config.lib.dashboard import INVALID_FORM, DashboardView


class OrganizationSettingsView(OrganizationView):
    """`/o/{organization}/settings`; whoever may not change them can leave from here."""

    section = "settings"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The form as the organization is."""
        values = {"name": self.organization.name, "slug": self.organization.slug}
        return self._page(OrganizationForm(initial=values))

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Rename it."""
        self.require(Permission.ACCOUNT_MANAGE)
        form = OrganizationForm(request.POST)
        if form.is_valid():
            try:
                renamed = organizations.rename(
                    organization=self.organization, by=self.actor, **form.cleaned_data
                )
            except organizations.OrganizationSlugTaken:
                form.refuse_address()
            else:
                messages.success(request, f"Saved “{renamed.name}”.")
                return redirect("dashboard:organization_settings", organization=renamed.slug)
        return self._page(form, status=INVALID_FORM)

    def _page(self, form: OrganizationForm, status: int = 200) -> HttpResponse:
        return self.page("accounts/organization.html", form=form, status=status)


class LeaveView(OrganizationView):
    """`/o/{organization}/leave`."""

    section = "settings"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Say what ends with it, and ask for the name."""
        return self._page(self._form())

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Leave, if the name is right and somebody else is there to administer it."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                organizations.remove_member(membership=self.membership, by=self.actor)
            except (organizations.LastAdministrator, organizations.NotAMember) as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"You have left {self.organization.name}.")
                return redirect("dashboard:root")
        return self._page(form, status=INVALID_FORM)

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.organization.name, what="the organization's name")

    def _page(self, form: ConfirmForm, status: int = 200) -> HttpResponse:
        return self.page("accounts/organization_leave.html", form=form, status=status)


class NewOrganizationView(DashboardView):
    """`/organizations/new`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The empty form."""
        return self.page("accounts/organization_new.html", form=NewOrganizationForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Found it, with whoever asks as its administrator."""
        form = NewOrganizationForm(request.POST)
        if form.is_valid():
            user = cast(User, request.user)
            by = Actor(door="dashboard", user=user, address=client_address(request))
            try:
                founded = organizations.found(
                    kind=Organization.TEAM, administrator=user, by=by, **form.cleaned_data
                )
            except organizations.OrganizationSlugTaken:
                form.refuse_address()
            else:
                messages.success(request, f"“{founded.name}” is ready. Invite your team.")
                return redirect("dashboard:members", organization=founded.slug)
        return self.page("accounts/organization_new.html", form=form, status=INVALID_FORM)
