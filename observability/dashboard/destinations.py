"""A workspace's destinations: the list, the gallery of kinds, adding one, and broadcast as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse

from config.lib.dashboard import INVALID_FORM
from observability import destination_settings
from observability.dashboard.destination_forms import REFUSALS, TEST, DestinationForm
from observability.dashboard.destination_pages import DestinationsPage
from observability.dashboard.marks import Mark, mark_of, shelves
from observability.dashboard.trials import tried_config
from observability.delivery_reading import Faring, farings_of
from observability.destinations import DESTINATIONS
from observability.destinations.destination import DestinationKind
from observability.models import Destination
from workspaces import workspaces


@dataclass(frozen=True)
class Line:
    """A destination as the list shows it."""

    destination: Destination
    faring: Faring
    kind: DestinationKind
    mark: Mark


class DestinationsView(DestinationsPage):
    """`/o/{organization}/w/{workspace}/destinations`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The workspace's destinations and how each fares; without any, the gallery."""
        rows = list(self.destinations().order_by("name", "pk"))
        lines = [
            Line(row, faring, DESTINATIONS[row.type], mark_of(row.type))
            for row, faring in zip(rows, farings_of(rows), strict=True)
        ]
        return self.page(
            "observability/destinations.html", lines=lines, shelves=shelves() if not lines else []
        )


class SwitchBroadcastView(DestinationsPage):
    """`…/destinations/broadcast`: all destinations of the workspace at once."""

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Turn it on or off."""
        is_on = request.POST.get("is_on") == "1"
        workspaces.change(workspace=self.workspace, by=self.actor, is_broadcast_enabled=is_on)
        said = (
            "on: finished requests are told to enabled destinations"
            if is_on
            else "off: nobody is told anything"
        )
        messages.success(request, f"Broadcast is {said}.")
        return self.to_list()


class GalleryView(DestinationsPage):
    """`…/destinations/new`: which kind."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """All kinds, by shelves."""
        return self.page("observability/destination_new.html", shelves=shelves())


class NewDestinationView(DestinationsPage):
    """`…/destinations/new/{type}`: the form, with a test before anything is kept."""

    kind: DestinationKind

    def enter(self) -> None:
        super().enter()
        if self.kwargs["type"] not in DESTINATIONS:
            raise Http404
        self.kind = DESTINATIONS[self.kwargs["type"]]

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The empty form."""
        return self.drawn(self._form())

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Try it, add a row to the rules, or add the destination: as the button says."""
        form = self._form(request.POST)
        do = request.POST.get("do", "")
        if do == TEST:
            return self.drawn(form, trial=tried_config(form, self.organization.pk))
        if do:
            form.rules.do(do)
            form.forget_errors()
            return self.drawn(form)
        return self._added(form) or self.drawn(form, status=INVALID_FORM)

    def _added(self, form: DestinationForm) -> HttpResponse | None:
        if not form.is_valid():
            return None
        try:
            made = destination_settings.create(
                workspace=self.workspace,
                kind=self.kind.slug,
                name=form.cleaned_data["name"],
                config=form.config(),
                by=self.actor,
                **form.settings(),
            )
        except REFUSALS as error:
            form.refuse(error)
            return None
        messages.success(self.request, f"“{made.name}” is added.")
        return self.to_destination(made)

    def _form(self, *args: Any) -> DestinationForm:
        return DestinationForm(
            *args, kind=self.kind, workspace=self.workspace, may_be_everywhere=self.may_reach_everywhere
        )

    def drawn(self, form: DestinationForm, **options: Any) -> HttpResponse:
        """The form."""
        return self.page(
            "observability/destination_add.html",
            form=form,
            kind=self.kind,
            mark=mark_of(self.kind.slug),
            **options,
        )
