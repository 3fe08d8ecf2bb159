"""The pages of the audit log: the list, one line of it, rolling back, the download."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from accounts.audit_events import EXPORTED, KINDS, note
from accounts.audit_export import audit_file
from accounts.audit_log import (
    ACTIONS,
    DOORS,
    Entry,
    LogFilter,
    find,
    kind_name,
    log_page,
    object_name,
    workspaces_of_log,
)
from accounts.dashboard.pages import OrganizationView
from accounts.models import Membership, Revision
from accounts.permissions import Permission
from accounts.recorded_changes import changes_between, changes_of, newest_of
from accounts.restoring import CannotRestore, restorers
from accounts.rolling_back import Side, can_be_restored, permission_to_restore, refusal_of, roll_back
from config.lib.dashboard import INVALID_FORM, query_without
from config.lib.keyset import UnknownCursor

PAGE_SIZE = 50
PEOPLE_LISTED = 500
LONGEST_REASON = 400
FILTERS = ("who", "action", "kind", "door", "since", "until", "object", "workspace")
NOBODY = 0


class LogPage(OrganizationView):
    """What the pages of the audit log share."""

    permission = Permission.ACCOUNT_MANAGE
    section = "audit_log"

    def wanted(self) -> LogFilter:
        """What the address narrows the log to; what makes no sense there finds nothing."""
        until, user, workspace = _day(self.asked("until")), self.asked("who"), self.asked("workspace")
        return LogFilter(
            action=self.asked("action")[:40],
            door=self.asked("door")[:20],
            object_type=self.asked("kind")[:40],
            object_id=self.asked("object")[:64],
            user_id=(int(user) if _is_number(user) else NOBODY) if user else None,
            workspace_ids=self._workspace_ids(workspace) if workspace else None,
            since=_day(self.asked("since")),
            until=until + timedelta(days=1) if until else None,
        )

    def _workspace_ids(self, slug: str) -> frozenset[int]:
        known = [place for places in workspaces_of_log(self.organization.pk) for place in places]
        return frozenset(place.pk for place in known if place.slug == slug)


class AuditLogView(LogPage):
    """`/o/{organization}/audit-log`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """A page of the log, narrowed by what the address says."""
        try:
            page = log_page(self.organization.pk, self.wanted(), before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        shown: dict[str, Any] = {"page": page, "query": query_without(request.GET, "before")}
        if self.is_continuation:
            return self.page("accounts/_audit_rows.html", **shown)
        return self.page("accounts/audit_log.html", **shown, **self._choices())

    def _choices(self) -> dict[str, Any]:
        chosen = {name: self.asked(name) for name in FILTERS}
        people = Membership.objects.for_organization(self.organization).select_related("user")
        return {
            "chosen": chosen,
            "is_narrowed": any(chosen.values()),
            "is_first_page": not self.asked("before"),
            "people": [
                (str(row.user_id), row.user.email)
                for row in people.order_by("user__email", "pk")[:PEOPLE_LISTED]
            ],
            "actions": [(name, verb.capitalize()) for name, verb in (ACTIONS | KINDS).items()],
            "kinds": sorted(
                ((name, _capital(kind_name(name))) for name in restorers.keys),
                key=lambda kind: kind[1].lower(),
            ),
            "doors": [(door, door) for door in DOORS],
            "places": [
                (place.slug, place.name)
                for places in workspaces_of_log(self.organization.pk)
                for place in places
            ],
        }


class ExportView(LogPage):
    """`/o/{organization}/audit-log.csv`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponseBase:
        """Everything that the filters let through, as a file; that it was taken is in the log itself."""
        note(
            EXPORTED, by=self.actor, organization_ids=[self.organization.pk], detail={"what": "the audit log"}
        )
        return audit_file(self.organization, self.wanted())


class EntryPage(LogPage):
    """A page about one line of the log."""

    entry: Entry

    def enter(self) -> None:
        super().enter()
        entry = find(self.organization.pk, self.kwargs["entry"])
        if entry is None:
            raise Http404
        self.entry = entry


class EntryView(EntryPage):
    """`…/audit-log/{id}`: a page of its own, or the drawer beside the list."""

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Who did what, from where, and each column before and after."""
        revision = self.entry.revision
        sides, why_not = self._restorable(revision) if revision else ([], "")
        return self.page(
            "accounts/audit_entry.html",
            entry=self.entry,
            revision=revision,
            name=object_name(revision) if revision else "",
            changes=changes_of(revision) if revision else [],
            sides=sides,
            why_not=why_not,
            place=self._place(revision) if revision else None,
        )

    def _restorable(self, revision: Revision) -> tuple[list[Side], str]:
        """Where this person may bring the object back to from here; where nowhere, why."""
        kind = kind_name(revision.object_type)
        if not can_be_restored(revision) or not self.may(permission_to_restore(revision)):
            return [], f"What is recorded of a {kind} cannot be rolled back here."
        today = newest_of(revision).after
        states: dict[Side, dict[str, Any] | None] = {"before": revision.before, "after": revision.after}
        wanted = [side for side, state in states.items() if state and changes_between(today, state)]
        if not wanted and revision.before is not None:
            return [], f"The {kind} is in this state already."
        tried: list[Side] = wanted or ["before"]
        refusals = {side: refusal_of(revision=revision, to=side, by=self.actor) for side in tried}
        if not wanted:
            own = f"The {kind} is as it was made. To take that back, delete it on its own page."
            return [], refusals["before"] or own
        sides = [side for side in wanted if not refusals[side]]
        return sides, "" if sides else refusals[wanted[0]]

    def _place(self, revision: Revision) -> Any:
        known = [place for places in workspaces_of_log(self.organization.pk) for place in places]
        return next((place for place in known if place.pk == revision.workspace_id), None)


class RestoreView(EntryPage):
    """`…/audit-log/{id}/restore?to=before`: what would change, and doing it."""

    revision: Revision
    side: Side

    def enter(self) -> None:
        super().enter()
        side = self.request.POST.get("to") or self.asked("to")
        if self.entry.revision is None or side not in ("before", "after"):
            raise Http404
        self.revision, self.side = self.entry.revision, cast(Side, side)
        self.require(permission_to_restore(self.revision))

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """What would change from today on, and a place for the reason; or why it cannot be."""
        refusal = refusal_of(revision=self.revision, to=self.side, by=self.actor)
        return self._form(refusal=refusal, is_possible=not refusal)

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Roll back, or say why not."""
        reason = request.POST.get("reason", "").replace("\x00", "").strip()[:LONGEST_REASON]
        try:
            made = roll_back(revision=self.revision, to=self.side, by=self.actor, reason=reason)
        except CannotRestore as refusal:
            return self._form(refusal=str(refusal), reason=reason, status=INVALID_FORM)
        messages.success(request, f"“{object_name(made)}” is as it was.")
        return redirect("dashboard:audit_log", organization=self.organization.slug)

    def _form(
        self, *, refusal: str, reason: str = "", is_possible: bool = True, **answer: int
    ) -> HttpResponse:
        return self.page(
            "accounts/audit_restore.html",
            is_possible=is_possible,
            **answer,
            revision=self.revision,
            name=object_name(self.revision),
            side=self.side,
            changes=self._preview,
            refusal=refusal,
            reason=reason,
        )

    @cached_property
    def _preview(self) -> list[Any]:
        state = self.revision.before if self.side == "before" else self.revision.after
        return changes_between(newest_of(self.revision).after, state)


def _day(text: str) -> datetime | None:
    """The beginning of a day that has one after it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return None if day == date.max else datetime.combine(day, time(), UTC)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
