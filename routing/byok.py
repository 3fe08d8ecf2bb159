"""Credentials that organizations bring: creating, changing, rotating and deleting them; their secrets are sealed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import Membership, Organization
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.crypto import sealing_ring
from routing.byok_filters import key_ids_of, member_ids_of
from routing.byok_providers import is_provider
from routing.credential_formats import UndeclarableRegion, UnusableCredential, check_region, read_credential
from routing.models import ByokCredential
from workspaces.byok_allowance import open_allowance
from workspaces.models import ApiKey, Workspace

CHANGEABLE = frozenset(
    {
        "name",
        "sort_order",
        "is_disabled",
        "is_fallback",
        "is_required",
        "is_byok_only",
        "declared_zdr",
        "declared_region",
        "allowed_models",
        "allowed_api_key_hashes",
        "allowed_user_ids",
    }
)


class UnknownProvider(Exception):
    """There is no provider of this name."""


class WorkspaceGone(Exception):
    """The workspace was deleted, or is another organization's."""


class FallbackOnly(Exception):
    """A fallback credential cannot keep its provider from shared capacity."""


class CredentialGone(Exception):
    """The credential was deleted meanwhile."""


def create(
    *,
    organization: Organization,
    workspace: Workspace | None,
    provider: str,
    secret: str,
    by: Actor,
    **settings: Any,
) -> ByokCredential:
    """Add a credential at the end of its provider's; without a workspace it is global.

    Filters are hashes of keys and public ids of users. Raises UnknownProvider, WorkspaceGone, UnusableCredential,
    FallbackOnly, UndeclarableRegion, UnknownReference.
    """
    if not is_provider(provider):
        raise UnknownProvider("provider: there is no such provider.")
    columns = _columns(organization.pk, settings)
    with transaction.atomic():
        open_allowance(organization.pk)
        lock_place(organization, workspace)
        credential = ByokCredential(
            organization=organization, workspace=workspace, provider=provider, created_by=by.user
        )
        credential.sort_order = _next_place(credential)
        _assign(credential, columns, secret)
        credential.save(force_insert=True)
        _record("create", credential, None, by, secret="set")  # noqa: S106  # no secret
    credential.refresh_from_db()
    return credential


def change(
    *, credential: ByokCredential, by: Actor, secret: str | None = None, **changes: Any
) -> ByokCredential:
    """Change a credential, all or none; a `secret` takes the place of the old one, which is gone then.

    Raises CredentialGone, UnusableCredential, FallbackOnly, UndeclarableRegion, UnknownReference.
    """
    columns = _columns(credential.organization_id, changes)
    with transaction.atomic():
        locked = _lock(credential)
        before = snapshot(locked)
        _assign(locked, columns, secret)
        locked.updated_at = timezone.now()
        locked.save()
        _record("update", locked, before, by, **({} if secret is None else {"secret": "rotated"}))
    return locked


def delete(*, credential: ByokCredential, by: Actor) -> None:
    """Delete a credential and wipe its secret. Raises CredentialGone."""
    with transaction.atomic():
        locked = _lock(credential)
        before = snapshot(locked)
        locked.sealed_secret = ""
        locked.deleted_at = locked.updated_at = timezone.now()
        locked.save(update_fields=["sealed_secret", "deleted_at", "updated_at"])
        _record("delete", locked, before, by)


def delete_with_workspace(workspace: Workspace, by: Actor) -> None:
    """Wipe the secrets of a workspace that is being deleted; fills `workspace_deleting`."""
    for credential in ByokCredential.objects.for_workspace(workspace).live().order_by("pk"):
        delete(credential=credential, by=by)


def forget_key(key: ApiKey, by: Actor) -> None:
    """Take a key that is being deleted out of all filters; fills `key_deleting`."""
    _forget(key.organization_id, "allowed_api_key_ids", key.pk, by)


def forget_member(membership: Membership, by: Actor) -> None:
    """Take a member who leaves out of all filters; fills `member_leaving`."""
    _forget(membership.organization_id, "allowed_member_ids", membership.pk, by)


