"""A workspace's destinations: the list, the gallery of kinds, adding, changing, switching and deleting one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.dashboard.forms import ConfirmForm
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from config.lib.declared import NotValid
from observability import destination_settings
from observability.dashboard.destination_forms import FIELDS_OF_REFUSALS, DestinationForm
from observability.dashboard.marks import Mark, mark_of, shelves
from observability.dashboard.trials import tried_config, tried_destination
from observability.delivery_reading import Faring, farings_of
from observability.destination_rows import MOST_OF_A_TYPE
from observability.destinations import DESTINATIONS
from observability.destinations.destination import DestinationKind
from observability.models import Destination
from observability.models.destination import DestinationQuerySet
from workspaces import workspaces
from workspaces.dashboard.pages import WorkspaceView

REFUSALS = (NotValid, *FIELDS_OF_REFUSALS)
TEST = "test"


@dataclass(frozen=True)
class Line:
    """A destination as the list shows it."""

    destination: Destination
    faring: Faring
    kind: DestinationKind
    mark: Mark


class DestinationsPage(WorkspaceView):
    """What the pages share."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "observability"

    def destinations(self) -> DestinationQuerySet:
        """The workspace's live ones, of kinds that there are."""
        rows: DestinationQuerySet = Destination.objects.for_workspace(self.workspace).live()
        return rows.filter(type__in=DESTINATIONS)

    @property
    def may_reach_everywhere(self) -> bool:
        """Whether this person may change what other workspaces have, too."""
        return self.may(Permission.ACCOUNT_MANAGE)

    def to_list(self) -> HttpResponse:
        """Go back to the list."""
        return redirect(
            "dashboard:destinations", organization=self.organization.slug, workspace=self.workspace.slug
        )

    def to_destination(self, destination: Destination) -> HttpResponse:
        """Go to the page of one."""
        return redirect(
            "dashboard:destination",
            organization=self.organization.slug,
            workspace=self.workspace.slug,
            destination=destination.public_id,
        )


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
            most=MOST_OF_A_TYPE,
            **options,
        )


class DestinationPage(DestinationsPage):
    """A page about one destination."""

    destination: Destination

    def enter(self) -> None:
        super().enter()
        found = (
            self.destinations()
            .filter(public_id=self.kwargs["destination"])
            .select_related("source__workspace")
        )
        destination = found.first()
        if destination is None:
            raise Http404
        self.destination = destination

    def require_reach(self) -> None:
        """Whoever changes what is in other workspaces, too, administers the organization."""
        if self.destination.is_everywhere or self.destination.source_id is not None:
            self.require(Permission.ACCOUNT_MANAGE)

    def about(self) -> dict[str, Any]:
        """What all of these pages name."""
        is_shared = self.destination.is_everywhere or self.destination.source_id is not None
        return {
            "destination": self.destination,
            "kind": DESTINATIONS[self.destination.type],
            "mark": mark_of(self.destination.type),
            "may_change": self.may_reach_everywhere or not is_shared,
            "may_see_source": self.may_reach_everywhere,
        }


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
