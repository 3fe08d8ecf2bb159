"""Telling an organization that one of its destinations fails, works again, or was given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.notifications.kinds import DESTINATION_DISABLED, DESTINATION_FAILING
from accounts.notifications.reporting import report, resolve
from config.lib.scoping import tenant
from workspaces.models import Workspace

if TYPE_CHECKING:
    from observability.drain import Troubled
    from observability.models import Destination


def tell_failing(troubled: Troubled) -> None:
    """The breaker opened."""
    facts = {"name": troubled.name, "type": troubled.type, "error": troubled.error}
    report(
        organization_id=troubled.organization_id,
        kind=DESTINATION_FAILING,
        subject=_subject(troubled.destination_id),
        facts=facts,
        workspace=_public_id(troubled.organization_id, troubled.workspace_id),
    )


def tell_recovered(troubled: Troubled) -> None:
    """It works again: the next failure is news."""
    for kind in (DESTINATION_FAILING, DESTINATION_DISABLED):
        resolve(
            organization_id=troubled.organization_id, kind=kind, subject=_subject(troubled.destination_id)
        )


def tell_disabled(destination: Destination, reason: str) -> None:
    """It was switched off, because nothing got through for too long."""
    report(
        organization_id=destination.organization_id,
        kind=DESTINATION_DISABLED,
        subject=_subject(destination.pk),
        facts={"name": destination.name, "type": destination.type, "error": reason},
        workspace=_public_id(destination.organization_id, destination.workspace_id),
    )


def _subject(destination_id: int) -> str:
    return f"destination:{destination_id}"


def _public_id(organization_id: int, workspace_id: int) -> str | None:
    with tenant(organization_id):
        workspaces = Workspace.objects.for_organization(organization_id)
        found = workspaces.filter(pk=workspace_id).values_list("public_id", flat=True).first()
    return None if found is None else str(found)
