"""The request log of an organization, and one request of it."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission
from config.lib.dashboard import query_without
from config.lib.keyset import UnknownCursor
from observability.classifications import labels_of
from observability.dashboard.log_form import LogForm
from observability.dashboard.names import NamesFor
from observability.log_filters import STATUSES
from observability.logs import (
    LogPage,
    attempts_of,
    excluded_of,
    find,
    log_page,
    models_in_use,
    raw_of,
    reason_of,
    stages_of,
)

PAGE_SIZE = 50
KEYS_LISTED = 200


class LogsView(OrganizationView):
    """`/o/{organization}/logs`."""

    permission = Permission.LOGS_SEE
    section = "logs"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """A page of requests, narrowed by what the address says.

        With `seen`, htmx asks whether the newest page still shows what it showed: 204 if it does.
        """
        names = NamesFor(self.membership)
        form = LogForm(request.GET, names)
        try:
            page = log_page(self.organization.pk, form.wanted, before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        mark = mark_of(page)
        if self.asked("seen") == mark:
            return HttpResponse(status=204)
        shown: dict[str, Any] = {
            "lines": names.lines(list(page.rows)),
            "next_cursor": page.next_cursor,
            "looked_back_to": page.looked_back_to,
            "query": query_without(request.GET, "before", "seen"),
            "mark": mark,
            "is_live": bool(self.asked("live")) and not self.asked("before"),
        }
        if self.asked("seen"):
            return self.page("observability/_log_body.html", **shown)
        if self.is_continuation:
            return self.page("observability/_log_rows.html", **shown)
        return self.page("observability/logs.html", **shown, **self._choices(names, form))

    def _choices(self, names: NamesFor, form: LogForm) -> dict[str, Any]:
        return {
            "chosen": form.asked,
            "has_more_filters": form.has_more,
            "is_narrowed": form.wanted.is_narrow,
            "is_first_page": not self.asked("before"),
            "quiet_query": query_without(self.request.GET, "before", "seen", "live"),
            "workspaces": names.workspaces,
            "keys": names.key_choices(KEYS_LISTED),
            "members": names.member_choices(KEYS_LISTED),
            "statuses": STATUSES,
            "models": models_in_use(self.organization.pk),
        }


def mark_of(page: LogPage) -> str:
    """The same text for the same requests."""
    shown = ",".join(row.public_id for row in page.rows)
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


class GenerationView(OrganizationView):
    """`/o/{organization}/logs/{generation}`: a page of its own, or the drawer beside the list."""

    permission = Permission.LOGS_SEE
    section = "logs"

    def get(self, request: HttpRequest, organization: str, generation: str) -> HttpResponse:
        """Everything but the content."""
        found = find(self.organization.pk, generation)
        if found is None:
            raise Http404
        [line] = NamesFor(self.membership).lines([found])
        return self.page(
            "observability/generation.html",
            line=line,
            generation=found,
            attempts=attempts_of(found),
            reason=reason_of(found),
            stages=stages_of(found),
            labels=labels_of(found),
            excluded=excluded_of(found),
            raw=raw_of(found),
        )
