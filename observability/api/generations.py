"""GET /generation: what became of a request."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import answer, errors
from accounts.api.views import KeyedView
from accounts.permissions import NotPermitted, NotYours, Permission
from config.lib.api_errors import ApiError, not_found
from config.lib.api_fields import Moment, Usd
from config.lib.ids import parse_generation_id
from observability.logs import Attempt, attempts_of
from observability.models import Generation
from observability.recent import TooManyWaiting, await_generation
from observability.request_steps import Whole, whole_of
from workspaces.models import Workspace

API_TYPES = {"embeddings": "embeddings"}
ID = OpenApiParameter("id", str, required=True, description="The generation's id, `gen-…`.")


class GenerationShape(serializers.Serializer[Generation]):
    """A request, its tokens, times in milliseconds and cost in US dollars.

    `context`: `whole`, what a request that ran server tools came to.
    """

    id = serializers.CharField(source="public_id")
    api_type = serializers.SerializerMethodField()
    model = serializers.CharField()
    provider_name = serializers.CharField(source="provider", allow_null=True)
    provider_responses = serializers.SerializerMethodField()
    workspace_id = serializers.SerializerMethodField()
    created_at = Moment(source="admitted_at")
    streamed = serializers.BooleanField(source="is_streamed")
    cancelled = serializers.SerializerMethodField()
    finish_reason = serializers.CharField(allow_null=True)
    native_finish_reason = serializers.CharField(allow_null=True)
    is_byok = serializers.BooleanField()
    usage = Usd(source="cost_nano")
    total_cost = Usd(source="cost_nano")
    upstream_inference_cost = Usd(source="upstream_cost_nano", allow_null=True)
    cache_discount = serializers.FloatField(default=None, allow_null=True)
    tokens_prompt = serializers.IntegerField(source="prompt_tokens")
    tokens_completion = serializers.IntegerField(source="completion_tokens")
    native_tokens_prompt = serializers.IntegerField(source="prompt_tokens")
    native_tokens_completion = serializers.IntegerField(source="completion_tokens")
    native_tokens_reasoning = serializers.IntegerField(source="reasoning_tokens")
    native_tokens_cached = serializers.IntegerField(source="cached_tokens")
    latency = serializers.IntegerField(source="latency_ms", allow_null=True)
    generation_time = serializers.IntegerField(source="generation_ms", allow_null=True)
    http_referer = serializers.CharField(source="app_url", allow_null=True)
    origin = serializers.SerializerMethodField()
    external_user = serializers.CharField(source="user", allow_null=True)
    user_agent = serializers.CharField(source="handling.user_agent", allow_null=True)
    session_id = serializers.CharField(allow_null=True)
    upstream_id = serializers.CharField(allow_null=True)
    data_region = serializers.CharField(source="handling.region")
    router = serializers.CharField(source="handling.router", allow_null=True)
    service_tier = serializers.CharField(source="handling.service_tier", allow_null=True)
    web_search_engine = serializers.CharField(source="handling.search_engine", allow_null=True)
    num_search_results = serializers.IntegerField(source="handling.search_results", allow_null=True)
    num_fetches = serializers.IntegerField(source="handling.fetches", allow_null=True)
    request_id = serializers.CharField(
        source="public_request_id", help_text="The generation that the request began with, often this one."
    )
    request_cost = serializers.SerializerMethodField()
    request_generations = serializers.SerializerMethodField()
    preset_id = serializers.CharField(source="handling.preset_id", allow_null=True)
    response_cache_source_id = serializers.CharField(source="handling.cached_from", allow_null=True)

    def get_api_type(self, generation: Generation) -> str:
        """`completions` for every dialect of text, else `embeddings`."""
        return API_TYPES.get(generation.dialect, "completions")

    def get_provider_responses(self, generation: Generation) -> list[dict[str, int | None]] | None:
        """The calls to providers, in order; null when none was told."""
        return [_attempt(row) for row in attempts_of(generation)] or None

    def get_workspace_id(self, generation: Generation) -> str | None:
        """Where it was made, even if that workspace was deleted since."""
        workspaces = Workspace.objects.for_organization(generation.organization_id)
        found = workspaces.filter(pk=generation.workspace_id).values_list("public_id", flat=True).first()
        return str(found) if found else None

    def get_cancelled(self, generation: Generation) -> bool:
        """Whether the client left before the end."""
        return generation.status == Generation.CANCELLED

    def get_origin(self, generation: Generation) -> str:
        """The address of the application, empty when it sent none."""
        return generation.app_url or ""

    @extend_schema_field(Usd(allow_null=True))
    def get_request_cost(self, generation: Generation) -> Decimal | None:
        """Of all generations of a request that ran server tools, told by its first one."""
        whole: Whole | None = self.context["whole"]
        return None if whole is None else Usd().to_representation(whole.cost_nano)

    def get_request_generations(self, generation: Generation) -> int | None:
        """How many generations a request that ran server tools was, told by its first one."""
        whole: Whole | None = self.context["whole"]
        return None if whole is None else whole.generations

    def to_representation(self, instance: Generation) -> dict[str, Any]:
        """As described, and null for what the contract names and Headgate does not measure."""
        return dict.fromkeys(UNMEASURED) | super().to_representation(instance)


UNMEASURED = (
    *("app_id", "moderation_latency", "native_tokens_completion_images"),
    *("num_input_audio_prompt", "num_media_completion", "num_media_prompt"),
)


class GenerationView(KeyedView):
    """A request by its id: any of the organization for a management key, its own for an inference key."""

    @extend_schema(
        operation_id="getGeneration",
        tags=["Generations"],
        parameters=[ID],
        responses={200: answer("GenerationAnswer", data=GenerationShape()), **errors(400, 401, 404, 429)},
    )
    def get(self, request: Request) -> Response:
        public_id = request.query_params.get("id", "")
        if not public_id:
            raise ApiError(400, "id: must be given.")
        generation = awaited(self.organization_id, public_id, is_visible=self.may_see)
        context = {"whole": whole_of(generation)}
        return Response({"data": GenerationShape(generation, context=context).data})

    def may_see(self, generation: Generation) -> bool:
        """What the table says about this key and this request."""
        is_own = generation.api_key_id is not None and generation.api_key_id == self.caller.api_key_id
        try:
            self.caller.require(Permission.LOGS_SEE, is_own=is_own)
        except (NotPermitted, NotYours):
            return False
        return True


def awaited(organization_id: int, public_id: str, *, is_visible: Callable[[Generation], bool]) -> Generation:
    """The organization's request, even if it is booked only in a moment. Raises ApiError: 404, 429."""
    if parse_generation_id(public_id) is None:
        raise not_found()
    try:
        generation = await_generation(organization_id, public_id, is_visible=is_visible)
    except TooManyWaiting:
        message = "Too many requests wait for generations that are not there yet."
        raise ApiError(429, message, headers={"Retry-After": "1"}) from None
    if generation is None:
        raise not_found()
    return generation


def _attempt(attempt: Attempt) -> dict[str, int | None]:
    """A call to a provider; the contract's list of provider names is closed, so ours is not among its fields."""
    status = {"status": attempt.http_status}
    return status if attempt.latency_ms is None else status | {"latency": attempt.latency_ms}
