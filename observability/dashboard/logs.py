"""The request log of an organization, and one request of it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission
from config.lib.dashboard import query_without
from config.lib.keyset import UnknownCursor
from observability.dashboard.names import NamesFor
from observability.logs import STATUSES, LogFilter, attempts_of, find, log_page, models_in_use, reason_of

PAGE_SIZE = 50
KEYS_LISTED = 200
NOBODY = -1
"""Stands for a workspace or key that the reader does not know of: nothing was ever asked with it."""


class LogsView(OrganizationView):
    """`/o/{organization}/logs`."""

    permission = Permission.LOGS_SEE
    section = "logs"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """A page of requests, narrowed by what the address says."""
        names = NamesFor(self.membership)
        try:
            page = log_page(
                self.organization.pk,
                self._wanted(names),
                before=self.asked("before"),
                size=PAGE_SIZE,
            )
        except UnknownCursor as error:
            raise Http404 from error
        shown: dict[str, Any] = {
            "lines": names.lines(list(page.rows)),
            "next_cursor": page.next_cursor,
            "query": query_without(request.GET, "before"),
        }
        if self.is_continuation:
            return self.page("observability/_log_rows.html", **shown)
        return self.page("observability/logs.html", **shown, **self._choices(names))

    def _wanted(self, names: NamesFor) -> LogFilter:
        workspace, key = self.asked("workspace"), self.asked("key")
        return LogFilter(
            workspace_id=names.workspace_id(workspace) or NOBODY if workspace else None,
            api_key_id=names.key_id(key) or NOBODY if key else None,
            status=self.asked("status"),
            model=self.asked("model"),
        )

    def _choices(self, names: NamesFor) -> dict[str, Any]:
        chosen = {name: self.asked(name) for name in ("workspace", "key", "status", "model")}
        return {
            "chosen": chosen,
            "is_narrowed": any(chosen.values()),
            "is_first_page": not self.asked("before"),
            "workspaces": names.workspaces,
            "keys": names.key_choices(KEYS_LISTED),
            "statuses": STATUSES,
            "models": models_in_use(self.organization.pk),
        }


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
        )
