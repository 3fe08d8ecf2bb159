"""/explain: what would become of a request, why, and what would change it. Nothing is called, held or written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.schema import IDEMPOTENCY_KEY, errors
from accounts.api.views import MANAGEMENT_ONLY, KeyedView, once
from accounts.permissions import NotPermitted, NotYours, Permission
from config.lib.api_body import StrictJSONParser, parse, read_bounded
from config.lib.api_errors import ApiError
from config.lib.environment import environment
from routing import explanations
from routing.api.explain_questions import ExplainQuestion
from routing.api.explain_shapes import EXPLAINED
from routing.call import DEFAULT_REGION
from routing.explaining.matter import Asked
from routing.explaining.telling import told
from routing.explanations import TooMuchToScan
from routing.guardrail_checks import InvalidGuardrail, InvalidRegexPattern
from workspaces.models import ApiKey

_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class QuestionParser(StrictJSONParser):
    """Leaves the request that a question is about as it was sent: it is read as the gateway would read it."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:  # JSON may be anything
        raw = read_bounded(stream, parser_context)
        try:
            fields = _fields_of(raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return parse(raw)
        request = fields.pop("request", None)
        question = parse(msgspec.json.encode(fields))
        return question if request is None else {**question, "request": bytes(request)}


class ExplainView(KeyedView):
    """What would become of a request."""

    parser_classes = (QuestionParser,)
    refusals = {InvalidGuardrail: 400, TooMuchToScan: 413}

    def check_caller(self, request: Request) -> None:
        try:
            self.caller.require(Permission.REQUESTS_EXPLAIN, is_own=True)
        except (NotPermitted, NotYours):
            raise ApiError(403, MANAGEMENT_ONLY) from None

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, InvalidRegexPattern):
            exc = ApiError(400, str(exc), metadata={"error_type": "invalid_regex_pattern"})
        return super().handle_exception(exc)

    @extend_schema(
        operation_id="explainRequest",
        tags=["Explain"],
        description="Decides about a request as the gateway would, and says why: each layer's verdict, each endpoint "
        "kept or dropped, the order of attempts, the state of budgets, and for a refusal the smallest change that "
        "would lift it. No provider is called, nothing is set aside and nothing is logged.",
        parameters=[IDEMPOTENCY_KEY],
        request=ExplainQuestion,
        responses={200: EXPLAINED, **errors(400, 401, 403, 409, 413, 422)},
    )
    @once
    def post(self, request: Request) -> Response:
        body = ExplainQuestion(data=request.data)
        body.is_valid(raise_exception=True)
        question = body.validated_data
        is_whole = self.caller.management_key is not None
        if "guardrail" in question and not is_whole:
            raise ApiError(403, MANAGEMENT_ONLY)
        explanation = explanations.explain(
            key=self._key(question.get("key")),
            asked=_asked(request, question),
            seed=question.get("seed"),
            draft=question["guardrail"]["draft"] if "guardrail" in question else None,
        )
        found = told(explanation.matter, explanation.decision, explanation.lifting, is_whole=is_whole)
        return Response({"data": found})

    def _key(self, digest: str | None) -> ApiKey:
        """The key that is meant: for an inference key its own, whatever else it names is unknown to it."""
        own = self.caller.api_key_id
        if digest is None and own is None:
            raise ApiError(400, "key: must be given: the hash of the key that the request is made with.")
        if digest is None:
            return explanations.key_of(self.organization_id, own or 0)
        found = explanations.key_named(self.organization_id, digest)
        if found is None or (own is not None and found.pk != own):
            raise ApiError(400, "key: there is no such key.")
        return found


def _asked(request: Request, question: Mapping[str, Any]) -> Asked:
    host = request.get_host().partition(":")[0].lower()
    region = question.get("region") or environment().regions_by_host.get(host, DEFAULT_REGION)
    raw = question["request"]
    data = raw if isinstance(raw, bytes) else msgspec.json.encode(raw)
    return Asked(question["dialect"], data, question.get("headers", {}), region)
