"""The request log of an organization, and one request of it."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission, Standing, may
from config.lib.dashboard import query_without
from config.lib.keyset import UnknownCursor
from observability.classifications import labels_of
from observability.contents import is_logged
from observability.dashboard.log_form import LogForm
from observability.dashboard.names import NamesFor
from observability.dashboard.waterfall import waterfall_of
from observability.delivery_reading import deliveries_of
from observability.feedback import has_said
from observability.handling import guardrail_findings, has_injection
from observability.log_filters import PROMPT_CACHE, RESPONSE_CACHE, STATUSES
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
from observability.models import Generation
from observability.models.feedback import GUARDRAIL_FALSE_POSITIVE
from observability.request_steps import steps_of
from workspaces.members import standing_in, workspaces_of
from workspaces.models import Workspace

PAGE_SIZE = 50
KEYS_LISTED = 200
CACHE_CHOICES = ((RESPONSE_CACHE, "Answered from our cache"), (PROMPT_CACHE, "Read from a prompt cache"))


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
        seen = "" if self.asked("before") else self.asked("seen")
        if seen == mark:
            return HttpResponse(status=204)
        shown: dict[str, Any] = {
            "lines": names.lines(list(page.rows)),
            "next_cursor": page.next_cursor,
            "looked_back_to": page.looked_back_to,
            "older_label": "Keep looking" if page.looked_back_to else "Show older requests",
            "query": query_without(request.GET, "before", "seen"),
            "mark": mark,
            "is_live": bool(self.asked("live")) and not self.asked("before"),
        }
        if seen:
            return self.page("observability/_log_body.html", **shown)
        if self.is_continuation:
            return self.page("observability/_log_rows.html", **shown)
        return self.page("observability/logs.html", **shown, **self._choices(names, form))

    def _choices(self, names: NamesFor, form: LogForm) -> dict[str, Any]:
        members = names.member_choices(KEYS_LISTED)
        return {
            "chosen": form.asked,
            "label": form.wanted.label,
            "has_more_filters": form.has_more,
            "is_narrowed": form.wanted.is_narrow,
            "is_first_page": not self.asked("before"),
            "workspaces": [(place.slug, place.name) for place in names.workspaces],
            "keys": [(key.hash, key.name) for key in names.key_choices(KEYS_LISTED)],
            "members": [(row.user.public_id, row.user.name or row.user.email) for row in members],
            "statuses": [(status, status.capitalize()) for status in STATUSES],
            "caches": CACHE_CHOICES,
            "models": [(model, model) for model in models_in_use(self.organization.pk)],
        }


def mark_of(page: LogPage) -> str:
    """The same text for the same requests."""
    shown = ",".join(row.public_id for row in page.rows)
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


class GenerationPage(OrganizationView):
    """What pages about one request share."""

    permission = Permission.LOGS_SEE
    section = "logs"
    generation: Generation

    def enter(self) -> None:
        super().enter()
        found = find(self.organization.pk, self.kwargs["generation"])
        if found is None:
            raise Http404
        self.generation = found

    def standing_there(self) -> Standing:
        """What this person is in the request's workspace; once that is deleted, in the organization."""
        if self.standing == Standing.ORGANIZATION_ADMIN:
            return self.standing
        live = Workspace.objects.for_organization(self.organization).live()
        workspace = live.filter(pk=self.generation.workspace_id).first()
        return self.standing if workspace is None else standing_in(workspace, self.user)

    def findings(self) -> dict[str, Any]:
        """Whether a guardrail found something, and whether this person has said that it is not there."""
        if not guardrail_findings(self.generation.detail):
            return {"has_findings": False}
        is_marked = has_said(generation=self.generation, category=GUARDRAIL_FALSE_POSITIVE, user=self.user)
        may_allow = has_injection(self.generation.detail) and self.may(Permission.ACCOUNT_MANAGE)
        return {
            "has_findings": True,
            "is_marked": is_marked,
            "may_allow": may_allow,
        }


class GenerationView(GenerationPage):
    """`/o/{organization}/logs/{generation}`: a page of its own, or the drawer beside the list."""

    def get(self, request: HttpRequest, organization: str, generation: str) -> HttpResponse:
        """Everything but the content, which has an address of its own."""
        found, there = self.generation, self.standing_there()
        [line] = NamesFor(self.membership).lines([found])
        steps = [found, *steps_of(found)] if line.whole else []
        return self.page(
            "observability/generation.html",
            line=line,
            generation=found,
            waterfall=waterfall_of(steps),
            attempts=[] if found.is_tool_run else attempts_of(found),
            reason=reason_of(found),
            stages=stages_of(found),
            labels=labels_of(found),
            excluded=excluded_of(found),
            explain_in=self.place_to_explain(),
            raw=raw_of(found),
            has_content=may(there, Permission.CONTENT_SEE) and is_logged(found),
            deliveries=deliveries_of(found) if may(there, Permission.WORKSPACE_CONFIGURE) else [],
            **self.findings(),
        )

    def place_to_explain(self) -> str:
        """The slug of the workspace whose page explains the request; empty where it is not this person's to ask."""
        there = {workspace.pk: workspace for workspace in workspaces_of(self.membership)}
        found = there.get(self.generation.workspace_id)
        return "" if found is None or self.generation.is_tool_run else found.slug
