"""/guardrails/preview: which models and providers a guardrail would leave, and what it would find in a text."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, PAGE, errors
from accounts.api.views import once
from config.lib.api_errors import ApiError
from config.lib.api_fields import query_page
from routing import explanations
from routing.api.explain_questions import PreviewQuestion
from routing.api.explain_shapes import PREVIEWED
from routing.api.guardrails import GuardrailView
from routing.explaining.remaining import Remaining
from routing.explaining.telling import scan_told
from routing.explanations import Governed, TooMuchToScan
from routing.guardrail_checks import InvalidGuardrail
from workspaces.api.places import referenced_workspace


class GuardrailPreviewView(GuardrailView):
    """What is left under the layers that govern a key or a workspace, with a draft among them."""

    refusals = {InvalidGuardrail: 400, TooMuchToScan: 413}

    @extend_schema(
        operation_id="previewGuardrail",
        tags=["Guardrails"],
        description="Which models and providers remain for a key, or for every request of a workspace, under a "
        "guardrail that need not be written; and what it would find, redact or block in a text.",
        parameters=[*PAGE, IDEMPOTENCY_KEY],
        request=PreviewQuestion,
        responses={200: PREVIEWED, **errors(400, 401, 403, 409, 413, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        page = query_page(request)
        body = PreviewQuestion(data=request.data)
        body.is_valid(raise_exception=True)
        question = body.validated_data
        governed = self._governed(question)
        if "guardrail" in question:
            governed = explanations.tried(governed, question["guardrail"]["draft"])
        left = Remaining(governed.models, governed.rules, timezone.now())
        scan = None
        if "text" in question:
            found = explanations.look_at(question["text"], governed)
            scan = scan_told(found, found.body)
        return Response({"data": _told(left, page, scan)})

    def _governed(self, question: dict[str, Any]) -> Governed:
        if "key" not in question:
            place = referenced_workspace(self.organization_id, question.get("workspace_id"))
            return explanations.governed_in(place)
        if "workspace_id" in question:
            raise ApiError(400, "workspace_id: a key has its own.")
        key = explanations.key_named(self.organization_id, question["key"])
        if key is None:
            raise ApiError(400, "key: there is no such key.")
        return explanations.governed_with(key)


def _told(left: Remaining, page: slice, scan: dict[str, Any] | None) -> dict[str, Any]:
    providers = left.providers()
    return {
        "models": left.models(page),
        "total_count": left.total,
        "eligible_models": left.eligible,
        "providers": providers,
        "eligible_providers": sum(1 for one in providers if one["is_eligible"]),
        "scan": scan,
    }
