"""How django-allauth behaves here."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.http import HttpRequest
from django.urls import reverse

from accounts.arrivals import remembered
from accounts.models import User
from accounts.people import move_version, record_new_address
from accounts.personal import found_personal
from accounts.revisions import Actor
from config.lib.api import client_address
from config.lib.environment import environment

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Sign-up is closed unless the operator, or an invitation, opens it; it founds an organization of one's own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return environment().is_sign_up_open or remembered(request) is not None

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whose attempts are counted: behind proxies not theirs, or one stranger would lock everybody out."""
        address = client_address(request)
        return super().get_client_ip(request) if address is None else address

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Back to the invitation, if it was one that led to the sign-in."""
        url: str = super().get_login_redirect_url(request)
        return url if remembered(request) is None else reverse("dashboard:invitation")

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.name = form.cleaned_data.get("name", "")
        saved: User = super().save_user(request, user, form, commit=commit)
        if commit:
            by = Actor(door="dashboard", user=saved, address=client_address(request))
            found_personal(user=saved, by=by)
        return saved

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Tell a person what happened to his account; it has happened, even if the mail server is away."""
        try:
            super().send_notification_mail(*args, **kwargs)
        except OSError:  # of which SMTP's errors are some
            logger.exception("A notification about an account could not be sent")

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Record the change, if the address replaces another one."""
        old_email = email_address.user.email
        move_version(email_address.user)
        is_confirmed: bool = super().confirm_email(request, email_address)
        user = email_address.user
        if is_confirmed and user.email != old_email:
            by = Actor(door="dashboard", user=user, address=client_address(request))
            record_new_address(user=user, old_email=old_email, by=by)
        return is_confirmed
