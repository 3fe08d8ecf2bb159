"""Creating, changing and deleting workspaces."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organization
from accounts.object_permissions import derive
from accounts.privacy import require_io_logging
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.rated import RATES
from config.lib.registry import Slot
from workspaces.models import ApiKey, Workspace, WorkspaceMember
from workspaces.purse_limits import follow_limits, subjects_in
from workspaces.spending import open_credit_purse

workspace_created: Slot[[Workspace, Actor], None] = Slot("workspace_created")
workspace_deleting: Slot[[Workspace, Actor], None] = Slot("workspace_deleting")

CHANGEABLE = frozenset(
    {
        "name",
        "slug",
        "description",
        "default_text_model",
        "default_image_model",
        "default_provider_sort",
        "disabled_server_tools",
        "is_strict",
        "is_broadcast_enabled",
        "is_io_logging_enabled",
        "is_data_discount_logging_enabled",
        "io_logging_sampling_rate",
        "io_logging_api_key_ids",
        *RATES,
    }
)


class SlugTaken(Exception):
    """Another live workspace of the organization has this slug."""


class WorkspaceHasActiveKeys(Exception):
    """A workspace with active keys cannot be deleted."""

    def __init__(self, keys: list[ApiKey]) -> None:
        self.keys = keys
        super().__init__("The workspace has active API keys: " + ", ".join(key.name for key in keys) + ".")


class ConfirmationNeeded(Exception):
    """The Default workspace is deleted only with an explicit confirmation."""


def create(*, organization: Organization, name: str, slug: str, by: Actor, **settings: Any) -> Workspace:
    """Create a workspace. Raises SlugTaken, IoLoggingForbidden."""
    return _create(organization=organization, name=name, slug=slug, by=by, is_default=False, **settings)


def create_default(organization: Organization, by: Actor) -> None:
    """Give a new organization its Default workspace and its purse; fills `organization_created`."""
    _create(organization=organization, name="Default", slug="default", by=by, is_default=True)
    open_credit_purse(organization.pk)


def _create(*, organization: Organization, by: Actor, **columns: Any) -> Workspace:
    if columns.get("is_io_logging_enabled"):
        require_io_logging(organization.pk)
    try:
        with transaction.atomic():
            workspace = Workspace.objects.create(organization=organization, created_by=by.user, **columns)
            _record("create", workspace, None, by)
            workspace_created(workspace, by)
    except IntegrityError as error:
        raise _slug_taken(error) from error
    return workspace


def change(*, workspace: Workspace, by: Actor, **changes: Any) -> Workspace:
    """Change a workspace's columns, all or none. Raises SlugTaken, IoLoggingForbidden."""
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a workspace has no changeable {', '.join(sorted(unknown))}")
    try:
        with transaction.atomic():
            locked = _lock(workspace)
            before = snapshot(locked)
            for name, value in changes.items():
                setattr(locked, name, value)
            if locked.is_io_logging_enabled and not before["is_io_logging_enabled"]:
                require_io_logging(locked.organization_id)
            locked.updated_at = timezone.now()
            locked.save()
            if before["is_strict"] != locked.is_strict:
                follow_limits(locked.organization_id, subjects_in(locked))
            _record("update", locked, before, by)
    except IntegrityError as error:
        raise _slug_taken(error) from error
    return locked


def delete(*, workspace: Workspace, by: Actor, is_default_confirmed: bool = False) -> None:
    """Delete a workspace; its generations stay. Raises WorkspaceHasActiveKeys, ConfirmationNeeded."""
    with transaction.atomic():
        locked = _lock(workspace)
        keys = list(ApiKey.objects.for_workspace(locked).active().order_by("pk"))
        if keys:
            raise WorkspaceHasActiveKeys(keys)
        if locked.is_default and not is_default_confirmed:
            raise ConfirmationNeeded(
                "Deleting the Default workspace needs confirm_default_workspace_deletion=true."
            )
        workspace_deleting(locked, by)
        seats = WorkspaceMember.objects.for_workspace(locked)
        before = snapshot(locked)
        locked.deleted_at = locked.updated_at = timezone.now()
        locked.save(update_fields=["deleted_at", "updated_at"])
        _record("delete", locked, before, by)
        derive(seats.values_list("membership__user_id", flat=True))


def _lock(workspace: Workspace) -> Workspace:
    rows = Workspace.objects.for_organization(workspace.organization_id).select_for_update(of=("self",))
    found: Workspace = rows.get(pk=workspace.pk)
    return found


def _slug_taken(error: IntegrityError) -> Exception:
    if "one_workspace_per_slug" in str(error):
        return SlugTaken("Another workspace of this organization has this slug.")
    return error


def _record(action: Action, workspace: Workspace, before: dict[str, Any] | None, by: Actor) -> None:
    record(
        Change(
            action=action,
            row=workspace,
            before=before,
            after=None if action == "delete" else snapshot(workspace),
            touches=(Scope("workspace", workspace.pk),),
            organization_id=workspace.organization_id,
            workspace_id=workspace.pk,
        ),
        by=by,
    )
