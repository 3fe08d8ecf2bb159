"""The invitation whose link a browser followed, remembered in its session until the person has signed in or up."""

from __future__ import annotations

from django.http import HttpRequest

from accounts import invitations
from accounts.models import Invitation
from config.lib.keys import hash_of

SESSION_KEY = "invitation"
"""Only the SHA-256 of the link's secret: neither the address bar nor a stored session can be used by others."""


def remember(request: HttpRequest, token: str) -> None:
    """Keep the link's hash."""
    request.session[SESSION_KEY] = hash_of(token)


def forget(request: HttpRequest) -> None:
    """Drop it: it was used, or it is of no use."""
    request.session.pop(SESSION_KEY, None)


def remembered(request: HttpRequest) -> Invitation | None:
    """The invitation, while it can be accepted."""
    token_hash = request.session.get(SESSION_KEY)
    return None if token_hash is None else invitations.find(token_hash)
