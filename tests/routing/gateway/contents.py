"""What tests of content share: who wants it, and what a gateway has written of it."""

from __future__ import annotations

import uuid
from typing import Any

from accounts.revisions import Change, Scope, record, snapshot
from config.lib.crypto import sealing_ring
from observability.content_sealing import open_content
from observability.journal_records import Content
from observability.models import Destination
from tests.cast import STAGE
from tests.routing.gateway.process import GatewayProcess
from workspaces.models import Workspace


def add_destination(workspace: Workspace, **columns: Any) -> Destination:
    """A destination of the workspace, within its organization's scope."""
    values = {"type": "webhook", "name": "hook", "regions": ["global"]} | columns
    row = Destination.objects.create(organization_id=workspace.organization_id, workspace=workspace, **values)
    change = Change(
        action="create",
        row=row,
        before=None,
        after=snapshot(row),
        touches=(Scope("workspace", workspace.pk),),
        organization_id=workspace.organization_id,
        workspace_id=workspace.pk,
    )
    record(change, by=STAGE)
    return row


def record_of(gateway: GatewayProcess, generation_id: str) -> Content | None:
    """The record of a generation's content, once its end is written."""
    gateway.end_of(generation_id)
    name = str(uuid.UUID(generation_id.removeprefix("gen-")))
    found = [one for one in gateway.records() if isinstance(one, Content) and one.id == name]
    assert len(found) < 2
    return found[0] if found else None


def content_of(gateway: GatewayProcess, organization_id: int, generation_id: str) -> dict[str, Any]:
    """What was said in a generation."""
    content = record_of(gateway, generation_id)
    assert content is not None
    return open_content(
        sealing_ring(), content.sealed, organization_id=organization_id, generation_id=content.id
    )
