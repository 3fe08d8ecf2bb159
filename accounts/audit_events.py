"""The only writer of events: what happened to people and data without any setting being changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from django.http import HttpRequest

from accounts.models import AuditEvent, Membership, User
from accounts.revisions import Actor
from config.lib.api import client_address
from config.lib.scoping import unscoped

SIGNED_IN, SIGN_IN_FAILED, SIGNED_OUT = "signed_in", "sign_in_failed", "signed_out"
PASSWORD_CHANGED, PASSWORD_RESET, EMAIL_CHANGED = "password_changed", "password_reset", "email_changed"
MFA_ADDED, MFA_REMOVED, MFA_RESET = "mfa_added", "mfa_removed", "mfa_reset"
EXPORTED, CONTENT_DELETED = "exported", "content_deleted"

KINDS: Final[dict[str, str]] = {
    SIGNED_IN: "signed in",
    SIGN_IN_FAILED: "failed to sign in",
    SIGNED_OUT: "signed out",
    PASSWORD_CHANGED: "changed the password",
    PASSWORD_RESET: "reset the password by mail",
    EMAIL_CHANGED: "changed the e-mail address",
    MFA_ADDED: "turned on a second factor",
    MFA_REMOVED: "turned off a second factor",
    MFA_RESET: "made new recovery codes",
    EXPORTED: "exported",
    CONTENT_DELETED: "deleted prompts and completions",
}
"""What happened, as a sentence goes on after the name of whoever did it."""


NOBODY = 0


class UnknownKind(ValueError):
    """No such event is in KINDS, so no page could say what happened."""


def note(
    kind: str, *, by: Actor, organization_ids: Collection[int], detail: Mapping[str, Any] | None = None
) -> None:
    """Write an event for each organization, or for platform staff alone where there is none. Raises UnknownKind."""
    if kind not in KINDS:
        raise UnknownKind(kind)
    with unscoped(reason="what a person does concerns all of his organizations"):
        AuditEvent.objects.bulk_create(
            AuditEvent(
                organization_id=organization_id,
                kind=kind,
                user=by.user,
                management_key=by.management_key,
                door=by.door,
                address=by.address,
                detail=dict(detail or {}),
            )
            for organization_id in (organization_ids or (None,))
        )


def note_person(
    kind: str, *, user: User | None, request: HttpRequest | None, detail: Mapping[str, Any] | None = None
) -> None:
    """Write an event of a person's account for every organization that he belongs to.

    Nobody known costs the same statements as somebody known, so that failing to sign in tells nothing by its time.
    """
    by = Actor(door="dashboard", user=user, address=None if request is None else client_address(request))
    everywhere = Membership.objects.unscoped(reason="a person's own memberships say who may read of him")
    mine = everywhere.live().filter(user_id=user.pk if user else NOBODY)
    note(kind, by=by, organization_ids=_ids(mine), detail=detail)


def _ids(memberships: Any) -> list[int]:  # a queryset of a manager that is narrower than its base
    return sorted(memberships.values_list("organization_id", flat=True))
