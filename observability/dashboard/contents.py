"""What was said in a request, for whoever may see it, and marking what a guardrail found as found wrongly."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.dashboard.pages import answered_as_pages
from accounts.permissions import Permission, require
from config.lib.dashboard import is_part_wanted
from config.lib.environment import environment
from observability.contents import logged_content
from observability.dashboard.logs import GenerationPage
from observability.feedback import give
from observability.handling import guardrail_findings
from observability.models.feedback import GUARDRAIL_FALSE_POSITIVE
from observability.passages import answered_in, asked_in, curl_of


class ContentView(GenerationPage):
    """`/o/{organization}/logs/{generation}/content`: a part of the request's page, or a page of its own."""

    def enter(self) -> None:
        super().enter()
        with answered_as_pages():
            require(self.standing_there(), Permission.CONTENT_SEE)

    def get(self, request: HttpRequest, organization: str, generation: str) -> HttpResponse:
        """What I/O logging kept; what is not logged, or gone, is not there."""
        content = logged_content(self.generation)
        if content is None:
            raise Http404
        return self.page(
            "observability/content.html",
            generation=self.generation,
            asked=asked_in(content),
            answered=answered_in(content),
            is_truncated=content.get("is_truncated") is True,
            curl=curl_of(self.generation, content, base_url=environment().base_url),
        )


class FalsePositiveView(GenerationPage):
    """`…/false-positive`: a guardrail found what is not there."""

    def post(self, request: HttpRequest, organization: str, generation: str) -> HttpResponse:
        """Keep that as feedback, which administrators read."""
        if not guardrail_findings(self.generation.detail):
            raise Http404
        give(generation=self.generation, category=GUARDRAIL_FALSE_POSITIVE, by=self.actor)
        if is_part_wanted(request):
            return self.page(
                "observability/_false_positive.html", generation=self.generation, **self.findings()
            )
        return redirect("dashboard:generation", organization=organization, generation=generation)
