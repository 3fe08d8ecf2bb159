"""One destination: how it fares, its deliveries and batches, and what is ordered: replays, discards, back-fills."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from config.lib.charts import Chart, Series, stacked_bars
from config.lib.dashboard import INVALID_FORM
from config.lib.ids import parse_generation_id
from config.lib.keyset import UnknownCursor
from observability.dashboard.backfill_form import BackfillForm
from observability.dashboard.destination_pages import DestinationPage
from observability.dashboard.trials import Trial, sent_test_trace, tried
from observability.delivery_days import Day, days_of
from observability.delivery_orders import NotOrderable, TooManyOrders, order
from observability.delivery_reading import OUTCOMES, STATUSES, deliveries, faring_of, jobs_of, receipts
from observability.models import DeliveryJob
from observability.tasks import start_job

PAGE_SIZE = 50
JOBS_SHOWN = slice(0, 5)
STATUS_WORDS = {"pending": "Waiting", "sent": "Delivered", "dead": "Dead letters"}
OUTCOME_WORDS = {
    "sent": "Delivered",
    "partial": "Delivered in part",
    "retried": "To be tried again",
    "refused": "Refused",
    "misconfigured": "Misconfigured",
}


class DestinationView(DestinationPage):
    """`/o/{organization}/w/{workspace}/destinations/{destination}`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """State, deliveries by day, and what was ordered."""
        return self.drawn()

    def drawn(self, trial: Trial | None = None) -> HttpResponse:
        """The page, with what a test has shown."""
        days = days_of(self.destination, now=timezone.now())
        has_receipts = any(day.delivered or day.failed for day in days)
        return self.page(
            "observability/destination.html",
            tab="overview",
            trial=trial,
            faring=faring_of(self.destination),
            chart=_chart(days) if has_receipts else None,
            jobs=jobs_of(self.destination, JOBS_SHOWN)[0],
            **self.about(),
        )


class TryDestinationView(DestinationView):
    """`…/destinations/{id}/test`: the connection, or with `trace` a trace that says that it is a test."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Try it, and show what came of it."""
        is_trace = request.POST.get("trace") == "1"
        return self.drawn(sent_test_trace(self.destination) if is_trace else tried(self.destination))


class DeliveriesView(DestinationPage):
    """`…/destinations/{id}/deliveries`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Requests for the destination, newest first, of one status if the address says so."""
        status = self.asked("status") if self.asked("status") in STATUSES else ""
        try:
            page = deliveries(self.destination, status=status, before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        rows = "observability/_delivery_rows.html"
        return self.page(
            rows if self.is_continuation else "observability/deliveries.html",
            tab="deliveries",
            page=page,
            chosen=status,
            statuses=list(STATUS_WORDS.items()),
            faring=faring_of(self.destination),
            **self.about(),
        )


class BatchesView(DestinationPage):
    """`…/destinations/{id}/batches`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Receipts, newest first, of one outcome if the address says so."""
        outcome = self.asked("outcome") if self.asked("outcome") in OUTCOMES else ""
        try:
            page = receipts(self.destination, outcome=outcome, before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        rows = "observability/_batch_rows.html"
        return self.page(
            rows if self.is_continuation else "observability/batches.html",
            tab="batches",
            page=page,
            chosen=outcome,
            outcomes=list(OUTCOME_WORDS.items()),
            **self.about(),
        )


class OrderView(DestinationPage):
    """`…/deliveries/replay` and `…/deliveries/discard`: of all dead letters, or of one request."""

    kind: ClassVar[str] = DeliveryJob.REPLAY
    said: ClassVar[str] = "being sent again"

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Order it and go back."""
        one = parse_generation_id(request.POST.get("generation", "").replace("\x00", ""))
        if request.POST.get("generation") and one is None:
            raise Http404
        try:
            order(
                destination=self.destination,
                kind=self.kind,
                generation_ids=[one] if one else None,
                by=self.actor,
                start=start_job,
            )
            what = "The dead letter is" if one else "All dead letters are"
            messages.success(request, f"{what} {self.said}.")
        except (NotOrderable, TooManyOrders) as refusal:
            messages.error(request, str(refusal))
        return redirect("dashboard:deliveries", **_place(self))


class DiscardView(OrderView):
    """`…/deliveries/discard`: asks first."""

    kind = DeliveryJob.DISCARD
    said = "being forgotten"

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Say what goes."""
        return self.page(
            "observability/deliveries_discard.html", faring=faring_of(self.destination), **self.about()
        )


class BackfillView(DestinationPage):
    """`…/destinations/{id}/backfill`."""

    def get(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """From when until when."""
        return self._form_page(BackfillForm())

    def post(self, request: HttpRequest, **address: Any) -> HttpResponse:
        """Order it."""
        form = BackfillForm(request.POST)
        if form.is_valid():
            try:
                order(
                    destination=self.destination,
                    kind=DeliveryJob.BACKFILL,
                    by=self.actor,
                    start=start_job,
                    **form.cleaned_data,
                )
            except (NotOrderable, TooManyOrders) as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, "Past requests are being sent; the page shows how far it is.")
                return self.to_destination(self.destination)
        return self._form_page(form, status=INVALID_FORM)

    def _form_page(self, form: BackfillForm, **options: Any) -> HttpResponse:
        return self.page("observability/backfill.html", form=form, **self.about(), **options)


def _place(page: DestinationPage) -> dict[str, Any]:
    return {
        "organization": page.organization.slug,
        "workspace": page.workspace.slug,
        "destination": page.destination.public_id,
    }


def _chart(days: list[Day]) -> Chart:
    return stacked_bars(
        label="Traces per day",
        times=[day.begins_at for day in days],
        series=[
            Series("Delivered", [day.delivered for day in days], 1),
            Series("Failed: tried again, or refused", [day.failed for day in days], 8),
        ],
        write="{:,}".format,
    )
