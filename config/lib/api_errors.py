"""Errors of the management API, and the one place that turns them into the documented envelope."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.defaults import server_error as django_server_error
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import set_rollback

from config.lib.api_json import encode

logger = logging.getLogger(__name__)

NOT_FOUND = "Resource not found"
UNAVAILABLE_RETRY_SECONDS = 2


class ApiError(Exception):
    """An answer other than success: its status, its message and what else the envelope says."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        metadata: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.metadata, self.headers = metadata, headers or {}


def not_found() -> ApiError:
    """The one answer for what does not exist, is somebody else's, or was deleted."""
    return ApiError(404, NOT_FOUND)


def envelope(error: ApiError) -> dict[str, Any]:
    """The documented body of an error."""
    described: dict[str, Any] = {"code": error.status, "message": error.message}
    if error.metadata:
        described["metadata"] = error.metadata
    return {"error": described}


def answer_to(exception: Exception, context: Mapping[str, Any]) -> Response:
    """The answer to whatever a view raised; the request's transaction is rolled back."""
    set_rollback()
    error = translated(exception, getattr(context.get("view"), "refusals", {}))
    return Response(envelope(error), status=error.status, headers=error.headers)


def translated(exception: Exception, refusals: Mapping[type[Exception], int]) -> ApiError:
    """The ApiError of any exception; `refusals` gives the status of a view's domain exceptions."""
    if isinstance(exception, ApiError):
        return exception
    for kind, status in refusals.items():
        if isinstance(exception, kind):
            return not_found() if status == 404 else ApiError(status, str(exception))
    if isinstance(exception, ValidationError):
        return ApiError(400, " ".join(_faults(exception.detail)))
    if isinstance(exception, APIException):
        return ApiError(exception.status_code, str(exception.detail))
    if isinstance(exception, Http404):
        return not_found()
    if isinstance(exception, RequestDataTooBig):
        return ApiError(413, "The body is too large.")
    logger.error("The management API failed", exc_info=exception)
    return masked(exception)


def masked(exception: BaseException | None) -> ApiError:
    """Our own fault: 503 when the database cannot be reached, else 500, and no more is told."""
    if isinstance(exception, OperationalError | InterfaceError):
        headers = {"Retry-After": str(UNAVAILABLE_RETRY_SECONDS)}
        return ApiError(503, "Service temporarily unavailable", headers=headers)
    return ApiError(500, "Internal Server Error")


def as_response(error: ApiError) -> HttpResponse:
    """The same envelope where no view is there to answer."""
    body = encode(envelope(error))
    return HttpResponse(body, status=error.status, content_type="application/json", headers=error.headers)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: what fails outside a view (opening or committing the transaction) looks alike."""
    if request.path.startswith("/api/"):
        return as_response(masked(sys.exc_info()[1]))
    return django_server_error(request)


def _faults(detail: Any, path: str = "") -> Iterator[str]:  # DRF nests lists and dicts freely
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _faults(inner, _joined(path, name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _faults(inner, path)
    else:
        yield f"{path}: {detail}" if path else str(detail)


def _joined(path: str, name: Any) -> str:
    if isinstance(name, int):
        return f"{path}[{name}]"
    if name == "non_field_errors":
        return path
    return f"{path}.{name}" if path else str(name)
