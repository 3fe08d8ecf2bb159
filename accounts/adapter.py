"""How django-allauth behaves here."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from config.lib.environment import environment


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    """Sign-up is closed unless the operator opens it."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return environment().is_sign_up_open
