"""Rolling a credential back to what a revision says it was; its secret is in no revision and stays the present one."""

from __future__ import annotations

from typing import Any

from accounts.models import Membership
from accounts.restoring import CannotRestore, Recorded, keep_disabled
from accounts.revisions import Actor
from routing import byok
from routing.byok_filters import shown_filters
from routing.credential_formats import UndeclarableRegion
from routing.models import ByokCredential

SETTINGS = byok.CHANGEABLE - {"allowed_api_key_hashes", "allowed_user_ids"}


def restore_credential(recorded: Recorded, by: Actor) -> None:
    """Change the credential back, or delete it if it was not there; fills `restorers`. Raises CannotRestore."""
    rows = ByokCredential.objects.for_organization(recorded.organization_id).live()
    credential = rows.filter(pk=recorded.object_id).first()
    if recorded.state is None:
        if credential is not None:
            byok.delete(credential=credential, by=by)
        return
    if credential is None:
        raise CannotRestore("The credential was deleted, and its secret wiped with it.")
    keep_disabled(credential, recorded, "credential")
    try:
        byok.change(credential=credential, by=by, **_settings(recorded.organization_id, recorded.state))
    except UndeclarableRegion:
        raise CannotRestore("The region that was declared then is not that of the present key.") from None


def _settings(organization_id: int, state: dict[str, Any]) -> dict[str, Any]:
    """What was set then. Keys and people that are gone stay out of the filters, which never widens them."""
    settings = {name: state[name] for name in SETTINGS & state.keys()}
    then = ByokCredential(
        allowed_api_key_ids=state.get("allowed_api_key_ids"),
        allowed_member_ids=_live_members(organization_id, state.get("allowed_member_ids")),
    )
    (filters,) = shown_filters(organization_id, [then])
    return settings | {
        "allowed_api_key_hashes": filters.api_key_hashes,
        "allowed_user_ids": filters.user_ids,
    }


def _live_members(organization_id: int, ids: list[int] | None) -> list[int] | None:
    if ids is None:
        return None
    live = Membership.objects.for_organization(organization_id).live().filter(pk__in=ids)
    return list(live.order_by("pk").values_list("pk", flat=True))
