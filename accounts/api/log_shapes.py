"""How revisions and lines of the audit log look outside, and what their lists can be asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.fields import Field
from rest_framework.request import Request

from accounts.api.schema import answer
from accounts.audit_log import DOORS, Entry, LogFilter, Place, changed_columns, workspaces_of_log
from accounts.models import AuditEvent, Revision
from accounts.revisions import diff
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Moment

PAGE_SIZE, LARGEST_PAGE = 50, 100
WORD = r"\A[a-z_]{1,40}\Z"
VERSION = re.compile(r"(?P<scope>[a-z]{1,12}:\d{1,18}):(?P<value>\d{1,18})", re.ASCII)


class LogQuery(serializers.Serializer[Any]):
    """What the audit log can be narrowed to."""

    action = serializers.RegexField(
        WORD, required=False, help_text="`create`, `update`, `delete`, or the kind of an event."
    )
    door = serializers.ChoiceField(DOORS, required=False, help_text="Through which door it came.")
    object_type = serializers.RegexField(
        r"\A[a-z]{1,40}\Z", required=False, help_text="The kind of object: `workspace`, `apikey`, …"
    )
    object_id = serializers.CharField(max_length=64, required=False, help_text="The object's id.")
    workspace_id = serializers.CharField(
        max_length=60, required=False, help_text="A workspace, deleted ones too, by id or slug."
    )
    user_id = serializers.RegexField(r"\Auser_[0-9]{1,18}\Z", required=False, help_text="Who did it.")
    since = Moment(required=False, help_text="From this time on.")
    until = Moment(required=False, help_text="Before this time.")
    before = serializers.RegexField(
        r"\A[0-9]{1,18}\Z", required=False, help_text="The id that the page before ended with."
    )
    limit = serializers.RegexField(r"\A[0-9]{1,3}\Z", required=False, help_text="Lines at most, up to 100.")


class RevisionQuery(LogQuery):
    """What the list of revisions can be narrowed to."""

    version = serializers.CharField(
        max_length=60, required=False, help_text="The revisions behind a scope's version: `workspace:7:12`."
    )

    def validate_version(self, value: str) -> tuple[str, int]:
        match = VERSION.fullmatch(value)
        if match is None:
            raise serializers.ValidationError("must be a scope and a version of it, such as workspace:7:12.")
        return match["scope"], int(match["value"])


class Asked:
    """A query string, understood: the filter, where the page begins and how long it is. Raises ApiError."""

    def __init__(self, request: Request, organization_id: int, query: type[LogQuery]) -> None:
        if "offset" in request.query_params:
            raise ApiError(400, "offset: the log grows while it is read; continue with before=next_before.")
        form = query(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        asked = dict(form.validated_data)
        self.before: str = asked.pop("before", "")
        self.size = int(asked.pop("limit", PAGE_SIZE))
        if not 1 <= self.size <= LARGEST_PAGE:
            raise ApiError(400, f"limit: must be an integer from 1 to {LARGEST_PAGE}.")
        self.places = known_places(organization_id)
        user_id, workspace = asked.pop("user_id", None), asked.pop("workspace_id", None)
        self.filter = LogFilter(
            user_id=None if user_id is None else int(user_id.removeprefix("user_")),
            workspace_ids=None if workspace is None else self._named(workspace),
            **asked,
        )

    def _named(self, reference: str) -> frozenset[int]:
        places = self.places.values()
        found = [place.pk for place in places if reference in (str(place.public_id), place.slug)]
        if not found:
            raise not_found()
        return frozenset(found)


def known_places(organization_id: int) -> dict[int, Place]:
    """The organization's workspaces by their inner id."""
    return {place.pk: place for places in workspaces_of_log(organization_id) for place in places}


class ActorShape(serializers.Serializer[Any]):
    """Who did it, and from where."""

    user_id = serializers.CharField(source="user.public_id", default=None, allow_null=True)
    email = serializers.CharField(source="user.email", default=None, allow_null=True)
    management_key = serializers.CharField(default=None, allow_null=True)
    api_key_id = serializers.IntegerField(default=None, allow_null=True)
    door = serializers.CharField()
    address = serializers.CharField(allow_null=True)


