"""Names of what analytics knows by number, and numbers of what the outside names: keys, members, workspaces."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from accounts.models import Membership
from observability.analytics.fields import Dimension
from workspaces.key_secrets import addressed
from workspaces.models import ApiKey, Workspace

NOBODY: Final = -1
"""Stands for an object that there is not: nothing was ever asked with it."""
HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
USER: Final = re.compile(r"user_(\d{1,18})", re.ASCII)


class Names:
    """The names of one organization's objects, looked up once. What was deleted keeps its name."""

    def __init__(self, organization_id: int) -> None:
        self._organization_id = organization_id

    def number_of(self, dimension: Dimension, value: str | int) -> int:
        """The number of the object that a filter names; NOBODY when there is none."""
        find: dict[str, Callable[[str], int | None]] = {
            "api_key_id": self._key_number,
            "user": self._member_number,
            "workspace": self._workspace_number,
        }
        found = find[dimension.name](str(value))
        return NOBODY if found is None else found

    def columns_of(self, dimension: Dimension, value: Any) -> dict[str, Any]:  # a key of a row
        """A dimension's columns in an answer: its value, by name where it is numbered."""
        if dimension.name == "user":
            name, email = self.members.get(value, (None, None))
            return {"user": name or None, "user_email": email}
        if dimension.name == "api_key_id":
            return {dimension.name: self.keys.get(value)}
        if dimension.name == "workspace":
            return {dimension.name: self.workspaces.get(value)}
        return {dimension.name: None if value == dimension.unset else value}

    def look_up(self) -> None:
        """Fetch all names now, for a thread that is in no tenant's transaction yet."""
        _ = self.keys, self.members, self.workspaces

    @cached_property
    def keys(self) -> dict[int, str]:
        """Names of keys."""
        keys: Iterable[tuple[int, str]] = ApiKey.objects.for_organization(self._organization_id).values_list(
            "pk", "name"
        )
        return dict(keys)

    @cached_property
    def members(self) -> dict[int, tuple[str, str]]:
        """Names and addresses of members."""
        members = Membership.objects.for_organization(self._organization_id)
        columns = members.values_list("pk", "user__name", "user__email")
        return {pk: (name, email) for pk, name, email in columns}

    @cached_property
    def workspaces(self) -> dict[int, str]:
        """Names of workspaces."""
        workspaces = Workspace.objects.for_organization(self._organization_id)
        return dict(workspaces.values_list("pk", "name"))

    def _key_number(self, value: str) -> int | None:
        keys = ApiKey.objects.for_organization(self._organization_id)
        if HASH.fullmatch(value):
            key = addressed(keys, value)
            return key.pk if key else None
        return (
            keys.filter(pk=int(value)).values_list("pk", flat=True).first()
            if NUMBER.fullmatch(value)
            else None
        )

    def _member_number(self, value: str) -> int | None:
        named = USER.fullmatch(value)
        members = Membership.objects.for_organization(self._organization_id)
        if named is None:
            return None
        return members.filter(user_id=int(named[1])).values_list("pk", flat=True).first()

    def _workspace_number(self, value: str) -> int | None:
        workspaces = Workspace.objects.for_organization(self._organization_id)
        try:
            named = workspaces.filter(public_id=UUID(value))
        except ValueError:
            named = workspaces.filter(slug=value, deleted_at=None)
        return named.values_list("pk", flat=True).first()
