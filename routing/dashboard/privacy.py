"""The page of an organization's privacy settings: the ceiling, and what each setting would cut off now.

It stands here and not with its settings, in accounts, because what it shows is the catalog under them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.forms import BoundField
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts import privacy
from accounts.dashboard.pages import OrganizationView
from accounts.models import PrivacySettings
from accounts.permissions import Permission
from accounts.slug_lists import NotASlugList
from config.lib.dashboard import INVALID_FORM, is_part_wanted
from routing import explanations
from routing.catalog_snapshot import ModelEntry
from routing.dashboard.eligibility import eligibility_of
from routing.dashboard.privacy_form import PhraseRow, PrivacyForm
from routing.dashboard.restrictions_form import KEEPING_OUT, ZDR
from routing.dashboard.slug_field import LISTS, slug_list
from routing.explaining.remaining import Remaining
from routing.explanations import Governed
from routing.guardrails.rules import Layer, Rules, merge


@dataclass(frozen=True)
class Setting:
    """A setting with what it means, and how many models nobody could use any more for it alone."""

    field: BoundField
    help: str
    cut_off: int


class PrivacyView(OrganizationView):
    """`/o/{organization}/privacy`."""

    permission = Permission.ACCOUNT_MANAGE
    section = "privacy"

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The settings as they are."""
        return self._drawn(PrivacyForm(stored=self.settings()))

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Change them; or draw what that would do, where `look` is among what was sent."""
        form = PrivacyForm(request.POST, stored=self.settings())
        is_valid, look = form.is_valid(), request.POST.get("look", "")
        if look:
            return self._part(form, look) if is_part_wanted(request) else self._drawn(form)
        if is_valid and self._is_saved(form):
            messages.success(request, "Saved. It holds for every workspace within a second.")
            return redirect("dashboard:privacy", organization=self.organization.slug)
        return self._drawn(form, status=INVALID_FORM)

    def settings(self) -> PrivacySettings:
        """What the organization has."""
        return privacy.settings_of(self.organization)

    def _is_saved(self, form: PrivacyForm) -> bool:
        changes = form.differing(form.columns())
        try:
            if changes:
                privacy.change(organization=self.organization, by=self.actor, **changes)
        except (NotASlugList, privacy.NotAnAllowlist) as refusal:
            form.add_error(None, _in_words(str(refusal)))
            return False
        return True

    def _drawn(self, form: PrivacyForm, *, status: int = 200) -> HttpResponse:
        governed = self._governed(form)
        return self.page(
            "routing/privacy.html",
            form=form,
            settings=form.stored,
            lists=form.lists(explanations.catalog.get()),
            policies=list(_weighed(form, KEEPING_OUT, governed.models)),
            retention=list(_weighed(form, ZDR, governed.models)),
            phrases=[*form.phrases, PhraseRow()],
            eligibility=eligibility_of(governed, "account"),
            status=status,
        )

    def _governed(self, form: PrivacyForm) -> Governed:
        """The ceiling by itself, with as much of the form as is valid."""
        settings = vars(form.stored) | (form.columns() if form.is_bound else {})
        rules = merge([Rules.of(Layer("account"), settings)])
        return Governed(rules, (), explanations.models_in(self.organization.pk))

    def _part(self, form: PrivacyForm, look: str) -> HttpResponse:
        if look in LISTS:
            offers = slug_list(form, look, explanations.catalog.get())
            return self.page("routing/_slug_offers.html", list=offers)
        if look == "phrases":
            return self.page("routing/_phrases.html", phrases=[*form.phrases, PhraseRow()])
        if look == "preview":
            return self.page(
                "routing/_eligibility.html", eligibility=eligibility_of(self._governed(form), "account")
            )
        raise Http404


def _weighed(
    form: PrivacyForm, told: dict[str, tuple[str, str]], models: tuple[ModelEntry, ...]
) -> Iterable[Setting]:
    """The settings, each weighed by itself, whatever else is set."""
    now = timezone.now()
    present = Remaining(models, merge([]), now).eligible
    for name, (_, meaning) in told.items():
        rules = merge([Rules.of(Layer("account"), {name: name in ZDR})])
        eligible = Remaining(models, rules, now).eligible
        yield Setting(form[name], meaning, present - eligible)


def _in_words(refusal: str) -> str:
    """A refusal of the domain without the names of columns."""
    field, _, reason = refusal.partition(": ")
    return f"Phrases: {reason}" if field.startswith("prompt_injection_allowlist") else refusal
