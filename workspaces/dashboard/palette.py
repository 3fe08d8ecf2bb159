"""What the palette finds of workspaces and keys."""

from __future__ import annotations

from django.urls import reverse

from accounts.dashboard.palette import Asked, Found, FoundGroup
from accounts.permissions import Permission, may
from accounts.standing import standing_of
from workspaces.members import workspaces_of
from workspaces.models import ApiKey, Workspace


def workspaces_found(asked: Asked) -> FoundGroup:
    """The member's workspaces by name or slug, without the one where he is; fills `palette_finders`."""
    mine = workspaces_of(asked.membership).named_like(asked.text)
    if asked.workspace is not None:
        mine = mine.exclude(pk=asked.workspace.pk)
    rows = mine.order_by("-is_default", "name", "pk")[: asked.count]
    organization = asked.membership.organization.slug
    return FoundGroup("Workspaces", [_workspace(row, organization) for row in rows])


def keys_found(asked: Asked) -> FoundGroup:
    """Keys that the member may know of, by name, in all workspaces; fills `palette_finders`."""
    if not asked.text:
        return FoundGroup("Keys", [])
    keys = ApiKey.objects.for_organization(asked.membership.organization_id).active().named_like(asked.text)
    if not may(standing_of(asked.membership), Permission.OTHERS_KEYS):
        keys = keys.filter(owner=asked.membership)
    rows = keys.select_related("workspace").order_by("name", "pk")[: asked.count]
    organization = asked.membership.organization.slug
    return FoundGroup("Keys", [_key(row, organization) for row in rows])


def _workspace(row: Workspace, organization: str) -> Found:
    names = {"organization": organization, "workspace": row.slug}
    return Found(row.name, reverse("dashboard:home", kwargs=names), "layers", row.slug)


def _key(row: ApiKey, organization: str) -> Found:
    names = {"organization": organization, "workspace": row.workspace.slug, "key": row.hash}
    return Found(row.name, reverse("dashboard:key", kwargs=names), "key", row.workspace.name)
