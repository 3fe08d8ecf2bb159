"""Destinations of traces: creating, changing and deleting them, and those of other workspaces that follow one.

A destination that is everywhere has a copy in each other workspace of its organization. A copy is changed with its
source, in the same transaction, and never by itself, unless it is detached.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import PrivacySettings
from accounts.privacy import IoLoggingForbidden, require_io_logging
from accounts.revisions import Actor, snapshot
from config.lib.declared import NotValid
from observability.destination_config import known_config, merged_config, put_config
from observability.destination_rows import (
    copies_of,
    live_of,
    lock_destinations,
    lock_one_workspace,
    lock_workspaces,
    require_room,
    write,
)
from observability.destinations import DESTINATIONS
from observability.filter_rules import read_rules
from observability.models import Destination
from workspaces.models import ApiKey, Workspace

METADATA_GROUPS = ("cost", "identity", "request_context", "cost_allocation")
REGIONS = ("global", "europe", "us")
PLAIN = ("name", "is_enabled", "sampling_rate", "is_private", "regions")
CHANGEABLE = frozenset(
    {*PLAIN, "config", "api_key_hashes", "filter_rules", "metadata_groups", "is_everywhere"}
)
FOLLOWED = (*PLAIN, "type", "config", "api_key_ids", "filter_rules", "metadata_groups")
"""The columns of a copy that are its source's; the secrets are, too."""


class UnknownType(Exception):
    """There is no destination of this type."""


class UnknownKeys(Exception):
    """A filter names a key that is not the organization's; the message does not tell foreign from unknown."""


class PrivacyLocked(Exception):
    """The account's privacy settings keep prompts and completions in the house."""


class IsCopy(Exception):
    """A destination that follows another one cannot be changed by itself."""


class NoCopy(Exception):
    """A destination that follows nobody cannot be detached."""


def create(
    *, workspace: Workspace, kind: str, name: str, config: Any, by: Actor, **settings: Any
) -> Destination:
    """Add a destination of a kind (observability.destinations). `config` is what that declares, with
    secrets; keys are named by their hashes.

    Raises UnknownType, NotValid, UnknownKeys, PrivacyLocked, TooManyDestinations, WorkspaceGone.
    """
    if kind not in DESTINATIONS:
        raise UnknownType(f"type: must be one of {', '.join(sorted(DESTINATIONS))}.")
    everywhere = settings.get("is_everywhere", False)
    with transaction.atomic():
        others = _lock_places(workspace, everywhere)
        require_room([workspace, *others], kind)
        new = Destination(
            organization_id=workspace.organization_id,
            workspace=workspace,
            type=kind,
            regions=[REGIONS[0]],
            created_by=by.user,
        )
        _assign(new, {**settings, "name": name, "config": config})
        if not new.is_private:
            _require_open(new.organization_id)
        write("create", [new], [None], by, secret="set")  # noqa: S106  # no secret
        _add_copies(new, others, by)
    return new


def change(*, destination: Destination, by: Actor, **changes: Any) -> Destination:
    """Change a destination and all that follow it, all or none; one that would not change stays as it is.

    Raises DestinationGone, IsCopy, NotValid, UnknownKeys, PrivacyLocked, TooManyDestinations.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a destination has no changeable {', '.join(sorted(unknown))}")
    with transaction.atomic():
        workspaces = _lock_all(destination, changes)
        row = live_of(destination)
        _require_own(row)
        before, sealed = snapshot(row), row.sealed_secrets
        _assign(row, changes)
        if before["is_private"] and not row.is_private:
            _require_open(row.organization_id)
        is_rotated = row.sealed_secrets != sealed
        if snapshot(row) == before and not is_rotated:
            return row
        rows, olds = _followed_by_copies(row, before, by)
        write("update", rows, olds, by, **({"secret": "changed"} if is_rotated else {}))
        if row.is_everywhere and not before["is_everywhere"]:
            others = _without_copy(row, workspaces)
            require_room(others, row.type)
            _add_copies(row, others, by)
    return row


def delete(*, destination: Destination, by: Actor) -> None:
    """Delete a destination and all that follow it, and wipe their secrets. Raises DestinationGone, IsCopy."""
    with transaction.atomic():
        lock_destinations(destination.organization_id)
        row = live_of(destination)
        _require_own(row)
        _delete([row, *copies_of(row)], by)


def detach(*, destination: Destination, by: Actor) -> Destination:
    """Let a copy follow its source no longer; it keeps what it has. Raises DestinationGone, NoCopy."""
    with transaction.atomic():
        lock_destinations(destination.organization_id)
        row = live_of(destination)
        if row.source_id is None:
            raise NoCopy("The destination follows no other one.")
        before = snapshot(row)
        row.source = None
        write("update", [row], [before], by)
    return row


def delete_with_workspace(workspace: Workspace, by: Actor) -> None:
    """Delete what a workspace that is being deleted has, and what follows it; fills `workspace_deleting`."""
    lock_destinations(workspace.organization_id)
    for row in Destination.objects.for_workspace(workspace).live().select_for_update().order_by("pk"):
        _delete([row, *copies_of(row)], by)


def copy_into(workspace: Workspace, by: Actor) -> None:
    """Give a new workspace its copies of the destinations that are everywhere; fills `workspace_created`."""
    lock_destinations(workspace.organization_id)
    rows = Destination.objects.for_organization(workspace.organization_id).live().filter(is_everywhere=True)
    for source in rows.order_by("pk"):
        _add_copies(source, [workspace], by)


def forget_key(key: ApiKey, by: Actor) -> None:
    """Take a key that is being deleted out of all filters, which never widens them; fills `key_deleting`."""
    lock_destinations(key.organization_id)
    live = Destination.objects.for_organization(key.organization_id).live()
    named = live.filter(api_key_ids__contains=[key.pk]).select_for_update(of=("self",)).order_by("pk")
    rows: list[Destination] = list(named)
    before = [snapshot(row) for row in rows]
    for row in rows:
        row.api_key_ids = [other for other in row.api_key_ids or () if other != key.pk]
    write("update", rows, before, by)


def follow_privacy(settings: PrivacySettings, by: Actor) -> None:
    """Turn privacy mode on everywhere once the account keeps content in the house; fills `privacy_changed`."""
    if settings.is_io_logging_allowed:
        return
    lock_destinations(settings.organization_id)
    live = Destination.objects.for_organization(settings.organization_id).live()
    rows = list(live.filter(is_private=False).select_for_update(of=("self",)).order_by("pk"))
    before = [snapshot(row) for row in rows]
    for row in rows:
        row.is_private = True
    write("update", rows, before, by.because("the account's privacy settings"))


def identity_of(destination: Destination) -> str:
    """What a destination's sealed secrets belong to."""
    return destination.secret_identity