def lock_place(organization: Organization, workspace: Workspace | None) -> None:
    """Let one credential at a time be added to a place, or moved in it. Raises WorkspaceGone."""
    places = (
        Organization.objects.for_organization(organization)
        if workspace is None
        else Workspace.objects.for_organization(organization).live().filter(pk=workspace.pk)
    )
    if places.select_for_update(of=("self",), no_key=True).order_by("pk").first() is None:
        raise WorkspaceGone("workspace_id: there is no such workspace.")


def identity_of(credential: ByokCredential) -> str:
    """What a credential's sealed secret belongs to."""
    return credential.secret_identity


def record_resealed(credential: ByokCredential, reason: str) -> None:
    """Record that a secret was sealed anew or wiped by the command that does so."""
    _record("update", credential, snapshot(credential), Actor(door="shell", reason=reason))


def _forget(organization_id: int, column: str, pk: int, by: Actor) -> None:
    """Remove an id from filters. A filter that was there stays one: empty it admits nobody, and nothing widens."""
    live = ByokCredential.objects.for_organization(organization_id).live()
    named = live.filter(**{f"{column}__contains": [pk]}).select_for_update(of=("self",)).order_by("pk")
    for credential in named:
        before = snapshot(credential)
        setattr(credential, column, [other for other in getattr(credential, column) if other != pk])
        credential.updated_at = timezone.now()
        credential.save(update_fields=[column, "updated_at"])
        _record("update", credential, before, by)


def _columns(organization_id: int, settings: dict[str, Any]) -> dict[str, Any]:
    """The columns that settings are kept in; filters by row ids. Raises UnknownReference."""
    unknown = settings.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a credential has no changeable {', '.join(sorted(unknown))}")
    columns = dict(settings)
    for name, column, ids_of in (
        ("allowed_api_key_hashes", "allowed_api_key_ids", key_ids_of),
        ("allowed_user_ids", "allowed_member_ids", member_ids_of),
    ):
        if name in columns:
            named = columns.pop(name)
            columns[column] = None if named is None else ids_of(organization_id, named)
    return columns


def _assign(credential: ByokCredential, columns: dict[str, Any], secret: str | None) -> None:
    """Set columns, seal the secret, and see that all of it goes together."""
    if secret is not None:
        _seal(credential, secret)
    for name, value in columns.items():
        setattr(credential, name, value)
    if credential.is_fallback and credential.is_byok_only:
        raise FallbackOnly("is_byok_only: a fallback credential cannot have it.")
    if secret is not None or "declared_region" in columns:
        try:
            check_region(credential.provider, credential.declared_region, credential.key_region)
        except UndeclarableRegion as error:
            raise UndeclarableRegion(f"declared_region: {error}") from None


def _seal(credential: ByokCredential, secret: str) -> None:
    try:
        read = read_credential(credential.provider, secret)
    except UnusableCredential as error:
        raise UnusableCredential(f"key: {error}") from None
    if read.region is not None or credential.key_region is not None:
        credential.declared_region = read.region
    credential.label, credential.key_region = read.label, read.region
    credential.sealed_secret = sealing_ring().seal(read.text.encode(), identity=credential.secret_identity)


def _next_place(credential: ByokCredential) -> int:
    others = ByokCredential.objects.for_organization(credential.organization_id).live()
    beside = others.filter(workspace=credential.workspace, provider=credential.provider)
    last = beside.aggregate(last=Max("sort_order"))["last"]
    return 0 if last is None else int(last) + 1


def _lock(credential: ByokCredential) -> ByokCredential:
    live = ByokCredential.objects.for_organization(credential.organization_id).live()
    locked: ByokCredential | None = live.select_for_update(of=("self",)).filter(pk=credential.pk).first()
    if locked is None:
        raise CredentialGone("The credential was deleted.")
    return locked


def _record(
    action: Action, credential: ByokCredential, before: dict[str, Any] | None, by: Actor, **extra: str
) -> None:
    place = Scope("organization", credential.organization_id)
    if credential.workspace_id is not None:
        place = Scope("workspace", credential.workspace_id)
    record(
        Change(
            action=action,
            row=credential,
            before=before,
            after=None if action == "delete" else snapshot(credential),
            touches=(place,),
            organization_id=credential.organization_id,
            workspace_id=credential.workspace_id,
            extra=extra,
        ),
        by=by,
    )
