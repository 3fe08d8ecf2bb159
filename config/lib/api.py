"""The base of every view of the management API: who calls, what he may read and write, how errors look."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, ClassVar

from django.http import HttpRequest
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.lib.api_body import StrictJSONParser
from config.lib.api_errors import ApiError, answer_to
from config.lib.api_json import ExactJSONRenderer
from config.lib.environment import environment

EMPTY_DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class AlwaysJSON(BaseContentNegotiation):
    """There is one format, whatever Accept and Content-Type say."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class ApiView(APIView):
    """A view that speaks JSON and answers every error in the documented envelope."""

    refusals: ClassVar[dict[type[Exception], int]] = {}
    """Domain exceptions that the view's calls may raise, and the status each of them becomes."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = (StrictJSONParser,)
    renderer_classes = (ExactJSONRenderer,)
    content_negotiation_class = AlwaysJSON
    metadata_class = None

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response]:
        return answer_to


def sent_keys(request: HttpRequest) -> set[str]:
    """The API keys that a request carries, as Bearer token or as `x-api-key`. Two different ones: ApiError (400)."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    found = {
        token.strip() if scheme.lower() == "bearer" else "",
        request.headers.get("x-api-key", "").strip(),
    }
    found.discard("")
    if len(found) > 1:
        raise ApiError(400, "Two different API keys were sent.")
    return found


def client_address(request: HttpRequest) -> str | None:
    """Where a request comes from: behind N trusted proxies, the Nth address from the right of X-Forwarded-For."""
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    trusted = environment().trusted_proxies
    address = hops[-trusted] if trusted and len(hops) >= trusted else request.META.get("REMOTE_ADDR", "")
    return valid_address(address)


def valid_address(text: str) -> str | None:
    """The IP address without a zone or port, or None when the text holds none."""
    try:
        return str(ip_address(text.partition("%")[0]))
    except ValueError:
        return None
