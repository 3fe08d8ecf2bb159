"""/observability/destinations/{id}/state, deliveries, receipts, dead-letters, jobs; replay, discard and backfill."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, answer, errors
from accounts.api.views import once
from config.lib.api_errors import ApiError
from config.lib.api_fields import Moment, StrictSerializer, Text, query_integer, query_page
from config.lib.ids import parse_generation_id
from config.lib.keyset import UnknownCursor
from observability import delivery_orders, delivery_reading
from observability.api.destinations import ID, AddressedDestinationView
from observability.delivery_orders import NotOrderable, TooManyOrders
from observability.models import Delivery, DeliveryJob
from observability.tasks import start_job

BEFORE = OpenApiParameter("before", str, description="`next_before` of the page before.")
LIMIT = PAGE[1]
STATUS = OpenApiParameter("status", str, enum=delivery_reading.STATUSES, description="Only these.")
OUTCOME = OpenApiParameter("outcome", str, enum=delivery_reading.OUTCOMES, description="Only these.")


class StateShape(serializers.Serializer[delivery_reading.Faring]):
    """How a destination fares. accepted = sent + dead + pending."""

    pending = serializers.IntegerField(help_text="Traces that wait.")
    lag_seconds = serializers.FloatField(help_text="How long the oldest of them has waited.")
    breaker = serializers.CharField(
        help_text="`closed`: it is sent to; `open`: not before `open_until`; `half_open`: a small batch is tried next; "
        "`paused`: the vendor asked to wait."
    )
    open_until = Moment(source="state.open_until", allow_null=True)
    failing_since = Moment(source="state.failing_since", allow_null=True)
    consecutive_failures = serializers.IntegerField(source="state.failures")
    last_delivered_at = Moment(source="state.last_delivered_at", allow_null=True)
    last_error = serializers.CharField(
        source="state.last_error", help_text="Empty when the last batch got through."
    )
    accepted = serializers.IntegerField(source="state.accepted")
    sent = serializers.IntegerField(source="state.sent")
    dead = serializers.IntegerField(source="state.dead")
    dropped = serializers.IntegerField(
        source="state.dropped", help_text="Traces that were not accepted, because too many waited."
    )


class TraceDeliveryShape(serializers.Serializer[Any]):
    """One generation for one destination."""

    generation_id = serializers.CharField(source="public_generation_id")
    status = serializers.CharField(help_text="`pending`, `sent` or `dead`.")
    attempts = serializers.IntegerField()
    accepted_at = Moment()
    next_at = serializers.SerializerMethodField()
    settled_at = Moment(allow_null=True)
    receipt_id = serializers.CharField(allow_null=True, help_text="The last batch that it was in.")
    last_error = serializers.CharField(allow_null=True)

    def get_next_at(self, row: Delivery) -> str | None:
        """When a pending one is tried next, or taken from whoever is at it."""
        return Moment().to_representation(row.next_at) if row.status == Delivery.PENDING else None


class ReceiptShape(serializers.Serializer[Any]):
    """One batch and what came back."""

    id = serializers.CharField(source="pk")
    outcome = serializers.CharField()
    traces = serializers.IntegerField()
    delivered = serializers.IntegerField()
    sent_bytes = serializers.IntegerField()
    http_status = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    created_at = Moment()


class JobShape(serializers.Serializer[Any]):
    """Something that is done in the background. `left_out`: what the destination does not want, or has already."""

    id = serializers.UUIDField(source="public_id")
    kind = serializers.CharField()
    since = Moment()
    until = Moment()
    examined = serializers.IntegerField()
    done = serializers.IntegerField()
    left_out = serializers.IntegerField()
    is_finished = serializers.SerializerMethodField()
    created_at = Moment()
    finished_at = Moment(allow_null=True)

    def get_is_finished(self, job: DeliveryJob) -> bool:
        """Whether it is done."""
        return job.finished_at is not None


class Window(StrictSerializer):
    """Which requests: by their time, `until` excluded, and by their ids; what is left out does not narrow."""

    since = Moment(required=False)
    until = Moment(required=False)
    generation_ids = serializers.ListField(
        child=Text(), required=False, min_length=1, max_length=delivery_orders.MOST_IDS
    )

    def validate_generation_ids(self, value: list[str]) -> list[UUID]:
        ids = [parse_generation_id(each) for each in value]
        if None in ids:
            raise serializers.ValidationError("must be ids of generations, gen-….")
        return [each for each in ids if each is not None]


STATE = answer("DeliveryStateAnswer", data=StateShape())
JOB = answer("DeliveryJobAnswer", data=JobShape())
DELIVERIES = answer(
    "DeliveryList", data=TraceDeliveryShape(many=True), next_before=serializers.CharField(allow_null=True)
)
RECEIPTS = answer(
    "DeliveryReceiptList", data=ReceiptShape(many=True), next_before=serializers.CharField(allow_null=True)
)
JOBS = answer("DeliveryJobList", data=JobShape(many=True), total_count=serializers.IntegerField())


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
