"""How django-allauth behaves here."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from accounts.models import User
from accounts.personal import found_personal
from accounts.revisions import Actor
from config.lib.api import client_address
from config.lib.environment import environment


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Sign-up is closed unless the operator opens it; who signs up gets an organization of his own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return environment().is_sign_up_open

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whose attempts are counted: behind proxies not theirs, or one stranger would lock everybody out."""
        address = client_address(request)
        return super().get_client_ip(request) if address is None else address

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        saved: User = super().save_user(request, user, form, commit=commit)
        if commit:
            by = Actor(door="dashboard", user=saved, address=client_address(request))
            found_personal(user=saved, by=by)
        return saved
