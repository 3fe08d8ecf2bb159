"""A person's own settings."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import people
from accounts.dashboard.forms import ProfileForm
from accounts.models import User
from accounts.revisions import Actor
from accounts.sessions import end_one
from accounts.standing import memberships_of
from config.lib.api import client_address
from config.lib.dashboard import INVALID_FORM, DashboardView


class ProfileView(DashboardView):
    """`/settings`: the name, and where signing in leads; passwords, codes and sessions are allauth's pages."""

    user: User

    def enter(self) -> None:
        self.user = cast(User, self.request.user)
        self.organizations = [row.organization for row in memberships_of(self.user)]

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form as the person is."""
        chosen = (row.slug for row in self.organizations if row.pk == self.user.default_organization_id)
        values = {"name": self.user.name, "default_organization": next(chosen, "")}
        return self._page(ProfileForm(initial=values, organizations=self.organizations))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Save it."""
        form = ProfileForm(request.POST, organizations=self.organizations)
        if not form.is_valid():
            return self._page(form, status=INVALID_FORM)
        by = Actor(door="dashboard", user=self.user, address=client_address(request))
        people.change_profile(user=self.user, by=by, **form.changes())
        messages.success(request, "Saved.")
        return redirect("dashboard:profile")

    def _page(self, form: ProfileForm, status: int = 200) -> HttpResponse:
        return self.page("accounts/profile.html", form=form, status=status)


class EndSessionView(DashboardView):
    """`/settings/sessions/{number}/end`; somebody else's session and an unknown one are both not found."""

    def post(self, request: HttpRequest, session: int) -> HttpResponse:
        """Sign the person out there."""
        if not end_one(user=cast(User, request.user), session_id=session):
            raise Http404
        messages.success(request, "The session has ended.")
        return redirect("usersessions_list")
