"""How deliveries of traces look in bodies and answers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from accounts.api.schema import answer
from config.lib.api_fields import Moment, StrictSerializer, Text
from config.lib.ids import parse_generation_id
from observability import delivery_orders, delivery_reading
from observability.models import Delivery, DeliveryJob


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
