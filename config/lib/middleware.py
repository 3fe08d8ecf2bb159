"""The one middleware that tenancy needs."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from config.lib.scoping import fresh_scope


class FreshScopeMiddleware:
    """Give every request an empty scope, so that nothing leaks from what the thread served before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with fresh_scope():
            return self.get_response(request)
