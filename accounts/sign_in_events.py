"""What django-allauth and Django say about people's accounts, written down as events.

Other people's signals are connected here, from AppConfig.ready(); between our own apps there are none.
"""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from django.apps import apps
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.dispatch import Signal
from django.http import HttpRequest

from accounts import audit_events
from accounts.audit_events import note_person
from accounts.models import User

OF_ACCOUNTS: tuple[tuple[Signal, str], ...] = (
    (account.user_logged_in, audit_events.SIGNED_IN),
    (user_logged_out, audit_events.SIGNED_OUT),
    (account.password_set, audit_events.PASSWORD_CHANGED),
    (account.password_changed, audit_events.PASSWORD_CHANGED),
    (account.password_reset, audit_events.PASSWORD_RESET),
    (account.email_changed, audit_events.EMAIL_CHANGED),
)


def connect() -> None:
    """Listen, once per process."""
    for signal, kind in OF_ACCOUNTS:
        _listen(signal, kind)
    user_login_failed.connect(on_failure, dispatch_uid="audit of failed sign-ins")
    if apps.is_installed("allauth.mfa"):
        _listen_to_second_factors()


def on_failure(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **rest: Any
) -> None:  # Django's own types
    """Write that somebody failed to sign in; what was typed is kept only if it is somebody's address.

    An unknown address may be a password in the wrong field.
    """
    typed = str(credentials.get("email") or credentials.get("username") or "").replace("\x00", "")
    user = User.objects.filter(email__iexact=typed).first()
    note_person(audit_events.SIGN_IN_FAILED, user=user, request=request)


def _listen(signal: Signal, kind: str) -> None:
    def receive(sender: Any, user: Any = None, request: Any = None, **rest: Any) -> None:
        if isinstance(user, User):
            note_person(kind, user=user, request=request, detail=_detail(rest))

    signal.connect(receive, weak=False, dispatch_uid=f"audit of {kind} {id(signal)}")


def _listen_to_second_factors() -> None:
    from allauth.mfa import signals as mfa  # needs its app

    _listen(mfa.authenticator_added, audit_events.MFA_ADDED)
    _listen(mfa.authenticator_removed, audit_events.MFA_REMOVED)
    _listen(mfa.authenticator_reset, audit_events.MFA_RESET)
    _listen(mfa.authentication_failed, audit_events.SIGN_IN_FAILED)


def _detail(rest: dict[str, Any]) -> dict[str, str]:
    """Which factor, where it is about one; nothing of what it holds."""
    authenticator = rest.get("authenticator")
    return {} if authenticator is None else {"factor": str(authenticator.type)}
