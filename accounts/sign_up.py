"""The form for signing up; whoever follows an invitation signs up with the address that it was sent to."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import SignupForm
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import redirect

from accounts.arrivals import forget, remembered
from accounts.invitations import InvitationGone, accept
from accounts.models import Invitation, User
from accounts.people import change_profile
from accounts.revisions import Actor
from config.lib.api import client_address


class SignUpForm(SignupForm):  # type: ignore[misc]  # allauth is untyped
    """Address, name, password twice."""

    name = forms.CharField(
        max_length=User._meta.get_field("name").max_length,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["email", "name", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation: Invitation | None = remembered(context.request)
        if self.invitation is not None:
            # Disabled: whatever is posted instead is not looked at.
            self.fields["email"].initial = self.invitation.email
            self.fields["email"].disabled = True

    def save(self, request: HttpRequest) -> User:
        """Make the account, and take up the invitation with it."""
        if self.invitation is None:
            return self._made(request)
        # The link came by mail, and so the address is proved.
        get_adapter().stash_verified_email(request, self.invitation.email)
        user = self._made(request)
        by = Actor(door="dashboard", user=user, address=client_address(request))
        try:
            accept(invitation=self.invitation, user=user, by=by)
        except InvitationGone as error:
            # It was revoked this very moment, and with it the leave to sign up.
            transaction.set_rollback(True)
            raise ImmediateHttpResponse(redirect("dashboard:invitation")) from error
        forget(request)
        organization = self.invitation.organization
        return change_profile(user=user, name=user.name, default_organization=organization, by=by)

    def _made(self, request: HttpRequest) -> User:
        user: User = super().save(request)
        return user
