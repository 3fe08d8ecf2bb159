"""Allowing a phrase for good that a guardrail took for a prompt injection, from the request in which it did."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import privacy
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from observability.dashboard.logs import GenerationPage
from observability.handling import has_injection
from observability.injections import phrases_in

SUGGESTIONS = "phrases"


class PhraseForm(forms.Form):
    """The phrase, exactly as requests have it but for letter case."""

    phrase = forms.CharField(
        max_length=privacy.LONGEST_PHRASE_BYTES,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "list": SUGGESTIONS}),
    )


class AllowPhraseView(GenerationPage):
    """`…/logs/{generation}/allow`: for whoever manages the account, as the list is the whole organization's."""

    permission = Permission.ACCOUNT_MANAGE

    def enter(self) -> None:
        super().enter()
        if not has_injection(self.generation.detail):
            raise Http404

    def get(self, request: HttpRequest, organization: str, generation: str) -> HttpResponse:
        """The form, with what the guardrails' patterns find in what was logged."""
        found = phrases_in(self.generation)
        return self._page(PhraseForm(initial={"phrase": found[0] if found else ""}), found)

    def post(self, request: HttpRequest, organization: str, generation: str) -> HttpResponse:
        """Put it on the list."""
        form = PhraseForm(request.POST)
        if form.is_valid():
            phrase: str = form.cleaned_data["phrase"]
            try:
                privacy.allow_phrase(organization=self.organization, phrase=phrase, by=self.actor)
            except privacy.NotAnAllowlist as error:
                form.add_error("phrase", str(error).partition(": ")[2].capitalize())
            else:
                messages.success(request, f"“{phrase}” is no prompt injection any more.")
                return redirect("dashboard:generation", organization=organization, generation=generation)
        return self._page(form, phrases_in(self.generation), status=INVALID_FORM)

    def _page(self, form: PhraseForm, found: list[str], **answer: Any) -> HttpResponse:
        return self.page(
            "observability/allow_phrase.html", generation=self.generation, form=form, found=found, **answer
        )
