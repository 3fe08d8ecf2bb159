"""A workspace's destinations, and how the traces for one fare: the last batches, dead letters to be sent again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from config.lib.keyset import UnknownCursor
from observability.delivery_orders import NotOrderable, TooManyOrders, order
from observability.delivery_reading import deliveries, faring_of, farings_of, jobs_of, receipts
from observability.models import Delivery, DeliveryJob, Destination
from observability.tasks import start_job
from workspaces.dashboard.pages import WorkspaceView

BATCHES_SHOWN = 20
LETTERS_SHOWN = 50
JOBS_SHOWN = slice(0, 5)


class DestinationsView(WorkspaceView):
    """`/o/{organization}/w/{workspace}/destinations`."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "observability"

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The workspace's destinations, and how each fares."""
        live = Destination.objects.for_workspace(self.workspace).live()
        destinations = list(live.order_by("name", "pk"))
        return self.page(
            "observability/destinations.html",
            lines=list(zip(destinations, farings_of(destinations), strict=True)),
            is_broadcast=self.workspace.is_broadcast_enabled,
        )


class DeliveriesPage(WorkspaceView):
    """What the pages of a destination's deliveries share."""

    permission = Permission.WORKSPACE_CONFIGURE
    section = "observability"
    destination: Destination

    def enter(self) -> None:
        super().enter()
        live = Destination.objects.for_workspace(self.workspace).live()
        found = live.filter(public_id=self.kwargs["destination"]).first()
        if found is None:
            raise Http404
        self.destination = found


class DeliveriesView(DeliveriesPage):
    """`/o/{organization}/w/{workspace}/destinations/{destination}/deliveries`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """The state, the last batches and jobs, and a page of dead letters."""
        try:
            letters = deliveries(
                self.destination, status=Delivery.DEAD, before=self.asked("before"), size=LETTERS_SHOWN
            )
        except UnknownCursor as error:
            raise Http404 from error
        return self.page(
            "observability/deliveries.html",
            destination=self.destination,
            faring=faring_of(self.destination),
            receipts=receipts(self.destination, outcome="", before="", size=BATCHES_SHOWN).rows,
            jobs=jobs_of(self.destination, JOBS_SHOWN)[0],
            letters=letters.rows,
            next_cursor=letters.next_cursor,
        )


class ReplayView(DeliveriesPage):
    """`…/deliveries/replay`: sends all dead letters again."""

    def post(
        self, request: HttpRequest, organization: str, workspace: str, destination: UUID
    ) -> HttpResponse:
        """Order it and go back."""
        try:
            order(destination=self.destination, kind=DeliveryJob.REPLAY, by=self.actor, start=start_job)
            messages.success(request, "Dead letters are being sent again.")
        except (NotOrderable, TooManyOrders) as refusal:
            messages.error(request, str(refusal))
        return redirect(
            "dashboard:deliveries", organization=organization, workspace=workspace, destination=destination
        )
