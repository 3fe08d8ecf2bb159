"""Rolling a destination back to what a revision says it was; its secrets are in no revision and stay as they are."""

from __future__ import annotations

from typing import Any

from accounts.restoring import CannotRestore, Recorded, restorers
from accounts.revisions import Actor
from config.lib.declared import NotValid
from observability import destination_settings
from observability.destination_config import sealed_names
from observability.destination_rows import DestinationGone, TooManyDestinations
from observability.destinations import DESTINATIONS
from observability.models import Destination
from workspaces.models import ApiKey

COLUMNS = (*destination_settings.PLAIN, "filter_rules", "is_everywhere")


def fill() -> None:
    """Put this app's restorers in their places."""
    restorers.fill("destination", restore_destination)


def restore_destination(recorded: Recorded, by: Actor) -> None:
    """Change the destination back, or delete it if it was not there. Raises CannotRestore."""
    rows = Destination.objects.for_organization(recorded.organization_id).live().filter(type__in=DESTINATIONS)
    destination = rows.filter(pk=recorded.pk).first()
    try:
        if recorded.state is None:
            if destination is not None:
                destination_settings.delete(destination=destination, by=by)
            return
        if destination is None:
            raise CannotRestore("The destination was deleted, and its secrets wiped with it.")
        changes = _changes(destination, recorded.state)
        destination_settings.change(destination=destination, by=by, **changes)
    except NotValid as error:
        raise CannotRestore(f"The destination cannot be as it was: {error}") from error
    except (
        DestinationGone,
        TooManyDestinations,
        destination_settings.IsCopy,
        destination_settings.PrivacyLocked,
    ) as error:
        raise CannotRestore(str(error)) from error


def _changes(destination: Destination, state: dict[str, Any]) -> dict[str, Any]:
    """What was set then. Keys that are gone stay out of the filter, which never widens it."""
    changes = {name: state[name] for name in COLUMNS if name in state}
    groups: list[str] = state["metadata_groups"]
    changes["metadata_groups"] = {name: name in groups for name in destination_settings.METADATA_GROUPS}
    changes["api_key_hashes"] = _hashes(destination.organization_id, state["api_key_ids"])
    kept = sealed_names(DESTINATIONS[destination.type])
    former: dict[str, Any] = dict.fromkeys(destination.config.keys() - kept) | state["config"]
    return changes | {"config": former}


def _hashes(organization_id: int, ids: list[int] | None) -> list[str] | None:
    if ids is None:
        return None
    active = ApiKey.objects.for_organization(organization_id).active().filter(pk__in=ids)
    return list(active.order_by("pk").values_list("hash", flat=True))
