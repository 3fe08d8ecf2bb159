"""The middleware that gives the control plane's requests spans; listed in settings only where tracing is on."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponseBase

from config.lib.environment import environment
from config.lib.tracing import start
from config.observed import route_of


class TracedMiddleware:
    """A span per request, named by its route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        tracing = start(environment(), "control")
        if tracing is None:
            raise MiddlewareNotUsed
        self.get_response, self._tracing = get_response, tracing

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        carrier = {name.lower(): value for name, value in request.headers.items()}
        with self._tracing.span(f"{request.method}", carrier=carrier, kind="SERVER") as span:
            response = self.get_response(request)
            route = route_of(request)
            span.update_name(f"{request.method} {route}")
            span.set_attributes(
                {
                    "http.request.method": str(request.method),
                    "http.route": route,
                    "http.response.status_code": response.status_code,
                    "headgate.request_id": response.get("X-Request-Id", ""),
                }
            )
            return response
