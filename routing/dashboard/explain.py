"""The page that explains: what would become of a request, why, and what would have to change. Nothing is called."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from observability.contents import logged_content
from observability.logs import find
from routing import explanations
from routing.dashboard.explain_form import ExplainForm, first_question, question_about
from routing.dashboard.told_decision import ToldDecision, told_decision
from routing.explanations import TooMuchToScan
from workspaces.dashboard.pages import WorkspaceView
from workspaces.dashboard.snippets import example_model
from workspaces.models import ApiKey
from workspaces.visible_keys import keys_visible_to

KEYS_LISTED = 200


class ExplainView(WorkspaceView):
    """`/o/{organization}/w/{workspace}/explain`, with `generation` about a request of the log."""

    permission = Permission.REQUESTS_EXPLAIN
    section = "explain"

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The empty question, or one that was asked once."""
        about = self.asked("generation")
        first = self._question_about(about) if about else first_question(example_model(self.workspace))
        return self.drawn(ExplainForm(initial=first, keys=self.keys))

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Decide, and show the way to it."""
        form = ExplainForm(request.POST, keys=self.keys)
        found = self.explained(form) if form.is_valid() else None
        return self.drawn(form, found=found, status=200 if found else INVALID_FORM)

    @cached_property
    def keys(self) -> list[ApiKey]:
        """The keys whose requests this person may ask about, the newest first."""
        visible = keys_visible_to(self.membership, self.standing, self.workspace)
        return list(visible.order_by("-pk")[:KEYS_LISTED])

    def explained(self, form: ExplainForm) -> ToldDecision | None:
        """The decision; None where the form says now why there is none.

        Whoever does not manage the account is told which setting of others refuses, and not what else is in it.
        """
        question = form.question()
        key = next(key for key in self.keys if key.hash == question.key)
        try:
            explanation = explanations.explain(
                key=explanations.key_of(self.organization.pk, key.pk),
                asked=question.asked,
                seed=question.seed,
            )
        except TooMuchToScan:
            form.add_error("request", "This is too long to be searched here for the guardrails’ patterns.")
            return None
        return told_decision(explanation, is_whole=self.may(Permission.ACCOUNT_MANAGE))

    def drawn(
        self, form: ExplainForm, *, found: ToldDecision | None = None, status: int = 200
    ) -> HttpResponse:
        """The question, and below it the answer."""
        return self.page("routing/explain.html", form=form, found=found, keys=self.keys, status=status)

    def _question_about(self, generation_id: str) -> dict[str, Any]:
        """A request of this workspace's log; what was said only for those who may see it."""
        generation = find(self.organization.pk, generation_id)
        if generation is None or generation.workspace_id != self.workspace.pk:
            raise Http404
        may_read = self.may(Permission.CONTENT_SEE)
        content = logged_content(generation) if may_read else None
        key = next((key.hash for key in self.keys if key.pk == generation.api_key_id), "")
        return question_about(generation, content, key)
