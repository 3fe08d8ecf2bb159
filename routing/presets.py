"""Saving, changing and deleting presets. A version is never changed: another one is saved and designated."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from accounts.revisions import Action, Actor, Change, Scope, diff, record, snapshot
from routing.models import Preset, PresetVersion
from routing.models.preset import PresetQuerySet, PresetVersionQuerySet
from routing.preset_config import Content, checked
from workspaces.locking import WorkspaceGone, lock_workspace
from workspaces.models import Workspace

MOST_PRESETS = 1_000
"""In a workspace; gateways hold all of them."""
CHANGEABLE = frozenset({"name", "description", "status", "designated_version"})


class PresetGone(Exception):
    """The preset was deleted meanwhile."""


class PresetArchived(Exception):
    """An archived preset takes no new versions."""


class SlugTaken(Exception):
    """The workspace has a preset with this slug."""


class TooManyPresets(Exception):
    """The workspace has as many presets as it may have."""


class VersionOfAnother(Exception):
    """A preset's designated version is one of its own."""


def save_version(
    *,
    workspace: Workspace,
    slug: str,
    content: Content,
    by: Actor,
    creator: User | None = None,
    is_new: bool = False,
) -> Preset:
    """Save the content as a new version of the preset, which it creates if there is none, and designate it.

    `is_new`: only if there is none. Raises RefusedError (what a preset cannot say), PresetArchived, SlugTaken,
    TooManyPresets, WorkspaceGone.
    """
    kept, author = checked(content), creator or by.user
    with transaction.atomic():
        locked = lock_workspace(workspace)
        preset = presets_of(locked).select_related("designated_version").filter(slug=slug).first()
        before = _state(preset) if preset else None
        if preset is None:
            preset = _create(locked, slug, author)
        elif is_new:
            raise SlugTaken(f"This workspace has a preset “{slug}” already.")
        elif preset.status == Preset.ARCHIVED:
            raise PresetArchived("The preset is archived; make it active before you change it.")
        preset.designated_version = _add_version(preset, kept, author)
        preset.updated_at = timezone.now()
        preset.save(update_fields=["designated_version", "updated_at"])
        _record("update" if before else "create", preset, before, by)
    return preset


def change(*, preset: Preset, by: Actor, **changes: Any) -> Preset:
    """Change a preset's name, description, status or designated version. Raises PresetGone, VersionOfAnother."""
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a preset has no changeable {', '.join(sorted(unknown))}")
    with transaction.atomic():
        locked = _lock_preset(preset)
        before = _state(locked)
        for name, value in changes.items():
            setattr(locked, name, value)
        version = locked.designated_version
        if version is not None and version.preset_id != locked.pk:
            raise VersionOfAnother("The version belongs to another preset.")
        locked.updated_at = timezone.now()
        if locked.status != before["status"]:
            locked.status_updated_at = locked.updated_at
        locked.save()
        _record("update", locked, before, by)
    return locked


def delete(*, preset: Preset, by: Actor) -> None:
    """Delete a preset; its slug is free, its versions are kept. Raises PresetGone."""
    with transaction.atomic():
        _end(_lock_preset(preset), by)


def delete_with_workspace(workspace: Workspace, by: Actor) -> None:
    """Delete all presets of a workspace that is being deleted; fills `workspace_deleting`."""
    for preset in presets_of(workspace).order_by("pk"):
        _end(preset, by)


def revive(*, preset: Preset, by: Actor, **changes: Any) -> Preset:
    """Bring a deleted preset back, changed. Raises WorkspaceGone, PresetGone when its slug is another's by now."""
    with transaction.atomic():
        workspace = lock_workspace(preset.workspace)
        if presets_of(workspace).filter(slug=preset.slug).exists():
            raise PresetGone("Another preset has this slug by now.")
        before = _state(preset)
        preset.deleted_at, preset.updated_at = None, timezone.now()
        preset.save(update_fields=["deleted_at", "updated_at"])
        _record("create", preset, before, by)
        return change(preset=preset, by=by, **changes)


def presets_of(workspace: Workspace) -> PresetQuerySet:
    """The workspace's presets."""
    presets: PresetQuerySet = Preset.objects.for_workspace(workspace).live()
    return presets


def versions_of(preset: Preset) -> PresetVersionQuerySet:
    """All versions of a preset."""
    versions: PresetVersionQuerySet = PresetVersion.objects.for_workspace(preset.workspace_id)
    return versions.filter(preset=preset)


def difference(older: PresetVersion, newer: PresetVersion) -> dict[str, tuple[Any, Any]]:
    """What differs, by parameter (and `system_prompt`): (before, after), None where there is none."""
    return diff(_said(older), _said(newer))


def _said(version: PresetVersion) -> dict[str, Any]:
    return {**version.config, "system_prompt": version.system_prompt}


def _lock_preset(preset: Preset) -> Preset:
    try:
        workspace = lock_workspace(preset.workspace)
    except WorkspaceGone:
        raise PresetGone("The preset was deleted.") from None
    found = presets_of(workspace).select_related("designated_version").filter(pk=preset.pk).first()
    if found is None:
        raise PresetGone("The preset was deleted.")
    return found


def _create(workspace: Workspace, slug: str, author: User | None) -> Preset:
    if presets_of(workspace).count() >= MOST_PRESETS:
        raise TooManyPresets(f"A workspace may have at most {MOST_PRESETS} presets.")
    return Preset.objects.create(
        organization_id=workspace.organization_id,
        workspace=workspace,
        slug=slug,
        name=slug,
        created_by=author,
    )


def _add_version(preset: Preset, content: Content, author: User | None) -> PresetVersion:
    newest = versions_of(preset).aggregate(number=Max("number"))["number"] or 0
    return PresetVersion.objects.create(
        organization_id=preset.organization_id,
        preset=preset,
        number=newest + 1,
        system_prompt=content.system_prompt,
        config_text=json.dumps(content.config, ensure_ascii=False, allow_nan=False),
        created_by=author,
    )


def _end(preset: Preset, by: Actor) -> None:
    before = _state(preset)
    preset.deleted_at = preset.updated_at = timezone.now()
    preset.save(update_fields=["deleted_at", "updated_at"])
    _record("delete", preset, before, by)


def _state(preset: Preset) -> dict[str, Any]:
    """The columns, and for people the number of the designated version."""
    version = preset.designated_version
    return {**snapshot(preset), "version": version.number if version else None}


def _record(action: Action, preset: Preset, before: dict[str, Any] | None, by: Actor) -> None:
    record(
        Change(
            action=action,
            row=preset,
            before=before,
            after=None if action == "delete" else _state(preset),
            touches=(Scope("workspace", preset.workspace_id),),
            organization_id=preset.organization_id,
            workspace_id=preset.workspace_id,
        ),
        by=by,
    )
