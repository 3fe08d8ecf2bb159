"""Sessions: a new key at every change of privilege, and their end when somebody is removed."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import email_changed
from allauth.mfa.signals import authenticator_added, authenticator_removed
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.http import HttpRequest

from accounts.models import User


def renew(*, request: HttpRequest, **signal: Any) -> None:
    """Give the session another key and keep what is in it; hears allauth's signals, which pass more than that."""
    before = request.session.session_key
    if before is not None:
        request.session.cycle_key()
        UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def connect() -> None:
    """Listen to allauth, which speaks by signals, once per process."""
    for privilege_changed in (email_changed, authenticator_added, authenticator_removed):
        privilege_changed.connect(renew, dispatch_uid="accounts.sessions.renew")


def end_one(*, user: User, session_id: int) -> bool:
    """End one of a person's sessions; whether it was there."""
    found = UserSession.objects.filter(user=user, pk=session_id).first()
    if found is None:
        return False
    found.end()
    return True


def end_all(user: User) -> None:
    """Sign a person out everywhere."""
    known = UserSession.objects.filter(user=user)
    Session.objects.filter(session_key__in=known.values("session_key")).delete()
    known.delete()
