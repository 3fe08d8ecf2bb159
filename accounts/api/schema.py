"""What our own OpenAPI says about every operation: the error envelope, the statuses, keys as Bearer tokens."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework import serializers
from rest_framework.fields import Field

MEANINGS = {
    400: "The request is not understood; the message names the field.",
    401: "The key is missing, unknown, disabled, expired or deleted.",
    403: "A key of this kind may not do this.",
    404: "There is no such object in the key's organization.",
    408: "The operation took too long.",
    409: "The request is in flight, or the object is in a state that forbids the change.",
    413: "The body is too large.",
    422: "The Idempotency-Key was used for another request.",
    429: "Too many requests in this minute; see Retry-After.",
}


class ErrorShape(serializers.Serializer[dict[str, object]]):
    """What went wrong."""

    code = serializers.IntegerField(help_text="The HTTP status.")
    message = serializers.CharField(help_text="What is wrong, for people.")
    metadata = serializers.DictField(required=False, help_text="What is wrong, for programs.")


class ErrorAnswer(serializers.Serializer[dict[str, object]]):
    """The envelope of every error."""

    error = ErrorShape()


class DeletedAnswer(serializers.Serializer[dict[str, bool]]):
    """It is gone."""

    deleted = serializers.BooleanField()


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Repeating a request with the same key within 24 hours gives the same answer and does nothing.",
)
PAGE = [
    OpenApiParameter("offset", {"type": "integer", "minimum": 0, "default": 0}, description="Rows to skip."),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}, description="Rows at most."
    ),
]


def answer(name: str, **fields: Field[Any, Any, Any, Any]) -> serializers.Serializer[Any]:
    """An answer's outermost object, for the document."""
    return inline_serializer(name, fields)


def errors(*statuses: int) -> dict[int, OpenApiResponse]:
    """The documented errors of an operation; every operation may also answer 429, 500 and 503."""
    described = {status: OpenApiResponse(ErrorAnswer, MEANINGS[status]) for status in (*statuses, 429)}
    unavailable = OpenApiResponse(ErrorAnswer, "The database cannot be reached; see Retry-After.")
    return described | {500: OpenApiResponse(ErrorAnswer, "Our own fault."), 503: unavailable}
