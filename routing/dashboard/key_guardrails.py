"""What the pages of keys know of guardrails."""

from __future__ import annotations

from uuid import UUID

from accounts.revisions import Actor
from routing.guardrail_assignments import assign_keys, unassign_keys
from routing.guardrail_rows import GuardrailGone, find
from routing.models import Guardrail, KeyAssignment
from workspaces.dashboard.key_guardrails import ChoiceGone, GuardrailChoice
from workspaces.models import ApiKey, Workspace

MOST_OFFERED = 200


def choices(workspace: Workspace) -> list[GuardrailChoice]:
    """The workspace's guardrails without its default one; fills `guardrails_for_keys`."""
    rows = Guardrail.objects.for_workspace(workspace).filter(is_default=False).in_order()[:MOST_OFFERED]
    return [_choice(row) for row in rows]


def of_key(key: ApiKey) -> GuardrailChoice | None:
    """The one that a key is held to, of whichever workspace; fills `guardrail_of_key`."""
    held = _assignment(key)
    return _choice(held.guardrail) if held else None


def hold(key: ApiKey, public_id: str, by: Actor) -> None:
    """Hold a key to the guardrail with this id, or to none; nothing changes where that is so. Fills `key_held`.

    Raises ChoiceGone.
    """
    held = _assignment(key)
    if (str(held.guardrail.public_id) if held else "") == public_id:
        return
    try:
        if public_id:
            assign_keys(guardrail=_found(key, public_id), keys=[key], by=by)
        elif held:
            unassign_keys(guardrail=held.guardrail, keys=[key], by=by)
    except GuardrailGone as gone:
        raise ChoiceGone(str(gone)) from gone


def _found(key: ApiKey, public_id: str) -> Guardrail:
    guardrail = find(key.organization_id, UUID(public_id))
    if guardrail is None:
        raise GuardrailGone
    return guardrail


def _assignment(key: ApiKey) -> KeyAssignment | None:
    rows = KeyAssignment.objects.for_organization(key.organization_id)
    held: KeyAssignment | None = rows.select_related("guardrail").filter(api_key=key).first()
    return held


def _choice(row: Guardrail) -> GuardrailChoice:
    return GuardrailChoice(str(row.public_id), row.name)