class RevisionShape(serializers.Serializer[Any]):
    """One change of one object; the context's `places` name workspaces."""

    id = serializers.IntegerField()
    created_at = Moment()
    action = serializers.CharField()
    object_type = serializers.CharField()
    object_id = serializers.CharField()
    object_public_id = serializers.SerializerMethodField()
    object_name = serializers.CharField()
    workspace_id = serializers.SerializerMethodField()
    actor = ActorShape(source="*")
    reason = serializers.CharField()
    restores = serializers.IntegerField(allow_null=True, help_text="The revision that it rolled back to.")
    versions = serializers.DictField(
        child=serializers.IntegerField(), help_text="The version of each scope that it made."
    )
    changed = serializers.SerializerMethodField(help_text="The columns that differ.")

    def get_object_public_id(self, revision: Revision) -> str | None:
        public_id = (revision.after or revision.before or {}).get("public_id")
        return public_id if isinstance(public_id, str) else None

    def get_workspace_id(self, revision: Revision) -> UUID | None:
        place = self.context["places"].get(revision.workspace_id)
        return None if place is None else place.public_id

    def get_changed(self, revision: Revision) -> list[str]:
        return changed_columns(revision)


class DifferenceShape(serializers.Serializer[Any]):
    """A column's value on both sides."""

    before = serializers.JSONField()
    after = serializers.JSONField()


class OneRevisionShape(RevisionShape):
    """A change with the whole object on both sides, secrets left out."""

    before = serializers.DictField(allow_null=True)
    after = serializers.DictField(allow_null=True)
    diff = serializers.SerializerMethodField()

    def get_diff(self, revision: Revision) -> dict[str, dict[str, Any]]:
        return differences(revision.before, revision.after)


class LineShape(serializers.Serializer[Any]):
    """A line of the audit log: a revision, or an event that changed no setting."""

    id = serializers.IntegerField(source="pk")
    created_at = Moment(source="source.created_at")
    type = serializers.SerializerMethodField()
    action = serializers.CharField()
    summary = serializers.SerializerMethodField(help_text="The line as a sentence.")
    actor = ActorShape(source="source")
    object_type = serializers.CharField(source="revision.object_type", default=None, allow_null=True)
    object_id = serializers.CharField(source="revision.object_id", default=None, allow_null=True)
    object_name = serializers.CharField(source="revision.object_name", default=None, allow_null=True)
    workspace_id = serializers.SerializerMethodField()
    reason = serializers.CharField(source="revision.reason", default="")
    detail = serializers.SerializerMethodField()

    def get_type(self, entry: Entry) -> str:
        return "event" if isinstance(entry.source, AuditEvent) else "revision"

    def get_summary(self, entry: Entry) -> str:
        return f"{entry.who} {entry.summary}"

    def get_workspace_id(self, entry: Entry) -> UUID | None:
        place = self.context["places"].get(getattr(entry.source, "workspace_id", None))
        return None if place is None else place.public_id

    def get_detail(self, entry: Entry) -> dict[str, Any]:
        return entry.source.detail if isinstance(entry.source, AuditEvent) else {}


def differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, dict[str, Any]]:
    """What differs, by column."""
    changes = diff(dict(before or {}), dict(after or {}))
    return {name: {"before": old, "after": new} for name, (old, new) in changes.items()}


NEXT: dict[str, Field[Any, Any, Any, Any]] = {
    "total_count": serializers.IntegerField(),
    "next_before": serializers.CharField(allow_null=True),
}
REVISIONS = answer("RevisionList", data=RevisionShape(many=True), **NEXT)
REVISION = answer("RevisionAnswer", data=OneRevisionShape())
LINES = answer("AuditLogAnswer", data=LineShape(many=True), **NEXT)
DIFFERENCES = answer("DifferenceAnswer", data=serializers.DictField(child=DifferenceShape()))
