"""Compiling policies and the catalog from the database, each from one snapshot of it (DESIGN §4).

Sync, on the `owner` alias (no row-level security there, so every query names its scope); the gateway calls these
in a worker thread and is handed frozen values. A database that cannot be reached raises django.db.Error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import connections, transaction

from accounts.models import ManagementKey, Membership, Version
from accounts.sessions import works_until
from config.lib.chat_tokens import ChatSeat, seat_named
from config.lib.environment import environment
from routing.catalog_compiler import compile_catalog
from routing.catalog_snapshot import CatalogSnapshot
from routing.policy import Policy, Principal, ScopeVersion
from routing.policy_parts.byok import allowance_of, credentials_of
from routing.policy_parts.guardrails import allowlist_of, privacy_of, rules_of
from routing.policy_parts.plugins import plugins_of
from routing.policy_parts.presets import presets_of
from routing.policy_parts.private_endpoints import own_models
from routing.policy_parts.purses import purses_of, subjects_of
from routing.policy_parts.rates import free_rates_of, rates_of
from routing.policy_parts.recording import recording_of
from routing.policy_parts.routing import routing_of
from routing.policy_parts.server_tools import disabled_tools_of
from workspaces.key_secrets import OpenedKey, opened_by
from workspaces.models import ApiKey, Workspace, WorkspaceMember

OWNER = "owner"
BY_HASH = "a key is found by its hash before anybody's scope is known"
BY_SEAT = "a signed token says whose seat it is before anybody's scope is known"


def load_policy(name: str) -> Policy | None:
    """The policy of an inference or management key, by its SHA-256, or of a seat in the chat room, by its name.

    None: there is no such key, or nobody who could sit there.
    """
    seat = seat_named(name)
    if seat is not None:
        with _snapshot():
            return _policy_of_seat(seat)
    return _policy_by_hash(name)


def _policy_by_hash(key_hash: str) -> Policy | None:
    with _snapshot():
        keys = ApiKey.objects.using(OWNER).unscoped(reason=BY_HASH)
        opened = opened_by(keys.select_related("organization", "workspace", "owner__user"), key_hash)
        if opened is not None:
            return _policy_of(opened, OWNER)
        management = (
            ManagementKey.objects.using(OWNER).unscoped(reason=BY_HASH).select_related("organization")
        )
        found = management.filter(hash=key_hash).first()
        return None if found is None else _policy_of_management(found)


def policy_of(key: ApiKey, *, using: str) -> Policy:
    """The policy of an inference key as the caller's transaction sees it; its present secret opens it.

    `key` comes with its organization, workspace and owner's user.
    """
    return _policy_of(OpenedKey(key), using)


def load_catalog() -> CatalogSnapshot:
    """The platform's catalog as it is now; the simulator's rows only where HEADGATE_SIMULATOR_URL is set."""
    with _snapshot():
        version = read_versions([(Version.PLATFORM, 0)])[Version.PLATFORM, 0]
        return compile_catalog(version, using=OWNER)


def read_versions(scopes: Collection[tuple[str, int]], *, using: str = OWNER) -> dict[tuple[str, int], int]:
    """The versions of the scopes, (kind, object id); 0 where nothing was ever changed."""
    kinds, identifiers = [kind for kind, _ in scopes], [identifier for _, identifier in scopes]
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT kind, object_id, value FROM version JOIN unnest(%s::text[], %s::bigint[]) AS scope (k, i) "
            "ON kind = k AND object_id = i",
            [kinds, identifiers],
        )
        known = {(kind, identifier): value for kind, identifier, value in cursor.fetchall()}
    return {scope: known.get(scope, 0) for scope in scopes}


@contextmanager
def _snapshot() -> Iterator[None]:
    """One read-only view of the database, so that a policy is never made of two moments."""
    connection = connections[OWNER]
    connection.close_if_unusable_or_obsolete()
    with transaction.atomic(using=OWNER):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _policy_of(opened: OpenedKey, using: str) -> Policy:
    key = opened.key
    workspace, owner = key.workspace, key.owner
    scopes = [(Version.WORKSPACE, key.workspace_id), (Version.ORGANIZATION, key.organization_id)]
    if key.pk is not None:
        scopes.append((Version.KEY, key.pk))
    if owner is not None:
        scopes.append((Version.USER, owner.user_id))
    subjects = subjects_of(key)
    purses = purses_of(key, subjects, using=using)
    privacy = privacy_of(key.organization_id, using=using)
    credentials = credentials_of(key, using=using)
    return Policy(
        principal=Principal(
            kind="member" if key.pk is None else "api_key",
            organization_id=key.organization_id,
            workspace_id=key.workspace_id,
            api_key_id=key.pk,
            member_id=key.owner_id,
            key_hash=key.hash,
            secret=opened.number,
        ),
        subjects=subjects,
        purses=purses,
        versions=_versions(scopes, using),
        refusal=_refusal(key, using),
        expires_at=min((at for at in (key.expires_at, opened.works_until) if at is not None), default=None),
        key_rates=rates_of(key),
        member_rates=rates_of(owner),
        workspace_rates=rates_of(workspace),
        organization_rates=rates_of(key.organization),
        free_rates=free_rates_of(purses),
        default_text_model=workspace.default_text_model or None,
        routing=routing_of(workspace, using=using),
        rules=rules_of(key, privacy, using=using),
        allowlist=allowlist_of(privacy),
        plugins=plugins_of(workspace, using=using),
        own_models=own_models(key.organization_id, key, using=using),
        credentials=credentials,
        byok_fee=environment().byok_fee,
        byok_allowance=allowance_of(key.organization_id, using=using) if credentials else None,
        is_catalog_filtered=key.organization.is_model_catalog_filtered,
        presets=presets_of(workspace, using=using),
        recording=recording_of(key, privacy, using=using),
        disabled_tools=disabled_tools_of(workspace),
    )


def _policy_of_seat(seat: ChatSeat) -> Policy | None:
    """While his session lasts, a member is governed as a key of his would be that nothing else was said about."""
    members = Membership.objects.using(OWNER).unscoped(reason=BY_SEAT).select_related("user")
    owner = members.filter(pk=seat.membership_id).first()
    workspaces = Workspace.objects.using(OWNER).unscoped(reason=BY_SEAT).select_related("organization")
    workspace = workspaces.filter(pk=seat.workspace_id).first()
    if owner is None or workspace is None:
        return None
    until = works_until(session_id=seat.session_id, user=owner.user, using=OWNER)
    if until is None:
        return None
    key = ApiKey(organization=workspace.organization, workspace=workspace, owner=owner, hash=seat.name)
    return _policy_of(OpenedKey(key, works_until=until), OWNER)


def _policy_of_management(key: ManagementKey) -> Policy:
    refusal = None
    if key.deleted_at is not None:
        refusal = "deleted"
    elif key.is_disabled:
        refusal = "disabled"
    elif key.organization.deleted_at is not None:
        refusal = "organization_deleted"
    return Policy(
        principal=Principal("management_key", organization_id=key.organization_id, key_hash=key.hash),
        subjects=(),
        purses=(),
        versions=_versions([(Version.ORGANIZATION, key.organization_id)], OWNER),
        refusal=refusal,
        expires_at=key.expires_at,
        own_models=own_models(key.organization_id, None, using=OWNER),
    )


def _refusal(key: ApiKey, using: str) -> str | None:
    """Why the key opens nothing, whatever else is set; expiry is judged at each request."""
    if key.deleted_at is not None:
        return "deleted"
    if key.is_disabled:
        return "disabled"
    if key.organization.deleted_at is not None:
        return "organization_deleted"
    if key.workspace.deleted_at is not None:
        return "workspace_deleted"
    return None if key.owner is None or _is_seated(key, key.owner, using) else "owner_left"


def _is_seated(key: ApiKey, owner: Membership, using: str) -> bool:
    """Whether the key's owner is a live member of its workspace; as workspaces.members.is_member, but of this view."""
    if owner.removed_at is not None or not owner.user.is_active:
        return False
    if owner.organization_id != key.organization_id:
        return False
    if key.workspace.is_default or owner.role == Membership.ADMIN:
        return True
    seats = WorkspaceMember.objects.using(using).for_workspace(key.workspace_id)
    return seats.filter(membership_id=owner.pk).exists()


def _versions(scopes: list[tuple[str, int]], using: str) -> tuple[ScopeVersion, ...]:
    found = read_versions(scopes, using=using)
    return tuple(ScopeVersion(kind, number, value) for (kind, number), value in found.items())
