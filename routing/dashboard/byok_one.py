"""The pages of one provider key: what it is for, its place in the order, on and off, a trial, its end."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from accounts.dashboard.forms import ConfirmForm
from accounts.models import Membership
from config.lib.dashboard import INVALID_FORM, is_part_wanted
from routing import byok, byok_order, byok_trial
from routing.byok_filters import UnknownReference, shown_filters
from routing.credential_formats import UndeclarableRegion
from routing.dashboard.byok import CredentialPage
from routing.dashboard.byok_forms import SettingsForm, key_choices, member_choices
from routing.dashboard.byok_rows import AFTER
from routing.dashboard.trial_words import fault_text
from routing.private_upstreams import names_of
from workspaces.models import ApiKey

LAST = 10**6
"""As a number in a section: the last one."""


class EditCredentialView(CredentialPage):
    """`…/byok/{id}`: what the key is called, and what it is for."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """The form as the key is."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Change it."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                changed = byok.change(credential=self.credential, by=self.actor, **form.changes())
            except (byok.FallbackOnly, UndeclarableRegion, UnknownReference) as refusal:
                name, _, said = str(refusal).partition(": ")
                form.add_error(name if name in form.fields else None, said[:1].upper() + said[1:])
            else:
                messages.success(request, f"Saved “{changed.name or changed.label}”.")
                return self.to_list()
        return self._form_page(form, status=INVALID_FORM)

    def _form(self, *args: Any) -> SettingsForm:
        row = self.credential
        (filters,) = shown_filters(self.organization.pk, [row])
        keys = ApiKey.objects.for_organization(self.organization).active()
        if row.workspace_id is not None:
            keys = keys.filter(workspace=self.workspace) | keys.filter(pk__in=row.allowed_api_key_ids or [])
        members = Membership.objects.for_organization(self.organization).live()
        return SettingsForm(
            *args,
            credential=row,
            filters=filters,
            keys=key_choices(keys, filters.api_key_hashes),
            members=member_choices(members, row.allowed_member_ids),
        )

    def _form_page(self, form: SettingsForm, **options: Any) -> HttpResponse:
        return self.page(
            "routing/byok_edit.html",
            form=form,
            credential=self.credential,
            name=self.name,
            provider_name=names_of([self.credential.provider])[self.credential.provider],
            **options,
        )


class SwitchCredentialView(CredentialPage):
    """`…/byok/{id}/disable` and `/enable`."""

    is_disabled = False

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Turn the key off or on."""
        byok.change(credential=self.credential, by=self.actor, is_disabled=self.is_disabled)
        said = "is disabled: no request is sent with it" if self.is_disabled else "is used again"
        messages.success(request, f"“{self.name}” {said}.")
        return self.to_list()


class MoveCredentialView(CredentialPage):
    """`…/byok/{id}/move`: to a section and a number there (drag), or by one (`to=earlier`, a button)."""

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Move it; htmx is answered with the provider's card."""
        is_fallback, position = self._wanted()
        try:
            byok_order.move(
                credential=self.credential, is_fallback=is_fallback, position=position, by=self.actor
            )
        except byok.FallbackOnly:
            messages.error(
                request,
                f"“{self.name}” keeps requests from our endpoints, so it cannot be tried after them. "
                "Lift “Never use our endpoints” first.",
            )
        if not is_part_wanted(request):
            return self.to_list()
        (card,) = self.cards([self.credential.provider])
        return self.page("routing/_byok_card.html", card=card)

    def _wanted(self) -> tuple[bool, int]:
        """Where to: before or after our endpoints, and as which one there."""
        row, to = self.credential, self.request.POST.get("to", "")
        if to in ("earlier", "later"):
            section = self.usable().filter(provider=row.provider, is_fallback=row.is_fallback)
            order = list(section.filter(workspace=row.workspace).values_list("pk", flat=True))
            step = -1 if to == "earlier" else 1
            return row.is_fallback, max(order.index(row.pk) + step, 0)
        section_asked, position = (
            to or self.request.POST.get("section", ""),
            self.request.POST.get("position", ""),
        )
        is_number = position.isascii() and position.isdigit() and len(position) < 6
        return section_asked == AFTER, int(position) if is_number else LAST


class TryCredentialView(CredentialPage):
    """`…/byok/{id}/test`: one small request with it."""

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Ask, and say what came of it."""
        try:
            trial = byok_trial.try_out(credential=self.credential)
        except byok_trial.NothingToAsk as refusal:
            messages.warning(request, str(refusal))
        else:
            if trial.fault is None:
                messages.success(request, f"“{self.name}” works: {trial.model} answered.")
            else:
                asked = f" ({trial.model} was asked)" if trial.model else ""
                messages.error(request, f"“{self.name}” does not work{asked}: {fault_text(trial.fault)}.")
        return HttpResponse(status=204) if is_part_wanted(request) else self.to_list()


class DeleteCredentialView(CredentialPage):
    """`…/byok/{id}/delete`."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Say what will change, and ask for the name."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Delete it if the name is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._form_page(form, status=INVALID_FORM)
        byok.delete(credential=self.credential, by=self.actor)
        messages.success(request, f"“{self.name}” is deleted, and its key wiped.")
        return self.to_list()

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.name, what="the key's name")

    def _form_page(self, form: ConfirmForm, **options: Any) -> HttpResponse:
        return self.page(
            "routing/byok_delete.html", credential=self.credential, name=self.name, form=form, **options
        )
