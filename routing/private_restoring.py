"""Rolling a private endpoint back to what a revision says it was; its secret is in no revision."""

from __future__ import annotations

from typing import Any

from accounts.restoring import CannotRestore, Recorded, differing
from accounts.revisions import Actor
from config.lib.money import NotAnAmount
from routing import private_endpoints as private
from routing.models import PrivateEndpoint
from routing.models.private_endpoint import DISABLED, DRAFT
from routing.private_pricing import Rates
from routing.private_upstreams import UnusableUpstream


def restore_private_endpoint(recorded: Recorded, by: Actor) -> None:
    """Change the endpoint back, or delete it if it was not there; fills `restorers`. Raises CannotRestore."""
    rows = PrivateEndpoint.objects.for_organization(recorded.organization_id).live()
    endpoint = rows.filter(pk=recorded.pk).first()
    if recorded.state is None:
        if endpoint is not None:
            private.delete(endpoint=endpoint, by=by)
        return
    if endpoint is None:
        raise CannotRestore("The endpoint was deleted, and its secret wiped with it.")
    try:
        _restore_upstream(endpoint, recorded.state, by)
        _restore_pricing(endpoint, recorded.state, by)
        _restore_status(endpoint, recorded, by)
    except (private.NotNow, private.UnusableEndpoint, UnusableUpstream, NotAnAmount) as error:
        raise CannotRestore(str(error)) from error


def _restore_upstream(endpoint: PrivateEndpoint, state: dict[str, Any], by: Actor) -> None:
    changes = differing(endpoint, state, private.CHANGEABLE)
    if changes:
        # Declarations are given with the rest, or another upstream would take them back.
        given = {name: state[name] for name in private.DECLARATIONS & state.keys()}
        private.change(endpoint=endpoint, by=by, **(given | changes))


def _restore_pricing(endpoint: PrivateEndpoint, state: dict[str, Any], by: Actor) -> None:
    """The price that held then; that there was none once is no price."""
    then = state.get("pricing")
    if then is not None and then != private.state_of(endpoint)["pricing"]:
        private.set_pricing(endpoint=endpoint, rates=Rates.of(then), by=by)


def _restore_status(endpoint: PrivateEndpoint, recorded: Recorded, by: Actor) -> None:
    now, then = endpoint.status, (recorded.state or {}).get("status")
    if then == now:
        return
    if then == DRAFT:
        raise CannotRestore("An endpoint that was activated is no draft any more: disable or delete it.")
    if now == DISABLED and "status" not in recorded.changed:
        raise CannotRestore("The endpoint was disabled since; enable it first if that is what you want.")
    if then == DISABLED and now == DRAFT:
        raise CannotRestore("A draft cannot be disabled.")
    step = private.disable if then == DISABLED else private.enable if now == DISABLED else private.activate
    step(endpoint=endpoint, by=by)
