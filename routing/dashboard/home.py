"""What routing adds to a workspace's home."""

from __future__ import annotations

from django.db.models import Exists

from accounts.permissions import Permission
from routing.models import Guardrail
from workspaces.dashboard.home import HomePart, Step
from workspaces.models import Workspace


def guardrail_step(workspace: Workspace) -> HomePart:
    """Whether the workspace has written a guardrail; fills `workspace_home`."""
    step = Step(
        title="Set a guardrail",
        text="Which models and providers may be used, and what must not leave the house.",
        is_done=Exists(Guardrail.objects.for_workspace(workspace)),
        page="guardrails",
        action="Set one",
        permission=Permission.WORKSPACE_CONFIGURE,
    )
    return HomePart(steps=[step])