def record_resealed(destination: Destination, reason: str) -> None:
    """Record that secrets were sealed anew or wiped by the command that does so."""
    write("update", [destination], [snapshot(destination)], Actor(door="shell", reason=reason))


def key_ids_of(organization_id: int, hashes: Iterable[str]) -> list[int]:
    """The ids of the organization's active keys with these hashes, in that order. Raises UnknownKeys."""
    wanted = list(dict.fromkeys(hashes))
    active = ApiKey.objects.for_organization(organization_id).active()
    found = dict(active.filter(hash__in=wanted).values_list("hash", "pk"))
    if found.keys() != set(wanted):
        raise UnknownKeys("api_key_hashes: one of them is no API key of the organization.")
    return [found[digest] for digest in wanted]


def _lock_places(workspace: Workspace, everywhere: bool) -> list[Workspace]:
    """The other workspaces that a destination will be in. Raises WorkspaceGone."""
    if not everywhere:
        lock_one_workspace(workspace)
        return []
    places = lock_workspaces(workspace.organization_id)
    lock_one_workspace(workspace)
    return [place for place in places if place.pk != workspace.pk]


def _lock_all(destination: Destination, changes: Mapping[str, Any]) -> list[Workspace]:
    if changes.get("is_everywhere"):
        return lock_workspaces(destination.organization_id)
    lock_destinations(destination.organization_id)
    return []


def _without_copy(source: Destination, workspaces: Iterable[Workspace]) -> list[Workspace]:
    return [workspace for workspace in workspaces if workspace.pk != source.workspace_id]


def _require_own(row: Destination) -> None:
    if row.source_id is not None:
        source = Destination.objects.for_organization(row.organization_id).get(pk=row.source_id)
        raise IsCopy(
            f"The destination follows {source.public_id}; change that one, or detach this one first."
        )


def _require_open(organization_id: int) -> None:
    try:
        require_io_logging(organization_id)
    except IoLoggingForbidden:
        raise PrivacyLocked("Privacy settings are locked") from None


def _assign(row: Destination, changes: Mapping[str, Any]) -> None:
    """Set columns. Raises NotValid, UnknownKeys."""
    for name in {*PLAIN, "is_everywhere"} & changes.keys():
        setattr(row, name, changes[name])
    if "config" in changes:
        kept = None if row._state.adding else known_config(row)
        put_config(row, merged_config(DESTINATIONS[row.type], kept, changes["config"]))
    if "api_key_hashes" in changes:
        hashes = changes["api_key_hashes"]
        row.api_key_ids = None if hashes is None else key_ids_of(row.organization_id, hashes)
    if "filter_rules" in changes:
        row.filter_rules = _rules(changes["filter_rules"])
    told: Mapping[str, bool] = changes.get("metadata_groups", {})
    row.metadata_groups = [name for name in METADATA_GROUPS if told.get(name, name in row.metadata_groups)]


def _rules(given: Any) -> dict[str, Any] | None:
    try:
        return read_rules(given)
    except NotValid as error:
        path = f"filter_rules.{error.path}" if error.path else "filter_rules"
        raise NotValid(path, error.fault) from None


def _followed_by_copies(
    row: Destination, before: dict[str, Any], by: Actor
) -> tuple[list[Destination], list[dict[str, Any] | None]]:
    """The row and the copies that change with it, and what all of them were. Copies that are to go are deleted."""
    copies = copies_of(row)
    if not row.is_everywhere:
        _delete(copies, by)
        return [row], [before]
    olds: list[dict[str, Any] | None] = [before, *map(snapshot, copies)]
    for copy in copies:
        _follow(copy, row)
    return [row, *copies], olds


def _follow(copy: Destination, source: Destination) -> None:
    for name in FOLLOWED:
        setattr(copy, name, getattr(source, name))
    put_config(copy, known_config(source))


def _add_copies(source: Destination, workspaces: Iterable[Workspace], by: Actor) -> None:
    copies = [
        Destination(
            organization_id=source.organization_id, workspace=workspace, source=source, created_by=by.user
        )
        for workspace in workspaces
    ]
    for copy in copies:
        _follow(copy, source)
    write("create", copies, [None] * len(copies), by, secret="set")  # noqa: S106  # no secret


def _delete(rows: list[Destination], by: Actor) -> None:
    before = [snapshot(row) for row in rows]
    for row in rows:
        row.sealed_secrets, row.deleted_at = "", timezone.now()
    write("delete", rows, before, by)
