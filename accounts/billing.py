"""Who an organization's invoices are made out to."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import BillingDetails, Organization
from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import Actor, Change, Scope, record, snapshot


def set_billing(
    *, organization: Organization, name: str, address: str, tax_id: str, by: Actor
) -> BillingDetails:
    """Make out the invoices of future purchases to this; those that were issued keep their copy."""
    with transaction.atomic():
        mine = BillingDetails.objects.for_organization(organization)
        known = mine.select_for_update(of=("self",)).first()
        before = snapshot(known) if known else None
        details = known or BillingDetails(organization=organization)
        details.name, details.address, details.tax_id = name, address, tax_id
        details.updated_at = timezone.now()
        details.save()
        record(
            Change(
                action="update" if known else "create",
                row=details,
                before=before,
                after=snapshot(details),
                touches=(Scope("organization", organization.pk),),
                organization_id=organization.pk,
            ),
            by=by,
        )
    return details


def restore_billing(recorded: Recorded, by: Actor) -> None:
    """Bring the details back; fills `restorers`. Raises CannotRestore for the time before there were any."""
    state = recorded.state
    if state is None:
        raise CannotRestore("Billing details can be changed, but not taken away.")
    organization = Organization.objects.for_organization(recorded.organization_id).get()
    set_billing(
        organization=organization,
        name=state["name"],
        address=state["address"],
        tax_id=state["tax_id"],
        by=by,
    )


def keep_the_ledger(recorded: Recorded, by: Actor) -> None:
    """The ledger only grows; fills `restorers`. Raises CannotRestore."""
    raise CannotRestore("The ledger is only added to: book a refund or an adjustment instead.")
