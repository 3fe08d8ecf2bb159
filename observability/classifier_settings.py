"""Classifiers of requests: creating, changing and deleting them, and the keys that their questions are asked with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import Action, Actor, Change, Scope, record, snapshot
from config.lib.crypto import sealing_ring
from config.lib.declared import NotValid
from observability.destination_settings import UnknownKeys, key_ids_of
from observability.models import Classifier
from observability.taxonomy import read_taxonomy
from workspaces import api_keys
from workspaces.locking import WorkspaceGone, lock_workspace
from workspaces.models import ApiKey, Workspace

MOST_OF_A_WORKSPACE = 10
LONGEST_INSTRUCTIONS = 10_000
PLAIN = ("name", "model", "instructions", "sampling_rate", "is_enabled")
CHANGEABLE = frozenset({*PLAIN, "taxonomy", "api_key_hashes"})


class ClassifierGone(Exception):
    """The classifier was deleted meanwhile."""


class TooManyClassifiers(Exception):
    """A workspace has as many classifiers as it may."""


def create(
    *, workspace: Workspace, name: str, model: str, taxonomy: Any, by: Actor, **settings: Any
) -> Classifier:
    """Add a classifier with a key of its own; keys whose requests it sorts are named by their hashes.

    Raises NotValid, UnknownKeys, TooManyClassifiers, WorkspaceGone.
    """
    with transaction.atomic():
        locked = lock_workspace(workspace)
        if Classifier.objects.for_workspace(locked).live().count() >= MOST_OF_A_WORKSPACE:
            raise TooManyClassifiers(f"The workspace has {MOST_OF_A_WORKSPACE} classifiers already.")
        row = Classifier(organization_id=locked.organization_id, workspace=locked, created_by=by.user)
        _assign(row, {**settings, "name": name, "model": model, "taxonomy": taxonomy})
        _give_key(row, by)
        _write("create", row, None, by)
    return row


def change(*, classifier: Classifier, by: Actor, **changes: Any) -> Classifier:
    """Change what is named, all or none; enabling one whose key is gone gives it another.

    Raises NotValid, UnknownKeys, ClassifierGone.
    """
    if unknown := changes.keys() - CHANGEABLE:
        raise TypeError(f"a classifier has no changeable {', '.join(sorted(unknown))}")
    with transaction.atomic():
        row = _locked(classifier)
        before = snapshot(row)
        _assign(row, changes)
        _give_key(row, by)
        _write("update", row, before, by)
    return row


def delete(*, classifier: Classifier, by: Actor) -> None:
    """Delete a classifier and its key; what it has sorted stays. Raises ClassifierGone."""
    with transaction.atomic():
        if classifier.key is not None:
            api_keys.locked_key(classifier.key)  # before the classifier, as whoever deletes the key does
        row = _locked(classifier)
        _end(row, by)
        if row.key is not None and row.key.deleted_at is None:
            api_keys.delete(key=row.key, by=by)


def delete_with_workspace(workspace: Workspace, by: Actor) -> None:
    """Delete the classifiers of a workspace that is being deleted; fills `workspace_deleting`."""
    live = Classifier.objects.for_workspace(workspace).live()
    for row in live.select_for_update(of=("self",)).order_by("pk"):
        _end(row, by)


def forget_key(key: ApiKey, by: Actor) -> None:
    """Disable the classifier whose key is being deleted, and take the key out of all filters, which never widens
    them; fills `key_deleting`."""
    live = Classifier.objects.for_organization(key.organization_id).live()
    own, named = live.filter(key=key), live.filter(api_key_ids__contains=[key.pk])
    for row in (own | named).select_for_update(of=("self",)).order_by("pk"):
        before = snapshot(row)
        if row.key_id == key.pk:
            row.key, row.sealed_secret, row.is_enabled = None, "", False
        if row.api_key_ids is not None:
            row.api_key_ids = [other for other in row.api_key_ids if other != key.pk]
        _write("update", row, before, by)


def identity_of(classifier: Classifier) -> str:
    """What a classifier's sealed secret belongs to."""
    return classifier.secret_identity


def record_resealed(classifier: Classifier, reason: str) -> None:
    """Record that a secret was sealed anew or wiped by the command that does so."""
    before = snapshot(classifier)
    _record("update", classifier, before, Actor(door="shell", reason=reason))


def restore(recorded: Recorded, by: Actor) -> None:
    """Bring a classifier back to what it was; fills `restorers`. Raises CannotRestore."""
    live = Classifier.objects.for_organization(recorded.organization_id).live()
    row = live.filter(pk=recorded.pk).first()
    if recorded.state is None:
        if row is not None:
            delete(classifier=row, by=by)
        return
    if row is None:
        raise CannotRestore("The classifier was deleted, and its key with it.")
    state = recorded.state
    former = {name: state[name] for name in (*PLAIN, "taxonomy") if name in state}
    try:
        change(classifier=row, by=by, **former, api_key_hashes=_hashes(row, state["api_key_ids"]))
    except (NotValid, UnknownKeys, ClassifierGone, WorkspaceGone) as error:
        raise CannotRestore(f"The classifier cannot be as it was: {error}") from error


def _hashes(row: Classifier, ids: Sequence[int] | None) -> list[str] | None:
    """Keys that are gone stay out of the filter, which never widens it."""
    if ids is None:
        return None
    active = ApiKey.objects.for_organization(row.organization_id).active().filter(pk__in=ids)
    return list(active.order_by("pk").values_list("hash", flat=True))


def _assign(row: Classifier, changes: dict[str, Any]) -> None:
    for name in set(PLAIN) & changes.keys():
        setattr(row, name, changes[name])
    if "taxonomy" in changes:
        row.taxonomy = read_taxonomy(changes["taxonomy"])
    if "api_key_hashes" in changes:
        hashes = changes["api_key_hashes"]
        row.api_key_ids = None if hashes is None else key_ids_of(row.organization_id, hashes)


def _give_key(row: Classifier, by: Actor) -> None:
    """See to it that an enabled classifier has a key: a system key of its workspace, which anybody may limit."""
    if not row.is_enabled or row.key_id is not None:
        return
    issued = api_keys.issue(workspace=row.workspace, name=f"Classifier: {row.name}"[:255], by=by)
    row.key = issued.key
    row.sealed_secret = sealing_ring().seal(issued.secret.encode(), identity=row.secret_identity)


def _locked(classifier: Classifier) -> Classifier:
    live = Classifier.objects.for_organization(classifier.organization_id).live()
    rows = live.filter(workspace__deleted_at=None).select_for_update(of=("self",))
    found: Classifier | None = rows.select_related("workspace", "key").filter(pk=classifier.pk).first()
    if found is None:
        raise ClassifierGone("The classifier was deleted.")
    return found


def _end(row: Classifier, by: Actor) -> None:
    before = snapshot(row)
    row.sealed_secret, row.deleted_at = "", timezone.now()
    _write("delete", row, before, by)


def _write(action: Action, row: Classifier, before: dict[str, Any] | None, by: Actor) -> None:
    row.updated_at = None if before is None else timezone.now()
    row.save(force_insert=before is None)
    if before is None:
        row.refresh_from_db()
    _record(action, row, before, by)


def _record(action: Action, row: Classifier, before: dict[str, Any] | None, by: Actor) -> None:
    record(
        Change(
            action=action,
            row=row,
            before=before,
            after=None if action == "delete" else snapshot(row),
            touches=(Scope("workspace", row.workspace_id),),
            organization_id=row.organization_id,
            workspace_id=row.workspace_id,
        ),
        by=by,
    )
