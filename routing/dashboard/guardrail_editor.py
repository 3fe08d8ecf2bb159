"""The page on which a guardrail is made or changed, with what it would leave and find at every step.

Nothing is written while `look` is among what was sent: then the form is drawn as it stands, whole where there is no
script, or that part of it which htmx asks for.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse

from config.lib.dashboard import INVALID_FORM, is_part_wanted
from routing import explanations, guardrail_settings
from routing.dashboard.eligibility import eligibility_of, tried_on
from routing.dashboard.guardrail_form import GuardrailForm
from routing.dashboard.guardrail_words import name_of
from routing.dashboard.guardrails import GuardrailPage, GuardrailsPage
from routing.dashboard.slug_field import LISTS, slug_list
from routing.explanations import Draft, Governed
from routing.guardrail_checks import InvalidGuardrail
from routing.guardrail_rows import GuardrailGone
from routing.models import Guardrail

PARTS = {
    "preview": "routing/_eligibility.html",
    "tried": "routing/_tried.html",
    "patterns": "routing/_patterns.html",
}


class EditorPage(GuardrailsPage):
    """What making and changing a guardrail share."""

    guardrail: Guardrail

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The form as the guardrail is."""
        return self.drawn(GuardrailForm(stored=self.guardrail))

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Write it; or draw what it would do."""
        form = GuardrailForm(request.POST, stored=self.guardrail)
        is_valid, look = form.is_valid(), request.POST.get("look", "")
        if look:
            return self._part(form, look) if is_part_wanted(request) else self.drawn(form)
        if not is_valid:
            return self.drawn(form, status=INVALID_FORM)
        try:
            return self.save(form)
        except InvalidGuardrail as refusal:
            form.add_error(None, str(refusal))
            return self.drawn(form, status=INVALID_FORM)
        except GuardrailGone as gone:
            raise Http404 from gone

    def save(self, form: GuardrailForm) -> HttpResponse:
        """Call the domain, and lead on. Raises InvalidGuardrail, GuardrailGone."""
        raise NotImplementedError

    def drawn(self, form: GuardrailForm, *, status: int = 200) -> HttpResponse:
        """The whole page."""
        governed = self._governed(form)
        return self.page(
            "routing/guardrail_edit.html",
            guardrail=self.guardrail,
            name=name_of(self.guardrail),
            form=form,
            lists=form.lists(explanations.catalog.get()),
            eligibility=eligibility_of(governed, self._scope),
            tried=tried_on(str(form.data.get("text", "")) if form.is_valid() else "", governed),
            status=status,
        )

    @property
    def _scope(self) -> str:
        return "workspace" if self.guardrail.is_default else "api-key"

    def _governed(self, form: GuardrailForm) -> Governed:
        """The account, the workspace's default and this one, with as much of the form as is valid."""
        governed = explanations.governed_in(self.workspace)
        stored = {name: getattr(self.guardrail, name) for name in guardrail_settings.CHANGEABLE}
        settings = stored | (form.columns() if form.is_bound else {})
        try:
            return explanations.tried(governed, Draft(self._scope, replaces=True, settings=settings))
        except InvalidGuardrail:  # what is stored may have lost what it needs, such as an extra
            return governed

    def _part(self, form: GuardrailForm, look: str) -> HttpResponse:
        if look in LISTS:
            offers = slug_list(form, look, explanations.catalog.get())
            return self.page("routing/_slug_offers.html", list=offers)
        if look not in PARTS:
            raise Http404
        context: dict[str, Any] = {"form": form}
        if look == "preview":
            context["eligibility"] = eligibility_of(self._governed(form), self._scope)
        if look == "tried":
            context["tried"] = tried_on(str(form.data.get("text", "")), self._governed(form))
        return self.page(PARTS[look], **context)


class NewGuardrailView(EditorPage):
    """`…/guardrails/new`."""

    def enter(self) -> None:
        super().enter()
        self.guardrail = Guardrail(organization=self.organization, workspace=self.workspace)

    def save(self, form: GuardrailForm) -> HttpResponse:
        """Make it, and go on to who is held to it."""
        made = guardrail_settings.create(workspace=self.workspace, by=self.actor, **form.columns())
        messages.success(self.request, f"Created “{made.name}”. It governs nobody until it is assigned.")
        return self.to_page("dashboard:guardrail_keys", made)


class EditGuardrailView(GuardrailPage, EditorPage):
    """`…/guardrails/{id}`."""

    def save(self, form: GuardrailForm) -> HttpResponse:
        """Change what differs; nothing is recorded where nothing does."""
        changes = form.differing(form.columns())
        if changes:
            guardrail_settings.change(guardrail=self.guardrail, by=self.actor, **changes)
        name = changes.get("name", name_of(self.guardrail))
        messages.success(self.request, f"Saved “{name}”. It holds within a second.")
        return self.to_list()
