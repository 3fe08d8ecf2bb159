"""The workspaces as the audit log names them."""

from __future__ import annotations

from accounts.audit_log import Place
from workspaces.models import Workspace


def places_of(organization_id: int) -> list[Place]:
    """The organization's workspaces, live ones first, by name; fills `workspaces_of_log`."""
    rows = Workspace.objects.for_organization(organization_id).order_by("-deleted_at", "name", "pk")
    columns = rows.values_list("pk", "public_id", "slug", "name")
    return [Place(pk, public_id, slug, name) for pk, public_id, slug, name in columns]
