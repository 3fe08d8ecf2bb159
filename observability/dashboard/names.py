"""The names that a log may show to somebody: of his workspaces, and of keys that he may know of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from accounts.models import Membership
from accounts.permissions import Permission, may
from accounts.standing import standing_of
from observability.classifications import AskedLabel, asked_label
from observability.logs import duration_ms_of
from observability.models import Generation
from observability.request_steps import Whole, wholes_of
from workspaces.key_secrets import addressed
from workspaces.members import workspaces_of
from workspaces.models import ApiKey, Workspace

MOST_DIGITS: Final = 18
OTHER_LABELS: Final = "(other)"
"""What rollups add up under one label, which stands for no single one."""
OTHERS: Final = {"api_key_id": "another key", "user": "another member", "workspace": "another workspace"}
NOTHING: Final = {
    "api_key_id": "chat room",
    "user": "no member",
    "workspace": "no workspace",
    "model": "unknown model",
    "provider": "no provider",
    "app": "no application named",
    "external_user": "no end user named",
}


@dataclass(frozen=True)
class LogLine:
    """A request with the names of what it names by number; empty where they are none of the reader's business.

    `whole` is what it came to with its steps, where it had any.
    """

    generation: Generation
    workspace: str
    key: str
    key_hash: str
    whole: Whole | None = None

    @property
    def duration_ms(self) -> int | None:
        """From admission to the last token."""
        return duration_ms_of(self.generation)


class NamesFor:
    """Looks names up once for one reader. A deleted key or workspace keeps its name here, as history does."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self.workspaces: list[Workspace] = list(
            workspaces_of(membership).order_by("-is_default", "name", "pk")
        )
        self._workspace_names = {workspace.pk: workspace.name for workspace in self.workspaces}

    def lines(self, generations: list[Generation]) -> list[LogLine]:
        """The requests with their names; one query for the keys, one for those that were several generations."""
        keys = {key.pk: key for key in self.keys_among({row.api_key_id for row in generations})}
        wholes = wholes_of(generations)
        return [self._line(row, keys.get(row.api_key_id or 0), wholes.get(row.id)) for row in generations]

    def workspace(self, slug: str) -> Workspace | None:
        """One of the reader's workspaces."""
        return next((workspace for workspace in self.workspaces if workspace.slug == slug), None)

    def label(self, text: str) -> AskedLabel:
        """The label of a classifier in one of the reader's workspaces."""
        places = [workspace.pk for workspace in self.workspaces]
        return asked_label(text, self._membership.organization_id, places)

    def key_choices(self, count: int) -> list[ApiKey]:
        """Keys to choose from, by name."""
        return list(self._keys().filter(deleted_at=None).order_by("name", "pk")[:count])

    def keys_among(self, ids: Collection[int | None] | None) -> list[ApiKey]:
        """Those of these keys that the reader may know of; None: of all."""
        keys = self._keys()
        return list(keys if ids is None else keys.filter(pk__in=ids))

    def key(self, key_hash: str) -> ApiKey | None:
        """A key that the reader may know of."""
        return addressed(self._keys(), key_hash)

    def member_choices(self, count: int) -> list[Membership]:
        """Members to choose from, by name; whoever may not know of others finds himself alone."""
        return list(self._members().order_by("user__name", "user__email", "pk")[:count])

    def member(self, user_id: str) -> Membership | None:
        """A membership that the reader may know of, by its user's public id."""
        prefix, _, number = user_id.partition("user_")
        if prefix or not number.isdecimal() or not number.isascii() or len(number) > MOST_DIGITS:
            return None
        found: Membership | None = self._members().filter(user_id=int(number)).first()
        return found

    def members_among(self, ids: Collection[int | None] | None) -> list[Membership]:
        """Those of these members that the reader may know of; None: of all."""
        members = self._members()
        return list(members if ids is None else members.filter(pk__in=ids))

    def _members(self):
        members = Membership.objects.for_organization(self._membership.organization_id).select_related("user")
        sees_all = may(standing_of(self._membership), Permission.OTHERS_KEYS)
        return members if sees_all else members.filter(pk=self._membership.pk)

    def _line(self, row: Generation, key: ApiKey | None, whole: Whole | None) -> LogLine:
        return LogLine(
            generation=row,
            workspace=self._workspace_names.get(row.workspace_id, ""),
            key=key.name if key else "" if row.api_key_id else "Chat room",
            key_hash=key.hash if key else "",
            whole=whole,
        )

    def _keys(self):
        keys = ApiKey.objects.for_organization(self._membership.organization_id)
        sees_all = may(standing_of(self._membership), Permission.OTHERS_KEYS)
        return keys if sees_all else keys.filter(owner=self._membership)


@dataclass(frozen=True)
class Named:
    """What a value of a dimension is called, and by what an address names it; empty where that leads nowhere."""

    name: str
    address: str = ""


class GroupNames:
    """Names of what activity is grouped by, as far as they are the reader's business; looked up at once."""

    def __init__(self, names: NamesFor, dimension: str, values: Collection[Any] | None = None) -> None:
        """`values`: those that need a name; None: whatever may come."""
        self._dimension = dimension
        self._known: dict[Any, Named] = {}
        if dimension == "workspace":
            self._known = {place.pk: Named(place.name, place.slug) for place in names.workspaces}
        elif dimension == "api_key_id":
            self._known = {key.pk: Named(key.name, key.hash) for key in names.keys_among(values)}
        elif dimension == "user":
            self._known = {row.pk: named_member(row) for row in names.members_among(values)}

    def of(self, value: Any) -> Named:  # a value of the dimension
        """What a group is called, and by what it is found."""
        if self._dimension not in OTHERS:
            text = str(value)
            return Named(text or NOTHING[self._dimension], "" if text == OTHER_LABELS else text)
        unknown = OTHERS[self._dimension] if value else NOTHING[self._dimension]
        return self._known.get(value) or Named(unknown)


def named_member(row: Membership) -> Named:
    """A member by his name, or by his address where he has given none."""
    return Named(row.user.name or row.user.email, row.user.public_id)
