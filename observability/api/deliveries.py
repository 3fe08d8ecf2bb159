"""/observability/destinations/{id}/state, deliveries, receipts, dead-letters, jobs; replay, discard and backfill."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, errors
from accounts.api.views import once
from config.lib.api_errors import ApiError
from config.lib.api_fields import query_integer, query_page
from config.lib.keyset import UnknownCursor
from observability import delivery_orders, delivery_reading
from observability.api.delivery_shapes import (
    DELIVERIES,
    JOB,
    JOBS,
    RECEIPTS,
    STATE,
    JobShape,
    ReceiptShape,
    StateShape,
    TraceDeliveryShape,
    Window,
)
from observability.api.destinations import ID, AddressedDestinationView
from observability.delivery_orders import NotOrderable, TooManyOrders
from observability.models import Delivery, DeliveryJob
from observability.tasks import start_job

BEFORE = OpenApiParameter("before", str, description="`next_before` of the page before.")
LIMIT = PAGE[1]
STATUS = OpenApiParameter("status", str, enum=delivery_reading.STATUSES, description="Only these.")
OUTCOME = OpenApiParameter("outcome", str, enum=delivery_reading.OUTCOMES, description="Only these.")


class DeliveryView(AddressedDestinationView):
    """A view of what becomes of a destination's traces."""

    def chosen(self, name: str, words: tuple[str, ...]) -> str:
        """A word of the query string, or none. Raises ApiError (400) naming it."""
        word = self.request.query_params.get(name, "")
        if word and word not in words:
            raise ApiError(400, f"{name}: must be one of {', '.join(words)}.")
        return word

    @property
    def before(self) -> str:
        """Where the page begins."""
        return str(self.request.query_params.get("before", ""))

    @property
    def size(self) -> int:
        """How many rows a page has. Raises ApiError (400)."""
        return query_integer(self.request, "limit", default=50, minimum=1, maximum=100)


class StateView(DeliveryView):
    """How the destination fares."""

    @extend_schema(
        operation_id="getDeliveryState",
        tags=["Deliveries"],
        parameters=[ID],
        responses={200: STATE, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return Response({"data": StateShape(delivery_reading.faring_of(self.destination)).data})


class DeliveriesView(DeliveryView):
    """Each generation for the destination, newest first."""

    @extend_schema(
        operation_id="listDeliveries",
        tags=["Deliveries"],
        parameters=[ID, STATUS, BEFORE, LIMIT],
        responses={200: DELIVERIES, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return self.listed(self.chosen("status", delivery_reading.STATUSES))

    def listed(self, status: str) -> Response:
        """A page of deliveries."""
        try:
            page = delivery_reading.deliveries(
                self.destination, status=status, before=self.before, size=self.size
            )
        except UnknownCursor:
            raise ApiError(400, "before: must be next_before of a page.") from None
        return Response(
            {"data": TraceDeliveryShape(page.rows, many=True).data, "next_before": page.next_cursor}
        )


class DeadLettersView(DeliveriesView):
    """What could not be delivered and is not tried any more, newest first."""

    @extend_schema(
        operation_id="listDeadLetters",
        tags=["Deliveries"],
        parameters=[ID, BEFORE, LIMIT],
        responses={200: DELIVERIES, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        return self.listed(Delivery.DEAD)


class ReceiptsView(DeliveryView):
    """Batches that were sent, or could not be, newest first; kept for 30 days."""

    @extend_schema(
        operation_id="listDeliveryReceipts",
        tags=["Deliveries"],
        parameters=[ID, OUTCOME, BEFORE, LIMIT],
        responses={200: RECEIPTS, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        outcome = self.chosen("outcome", delivery_reading.OUTCOMES)
        try:
            page = delivery_reading.receipts(
                self.destination, outcome=outcome, before=self.before, size=self.size
            )
        except UnknownCursor:
            raise ApiError(400, "before: must be next_before of a page.") from None
        return Response({"data": ReceiptShape(page.rows, many=True).data, "next_before": page.next_cursor})


class JobsView(DeliveryView):
    """Replays, discards and back-fills, newest first."""

    @extend_schema(
        operation_id="listDeliveryJobs",
        tags=["Deliveries"],
        parameters=[ID, *PAGE],
        responses={200: JOBS, **errors(400, 401, 403, 404)},
    )
    def get(self, request: Request, **address: str) -> Response:
        rows, total = delivery_reading.jobs_of(self.destination, query_page(request))
        return Response({"data": JobShape(rows, many=True).data, "total_count": total})


class OrderView(DeliveryView):
    """Something to be done in the background."""

    kind: ClassVar[str]
    refusals = {NotOrderable: 400, TooManyOrders: 409}

    def ordered(self, request: Request) -> Response:
        """Take the order that the body describes."""
        body = Window(data=request.data)
        body.is_valid(raise_exception=True)
        job = delivery_orders.order(
            destination=self.destination,
            kind=self.kind,
            by=self.actor,
            start=start_job,
            **body.validated_data,
        )
        job.refresh_from_db()
        return Response({"data": JobShape(job).data}, status=202)


class ReplayView(OrderView):
    """Sends dead letters again, those that the destination still wants and its vendor still takes."""

    kind = DeliveryJob.REPLAY

    @extend_schema(
        operation_id="replayDeadLetters",
        tags=["Deliveries"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=Window,
        responses={202: JOB, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        return self.ordered(request)


class DiscardView(OrderView):
    """Forgets dead letters."""

    kind = DeliveryJob.DISCARD

    @extend_schema(
        operation_id="discardDeadLetters",
        tags=["Deliveries"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=Window,
        responses={202: JOB, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        return self.ordered(request)


class BackfillView(OrderView):
    """Sends requests of the past, 31 days at most; their content only where I/O logging kept it."""

    kind = DeliveryJob.BACKFILL

    @extend_schema(
        operation_id="backfillDestination",
        tags=["Deliveries"],
        parameters=[ID, IDEMPOTENCY_KEY],
        request=Window,
        responses={202: JOB, **errors(400, 401, 403, 404, 409, 422)},
    )
    @once
    def post(self, request: Request, **address: str) -> Response:
        return self.ordered(request)
