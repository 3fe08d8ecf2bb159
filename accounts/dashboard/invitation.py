"""Where an invitation's link leads; whoever follows it may be signed in, have an account, or have none."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views import View

from accounts.arrivals import forget, remember, remembered
from accounts.invitations import AnotherPerson, InvitationGone, accept
from accounts.people import owns_address
from accounts.revisions import Actor
from accounts.sessions import renew
from config.lib.api import client_address

GONE = 404


class InvitationLinkView(View):
    """`/invitations/{token}`: remember the link and go on without it, so that no address bar keeps the secret."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The same for every token, whatever is behind it."""
        remember(request, token)
        response = redirect("dashboard:invitation")
        add_never_cache_headers(response)
        return response


class InvitationView(View):
    """`/invitation`: what the browser was invited to."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        self.invitation = remembered(request)
        response = super().dispatch(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    def get(self, request: HttpRequest) -> HttpResponse:
        """Say who invites to what, and what to do now: join, sign in, or make an account."""
        if self.invitation is None:
            return self._gone()
        is_his = request.user.is_authenticated and owns_address(request.user, self.invitation.email)
        context = {"invitation": self.invitation, "organization": self.invitation.organization}
        return render(request, "accounts/invitation.html", {**context, "is_his": is_his})

    def post(self, request: HttpRequest) -> HttpResponse:
        """Join."""
        if self.invitation is None:
            return self._gone()
        if not request.user.is_authenticated:
            return redirect("dashboard:invitation")
        user = request.user
        by = Actor(door="dashboard", user=user, address=client_address(request))
        try:
            accept(invitation=self.invitation, user=user, by=by)
        except AnotherPerson:
            return redirect("dashboard:invitation")
        except InvitationGone:
            return self._gone()
        forget(request)
        renew(request=request)
        messages.success(request, f"You are in {self.invitation.organization.name} now.")
        return redirect("dashboard:organization", organization=self.invitation.organization.slug)

    def _gone(self) -> HttpResponse:
        """The same for links that are unknown, too old, revoked or used."""
        forget(self.request)
        return render(self.request, "accounts/invitation_gone.html", status=GONE)
