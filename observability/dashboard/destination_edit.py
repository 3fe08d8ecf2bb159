"""Changing a destination: its settings, whether it is told anything, whom it follows, and its end."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from accounts.dashboard.forms import ConfirmForm
from config.lib.dashboard import INVALID_FORM
from observability import destination_settings
from observability.dashboard.destination_forms import REFUSALS, TEST, DestinationForm
from observability.dashboard.destination_pages import DestinationPage
from observability.dashboard.trials import tried_destination
from observability.destinations import DESTINATIONS


class EditDestinationView(DestinationPage):
    """`…/destinations/{id}/settings`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The form as things are; of a copy, whom it follows."""
        return self.drawn(self._form())

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Try it, add a row to the rules, or save: as the button says."""
        self.require_reach()
        form = self._form(request.POST)
        do = request.POST.get("do", "")
        if do == TEST:
            return self.drawn(form, trial=tried_destination(self.destination, form))
        if do:
            form.rules.do(do)
            form.forget_errors()
            return self.drawn(form)
        return self._saved(form) or self.drawn(form, status=INVALID_FORM)

    def _saved(self, form: DestinationForm) -> HttpResponse | None:
        if not form.is_valid():
            return None
        try:
            changed = destination_settings.change(
                destination=self.destination,
                by=self.actor,
                name=form.cleaned_data["name"],
                config=form.config(),
                **form.settings(),
            )
        except REFUSALS as error:
            form.refuse(error)
            return None
        messages.success(self.request, f"“{changed.name}” is saved; it counts within a second.")
        return self.to_destination(changed)

    def _form(self, *args: Any) -> DestinationForm:
        return DestinationForm(
            *args,
            kind=DESTINATIONS[self.destination.type],
            workspace=self.workspace,
            destination=self.destination,
            may_be_everywhere=self.may_reach_everywhere,
        )

    def drawn(self, form: DestinationForm, **options: Any) -> HttpResponse:
        """The form, or what a copy is."""
        return self.page(
            "observability/destination_edit.html", form=form, tab="settings", **self.about(), **options
        )


class SwitchDestinationView(DestinationPage):
    """`…/destinations/{id}/enable` and `…/disable`."""

    is_enabled = True

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Turn it on or off."""
        self.require_reach()
        try:
            destination_settings.change(
                destination=self.destination, by=self.actor, is_enabled=self.is_enabled
            )
        except destination_settings.IsCopy as refusal:
            messages.error(request, str(refusal))
        else:
            said = (
                "is enabled" if self.is_enabled else "is disabled: what comes from now on is not told to it"
            )
            messages.success(request, f"“{self.destination.name}” {said}.")
        return self.to_destination(self.destination)


class DetachDestinationView(DestinationPage):
    """`…/destinations/{id}/detach`: a copy that is to follow its source no longer."""

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Detach it."""
        self.require_reach()
        try:
            destination_settings.detach(destination=self.destination, by=self.actor)
            messages.success(request, f"“{self.destination.name}” stands for itself now.")
        except destination_settings.NoCopy as refusal:
            messages.error(request, str(refusal))
        return self.to_destination(self.destination)


class DeleteDestinationView(DestinationPage):
    """`…/destinations/{id}/delete`."""

    def enter(self) -> None:
        super().enter()
        self.require_reach()

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Say what goes, and ask for the name."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Delete it if the name is right."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                destination_settings.delete(destination=self.destination, by=self.actor)
            except destination_settings.IsCopy as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"“{self.destination.name}” is deleted.")
                return self.to_list()
        return self._form_page(form, status=INVALID_FORM)

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.destination.name, what="the destination's name")

    def _form_page(self, form: ConfirmForm, **options: Any) -> HttpResponse:
        return self.page("observability/destination_delete.html", form=form, **self.about(), **options)
