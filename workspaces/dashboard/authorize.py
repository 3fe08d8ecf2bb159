"""`/auth`: an application asks for a key of its own, and the person who is signed in allows it or does not."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.models import Membership, User
from accounts.revisions import Actor
from accounts.standing import memberships_of
from config.lib.api import client_address
from config.lib.dashboard import INVALID_FORM, DashboardView
from config.lib.scoping import enter_tenant
from workspaces import auth_codes
from workspaces.callbacks import host_of, with_code
from workspaces.dashboard.consent_forms import AskForm, ConsentForm
from workspaces.dashboard.pages import remembered_membership, remembered_workspace
from workspaces.members import workspaces_of
from workspaces.models import Workspace


class AuthorizeView(DashboardView):
    """Who asks is told by the callback's host alone: nothing else in the address is proved."""

    user: User
    memberships: list[Membership]

    def enter(self) -> None:
        """See all organizations of this person, as he chooses among them."""
        self.user = cast(User, self.request.user)
        self.memberships = memberships_of(self.user)
        enter_tenant(*(membership.organization_id for membership in self.memberships))

    def get(self, request: HttpRequest) -> HttpResponse:
        """Say who asks for what, or what is wrong with the address."""
        ask = AskForm(request.GET)
        if not ask.is_valid():
            return self.page("workspaces/authorize_refused.html", status=400, faults=_faults(ask))
        places = self.places()
        if not places:
            return self.page("workspaces/nowhere.html")
        form = ConsentForm.filled(
            ask.asked(), places, self.likely_place(ask.cleaned_data["workspace_id"], places)
        )
        return self.consent(ask.asked(), form)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make the code, and send it to the application or show it."""
        ask = AskForm(request.GET)
        if not ask.is_valid():
            return self.page("workspaces/authorize_refused.html", status=400, faults=_faults(ask))
        form = ConsentForm(request.POST, asked=ask.asked(), places=self.places())
        if not form.is_valid():
            return self.consent(ask.asked(), form, status=INVALID_FORM)
        made = auth_codes.allow(
            workspace=form.chosen,
            owner=self.membership_in(form.chosen),
            request=form.allowed(),
            by=Actor(door="dashboard", user=self.user, address=client_address(request)),
        )
        if not made.row.callback_url:
            return self.page("workspaces/authorize_code.html", code=made.code, place=form.chosen)
        return HttpResponseRedirect(with_code(made.row.callback_url, made.code))

    def places(self) -> list[Workspace]:
        """The workspaces in which this person may have keys."""
        return [
            place
            for membership in self.memberships
            for place in workspaces_of(membership)
            .select_related("organization")
            .order_by("-is_default", "name", "pk")
        ]

    def likely_place(self, reference: str, places: list[Workspace]) -> Workspace | None:
        """The workspace that the address names, else the one where this person was last."""
        for place in places:
            if reference in (str(place.public_id), place.slug):
                return place
        membership = remembered_membership(self.request, self.memberships)
        return remembered_workspace(self.request, membership) if membership else None

    def membership_in(self, place: Workspace) -> Membership:
        """As whom this person will own the key."""
        return next(row for row in self.memberships if row.organization_id == place.organization_id)

    def consent(self, asked: auth_codes.Request, form: ConsentForm, *, status: int = 200) -> HttpResponse:
        """The page that asks."""
        response = self.page(
            "workspaces/authorize.html",
            status=status,
            form=form,
            asked=asked,
            host=host_of(asked.callback_url),
            address=self.request.get_full_path(),
        )
        if asked.callback_url:
            # Browsers hold every redirect that follows on a form against the page's form-action: the one to the
            # callback, and those that the application answers there, which lead wherever it wants.
            cast(Any, response)._csp_replace = {"form-action": None}  # read by csp's middleware
        return response


def _faults(ask: AskForm) -> list[str]:
    return [
        message if field == "__all__" else f"{field}: {message}"
        for field, messages in ask.errors.items()
        for message in cast("list[str]", messages)
    ]
