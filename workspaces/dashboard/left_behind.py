"""The keys that somebody owns who is about to be removed, with the way to the page that keeps them."""

from __future__ import annotations

from django.db.models import Count
from django.urls import reverse
from django.utils.http import urlencode

from accounts.dashboard.members import KeysLeftBehind
from accounts.models import Membership
from workspaces.models import ApiKey


def keys_of_member(membership: Membership) -> list[KeysLeftBehind]:
    """His active keys by workspace; fills `keys_left_behind`."""
    own = ApiKey.objects.for_organization(membership.organization_id).active().filter(owner=membership)
    counted = own.order_by("workspace__name", "workspace_id").values("workspace__name", "workspace__slug")
    query = urlencode({"owner": membership.user.public_id})
    return [
        KeysLeftBehind(
            workspace=row["workspace__name"],
            count=row["count"],
            address=reverse(
                "dashboard:keys_transfer", args=(membership.organization.slug, row["workspace__slug"])
            )
            + f"?{query}",
        )
        for row in counted.annotate(count=Count("pk"))
    ]
