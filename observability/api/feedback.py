"""POST and GET /generation/feedback: what was wrong with a generation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, answer, errors
from accounts.api.views import ManagementView, once
from accounts.permissions import Permission
from config.lib.api_fields import Choice, Moment, StrictSerializer, Text, query_page
from config.lib.ids import parse_generation_id
from observability.api.generations import awaited
from observability.feedback import FeedbackFilter, InvalidFeedback, feedback_page, give
from observability.models.feedback import CATEGORIES, LONGEST_COMMENT


class FeedbackGiven(StrictSerializer):
    """What is said of which generation."""

    generation_id = Text(help_text="`gen-…`; of a request that was refused, too.")
    category = Choice(CATEGORIES, help_text="What was wrong. `guardrail_false_positive` is Headgate's own.")
    comment = Text(
        required=False, allow_blank=True, max_length=LONGEST_COMMENT, help_text="In your own words."
    )


class FeedbackQuery(serializers.Serializer[Any]):
    """What the list can be narrowed to."""

    category = serializers.ChoiceField(CATEGORIES, required=False, help_text="Only what was wrong so.")
    generation_id = serializers.CharField(required=False, help_text="Only of this generation, `gen-…`.")

    def validate_generation_id(self, value: str) -> UUID:
        identifier = parse_generation_id(value)
        if identifier is None:
            raise serializers.ValidationError("must be the id of a generation, gen-….")
        return identifier


class ComplaintShape(serializers.Serializer[Any]):
    """Feedback, with what the log says of the generation; null there when it is in the log no longer."""

    id = serializers.CharField(source="feedback.pk")
    generation_id = serializers.CharField(source="feedback.public_generation_id")
    category = serializers.ChoiceField(CATEGORIES, source="feedback.category")
    comment = serializers.CharField(source="feedback.comment")
    created_at = Moment(source="feedback.created_at")
    model = serializers.CharField(source="generation.model", default=None, allow_null=True)
    status = serializers.CharField(source="generation.status", default=None, allow_null=True)
    guardrails = serializers.ListField(
        child=serializers.DictField(),
        help_text="Stages in which a guardrail found something: `data` has its labels or patterns, and the action.",
    )


class FeedbackView(ManagementView):
    """Feedback of an organization."""

    permission = Permission.WORKSPACE_CONFIGURE
    hidden_from_inference_keys = frozenset({"POST"})
    refusals = {InvalidFeedback: 400}

    @extend_schema(
        operation_id="submitGenerationFeedback",
        tags=["Generations"],
        parameters=[IDEMPOTENCY_KEY],
        request=FeedbackGiven,
        responses={
            200: answer(
                "FeedbackAnswer", data=answer("FeedbackRecorded", success=serializers.BooleanField())
            ),
            **errors(400, 401, 404, 409, 422),
        },
    )
    @once
    def post(self, request: Request) -> Response:
        body = FeedbackGiven(data=request.data)
        body.is_valid(raise_exception=True)
        said: dict[str, Any] = body.validated_data
        generation = awaited(self.organization_id, said.pop("generation_id"), is_visible=lambda _: True)
        give(generation=generation, by=self.actor, **said)
        return Response({"data": {"success": True}})

    @extend_schema(
        operation_id="listGenerationFeedback",
        tags=["Generations"],
        parameters=[FeedbackQuery, *PAGE],
        responses={
            200: answer(
                "FeedbackList", data=ComplaintShape(many=True), total_count=serializers.IntegerField()
            ),
            **errors(400, 401, 403),
        },
    )
    def get(self, request: Request) -> Response:
        query = FeedbackQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        wanted = FeedbackFilter(**query.validated_data)
        rows, total = feedback_page(self.organization_id, wanted, query_page(request))
        return Response({"data": ComplaintShape(rows, many=True).data, "total_count": total})
