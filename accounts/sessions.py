"""Sessions: a new key at every change of privilege, and their end when somebody is removed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from allauth.account.signals import email_changed, password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed
from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import User
from accounts.revisions import Scope, move_versions


def renew(*, request: HttpRequest, **signal: Any) -> None:
    """Give the session another key and keep what is in it; hears allauth's signals, which pass more than that."""
    before = request.session.session_key
    if before is not None:
        request.session.cycle_key()
        UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def forget_chats(*, user: Any = None, **signal: Any) -> None:
    """Let gateways look again at who chats from which session; hears that sessions of a person have ended."""
    if isinstance(user, User):
        move_versions([Scope("user", user.pk)])


def connect() -> None:
    """Listen to allauth and Django, which speak by signals, once per process."""
    for privilege_changed in (email_changed, authenticator_added, authenticator_removed):
        privilege_changed.connect(renew, dispatch_uid="accounts.sessions.renew")
    for ended in (user_logged_out, password_set, password_changed, password_reset):
        ended.connect(forget_chats, dispatch_uid="accounts.sessions.forget_chats")


def number_of(request: HttpRequest) -> int:
    """The number of the request's session; its key is as good as the person himself and goes nowhere."""
    known = UserSession.objects.filter(user=cast(User, request.user))
    number = known.filter(session_key=request.session.session_key).values_list("pk", flat=True).first()
    if number is None:
        UserSession.objects.create_from_request(request)
        number = known.filter(session_key=request.session.session_key).values_list("pk", flat=True).get()
    return int(number)


def works_until(*, session_id: int, user: User, using: str) -> datetime | None:
    """When a person's session ends by itself; None if it has ended, or its password is not his any more."""
    known = UserSession.objects.using(using).filter(pk=session_id, user=user).first()
    if known is None:
        return None
    session = Session.objects.using(using).filter(session_key=known.session_key).first()
    if session is None or session.expire_date <= timezone.now():
        return None
    said = str(session.get_decoded().get(HASH_SESSION_KEY, ""))
    is_his = constant_time_compare(said, user.get_session_auth_hash())
    return session.expire_date if is_his else None


def end_one(*, user: User, session_id: int) -> bool:
    """End one of a person's sessions; whether it was there."""
    found = UserSession.objects.filter(user=user, pk=session_id).first()
    if found is None:
        return False
    found.end()
    forget_chats(user=user)
    return True


def end_all(user: User) -> None:
    """Sign a person out everywhere."""
    known = UserSession.objects.filter(user=user)
    Session.objects.filter(session_key__in=known.values("session_key")).delete()
    known.delete()
