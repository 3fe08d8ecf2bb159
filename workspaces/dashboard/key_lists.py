"""Which keys a list shows, and in which order: what its filters and heads say in the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models import Membership
from config.lib.dashboard import Order
from workspaces.models import ApiKeyUse
from workspaces.models.api_key import ApiKeyQuerySet

STATES: Final = [("active", "Active"), ("disabled", "Disabled"), ("expired", "Expired")]
OWNERS: Final = [("mine", "My own"), ("workspace", "The workspace’s"), ("others", "Other members’")]
ORDERS: Final = ("name", "created", "used")


def narrowed(keys: ApiKeyQuerySet, asked: Mapping[str, str], reader: Membership) -> ApiKeyQuerySet:
    """Those whose name contains `q`, in the `state`, of the `owner`; what is not understood narrows nothing."""
    found = keys.named_like(asked["q"])
    is_past = Q(expires_at__lte=timezone.now())
    states = {
        "active": Q(is_disabled=False) & ~is_past,
        "disabled": Q(is_disabled=True),
        "expired": Q(is_disabled=False) & is_past,
    }
    is_workspaces = Q(owner=None)
    owners = {
        "mine": Q(owner=reader),
        "workspace": is_workspaces,
        "others": ~is_workspaces & ~Q(owner=reader),
    }
    return found.filter(states.get(asked["state"], Q()), owners.get(asked["owner"], Q()))


def in_order(keys: ApiKeyQuerySet, order: Order) -> ApiKeyQuerySet:
    """By name, by age or by last use; keys that were never used come last of all."""
    key = f"{order.prefix}pk"
    if order.name == "name":
        by_name = Lower("name").desc() if order.is_descending else Lower("name").asc()
        return keys.order_by(by_name, key)
    if order.name == "created":
        return keys.order_by(f"{order.prefix}created_at", key)
    uses = ApiKeyUse.objects.filter(api_key_id=OuterRef("pk")).values("last_used_at")
    used = F("used_at").desc(nulls_last=True) if order.is_descending else F("used_at").asc(nulls_last=True)
    return keys.annotate(used_at=Subquery(uses[:1])).order_by(used, key)
