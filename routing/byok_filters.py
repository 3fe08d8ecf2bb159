"""Who may use a credential: named outside by hashes of keys and ids of users, kept inside by row ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.models import Membership
from routing.models import ByokCredential
from workspaces.bulk_members import UnknownMembers, memberships_by_user
from workspaces.models import ApiKey


class UnknownReference(Exception):
    """A filter names a key or a user that is not the organization's; the message does not tell foreign from unknown."""


@dataclass(frozen=True)
class Filters:
    """A credential's filters as they are shown: None is no restriction, an empty list is nobody."""

    api_key_hashes: list[str] | None
    user_ids: list[str] | None


def key_ids_of(organization_id: int, hashes: Sequence[str]) -> list[int]:
    """The ids of the organization's active keys with these hashes, in that order. Raises UnknownReference."""
    active = ApiKey.objects.for_organization(organization_id).active()
    found = dict(active.filter(hash__in=hashes).values_list("hash", "pk"))
    if found.keys() != set(hashes):
        raise UnknownReference("allowed_api_key_hashes: one of them is no API key of the organization.")
    return [found[digest] for digest in dict.fromkeys(hashes)]


def member_ids_of(organization_id: int, user_ids: Sequence[str]) -> list[int]:
    """The ids of these users' live memberships, in that order. Raises UnknownReference."""
    try:
        return [row.pk for row in memberships_by_user(organization_id, user_ids)]
    except UnknownMembers:
        raise UnknownReference("allowed_user_ids: one of them is no member of the organization.") from None


def shown_filters(organization_id: int, credentials: Iterable[ByokCredential]) -> list[Filters]:
    """The filters of the credentials, in the same order; two queries however many they are."""
    rows = list(credentials)
    keys = ApiKey.objects.for_organization(organization_id).active()
    hashes = dict(
        keys.filter(pk__in=_named(row.allowed_api_key_ids for row in rows)).values_list("pk", "hash")
    )
    members = Membership.objects.for_organization(organization_id).filter(removed_at=None)
    named = members.filter(pk__in=_named(row.allowed_member_ids for row in rows)).select_related("user")
    users = {row.pk: row.user.public_id for row in named}
    return [
        Filters(_shown(row.allowed_api_key_ids, hashes), _shown(row.allowed_member_ids, users))
        for row in rows
    ]


def _named(filters: Iterable[list[int] | None]) -> set[int]:
    return {pk for ids in filters for pk in ids or ()}


def _shown(ids: list[int] | None, names: dict[int, str]) -> list[str] | None:
    return None if ids is None else [names[pk] for pk in ids if pk in names]
