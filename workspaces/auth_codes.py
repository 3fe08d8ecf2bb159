"""Letting an application have a key: somebody allows it a code, which it exchanges once for the key (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import Membership, User
from accounts.revisions import Actor
from config.lib.keys import hash_of
from config.lib.scoping import tenant, unscoped
from workspaces import api_keys
from workspaces.callbacks import host_of
from workspaces.members import is_member
from workspaces.models import AuthCode, Workspace

PREFIX = "auth_code_"
KEPT = timedelta(days=1)
"""How long a code's row stays, to be looked at."""
SHOWN_ON_SCREEN = "Application without a callback"
S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
PLAIN_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class UnusableChallenge(Exception):
    """The challenge is not what its method makes of a verifier."""


class WrongMethod(Exception):
    """The exchange names another challenge method than the request for the code did."""


class InvalidCode(Exception):
    """There is no such code, it was used, or the verifier is not the one whose challenge it was made for."""


class CodeExpired(Exception):
    """The code was not exchanged in time."""


@dataclass(frozen=True)
class Challenge:
    """What the verifier is held against, and how."""

    text: str
    method: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """What an application asks for; without a callback the code is shown on the screen."""

    callback_url: str = ""
    challenge: Challenge | None = None
    key_label: str = ""
    limit_nano: int | None = None
    limit_interval: str = "t"
    expires_at: datetime | None = None

    @property
    def key_name(self) -> str:
        """What the key is called: as the application says, else after its host."""
        return self.key_label or (host_of(self.callback_url)[:255] if self.callback_url else SHOWN_ON_SCREEN)


@dataclass(frozen=True)
class NewCode:
    """A code that is shown once."""

    row: AuthCode
    code: str


def read_challenge(text: str | None, method: str | None) -> Challenge | None:
    """The challenge of a request; without a method it is plain (RFC 7636 §4.3). Raises UnusableChallenge."""
    if text is None:
        if method is not None:
            raise UnusableChallenge("code_challenge: must be given with a code_challenge_method.")
        return None
    if method == AuthCode.S256:
        # Some encode with the other alphabet or with padding; it is the same digest.
        text = text.rstrip("=").translate(str.maketrans("+/", "-_"))
    pattern = S256_CHALLENGE if method == AuthCode.S256 else PLAIN_CHALLENGE
    if method not in (None, AuthCode.S256, AuthCode.PLAIN):
        raise UnusableChallenge("code_challenge_method: must be S256 or plain.")
    if not pattern.fullmatch(text):
        raise UnusableChallenge("code_challenge: is not one of this code_challenge_method.")
    return Challenge(text, method or AuthCode.PLAIN)


def allow(*, workspace: Workspace, owner: Membership | None, request: Request, by: Actor) -> NewCode:
    """Make a code for what an application asks for; the key will be the owner's, or the workspace's own.

    Raises OwnerNotInWorkspace.
    """
    if owner is not None and not is_member(owner, workspace):
        raise api_keys.OwnerNotInWorkspace("The key's owner is not a member of this workspace.")
    code = PREFIX + secrets.token_urlsafe(32)
    codes = AuthCode.objects.for_organization(workspace.organization_id)
    codes.filter(created_at__lt=timezone.now() - KEPT).delete()
    row = AuthCode.objects.create(
        organization_id=workspace.organization_id,
        workspace=workspace,
        owner=owner,
        hash=hash_of(code),
        callback_url=request.callback_url,
        challenge=request.challenge.text if request.challenge else None,
        method=request.challenge.method if request.challenge else None,
        key_name=request.key_name,
        limit_nano=request.limit_nano,
        limit_interval=request.limit_interval,
        expires_at=request.expires_at,
        created_by=by.user,
    )
    row.refresh_from_db()
    return NewCode(row, code)


def find(code: str) -> AuthCode:
    """The code, used or not, for who repeats an exchange. Raises InvalidCode."""
    everybodys = AuthCode.objects.unscoped(reason="a code says which organization it is about")
    row = everybodys.filter(hash=hash_of(code)).first()
    if row is None:
        raise InvalidCode("Invalid code or code_verifier")
    return row


def exchange(
    *, code: str, verifier: str | None, method: str | None, address: str | None
) -> tuple[api_keys.IssuedKey, User | None]:
    """The key that a code stands for, and whose it is. A code is good for one; what is refused does not use it up.

    Raises InvalidCode, CodeExpired, WrongMethod.
    """
    with transaction.atomic():
        row = _locked(code)
        _check(row, verifier, method)
        with tenant(row.organization_id):
            row.used_at = timezone.now()
            row.save(update_fields=["used_at"])
            return _issue(row, address), row.owner.user if row.owner else None


def _locked(code: str) -> AuthCode:
    """The unused code, which nobody else can use until the transaction ends; who waited finds it used."""
    with unscoped(reason="a code says which organization it is about"):
        unused = AuthCode.objects.filter(hash=hash_of(code), used_at=None)
        related = unused.select_related("workspace__organization", "owner__user", "created_by")
        row = related.select_for_update(of=("self",)).first()
    if row is None:
        raise InvalidCode("Invalid code or code_verifier")
    return row


def _check(row: AuthCode, verifier: str | None, method: str | None) -> None:
    if row.is_expired:
        raise CodeExpired("Authorization code expired")
    if method is not None and method != row.method:
        raise WrongMethod("Invalid code_challenge_method")
    if row.challenge is None:
        is_right = verifier is None  # else somebody removed the challenge on the way (RFC 9700 §4.8)
    else:
        is_right = verifier is not None and _matches(row.challenge, row.method, verifier)
    if not is_right:
        raise InvalidCode("Invalid code or code_verifier")


def _matches(challenge: str, method: str | None, verifier: str) -> bool:
    given = verifier.encode("utf-8", "surrogatepass")
    if method == AuthCode.S256:
        given = base64.urlsafe_b64encode(hashlib.sha256(given).digest()).rstrip(b"=")
    return hmac.compare_digest(given, challenge.encode())


def _issue(row: AuthCode, address: str | None) -> api_keys.IssuedKey:
    """The key, if everything that was true when it was allowed still is."""
    workspace, owner = row.workspace, row.owner
    is_gone = workspace.deleted_at is not None or workspace.organization.deleted_at is not None
    if is_gone or (owner is not None and not owner.user.is_active):
        raise InvalidCode("Invalid code or code_verifier")
    reason = f"allowed {host_of(row.callback_url) or 'an application'}"[:500]
    try:
        return api_keys.issue(
            workspace=workspace,
            owner=owner,
            name=row.key_name,
            limit_nano=row.limit_nano,
            limit_interval=row.limit_interval,
            expires_at=row.expires_at,
            by=Actor(door="api", user=row.created_by, address=address, reason=reason),
        )
    except api_keys.OwnerNotInWorkspace:
        raise InvalidCode("Invalid code or code_verifier") from None
