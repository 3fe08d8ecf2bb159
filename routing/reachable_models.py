"""Which models an organization can reach at all, before any guardrail: lent by the catalog, or by its own means."""

from __future__ import annotations

from collections import defaultdict

from routing.catalog_snapshot import CatalogSnapshot, ModelEntry
from routing.models import ByokCredential
from routing.policy_parts.private_endpoints import own_models
from routing.selection.byok import Credentials, reachable
from routing.selection.own_models import beside
from routing.usable_credential import UsableCredential
from workspaces.models import Workspace

UNOPENED = "sealed"
"""Stands for secrets where nothing is sent: whether they open is the gateway's to find out."""


def models_reached(
    catalog: CatalogSnapshot, organization_id: int, workspace: Workspace | None, *, using: str
) -> tuple[ModelEntry, ...]:
    """The models that some request in the workspace can reach, by whatever key; without one, in any workspace."""
    seen = reachable(catalog, _credentials(organization_id, workspace, using))
    return tuple(beside(seen, own_models(organization_id, None, using=using)).models.values())


def _credentials(organization_id: int, workspace: Workspace | None, using: str) -> Credentials:
    rows = ByokCredential.objects.using(using).for_organization(organization_id).live()
    if workspace is not None:
        rows = rows.usable_in(workspace)
    found: dict[str, list[UsableCredential]] = defaultdict(list)
    for row in rows.filter(is_disabled=False).in_order():
        models = None if row.allowed_models is None else frozenset(map(str.lower, row.allowed_models))
        found[row.provider].append(UsableCredential(row.pk, row.provider, UNOPENED, models=models))
    return {provider: tuple(credentials) for provider, credentials in found.items()}
