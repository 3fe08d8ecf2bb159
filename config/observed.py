"""The middleware around all others: it times requests, names them in logs, and tells of those that go wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connections
from django.http import HttpRequest, HttpResponseBase

from config import control_metrics
from config.lib.log_context import current, new_request_id, sane_request_id
from config.lib.scoping import current_organization_ids

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"

log = logging.getLogger("headgate.control")


def route_of(request: HttpRequest) -> str:
    """The pattern of a request's address: what was in the place of its arguments may be a secret."""
    return f"/{request.resolver_match.route}" if request.resolver_match else NO_ROUTE


class DatabaseTime:
    """How long and how often a request asked the database."""

    def __init__(self) -> None:
        self.seconds, self.statements = 0.0, 0

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Execute a statement (Django's `execute_wrapper`)."""
        began = time.perf_counter()
        try:
            return execute(*statement)
        finally:
            self.seconds += time.perf_counter() - began
            self.statements += 1


class RequestFields:
    """What log lines about a request carry: who it was for is known only after a while."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    def log_fields(self) -> dict[str, object]:
        """The request's id, and the organizations that it has named by now."""
        organizations = current_organization_ids()
        named = {"organization_ids": sorted(organizations)} if organizations else {}
        return {"request_id": self._request_id, **named}


class ObservedMiddleware:
    """Observes requests."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id")
        sane = sane_request_id(given.encode("utf-8", "surrogatepass") if given else None)
        request_id = (sane or new_request_id()).decode()
        token = current.set(RequestFields(request_id))
        database, began = DatabaseTime(), time.perf_counter()
        try:
            with connections["default"].execute_wrapper(database):
                response = self.get_response(request)
            response["X-Request-Id"] = request_id
            self._note(request, response.status_code, time.perf_counter() - began, database)
            return response
        finally:
            current.reset(token)

    def _note(self, request: HttpRequest, status: int, seconds: float, database: DatabaseTime) -> None:
        route = route_of(request)
        method = request.method if request.method in METHODS else "other"
        control_metrics.REQUESTS.observe(seconds, route, method, str(status))
        control_metrics.DATABASE.observe(database.seconds, route)
        control_metrics.STATEMENTS.add(route, count=database.statements)
        is_slow = seconds > settings.SLOW_REQUEST_SECONDS
        if is_slow or status >= 500 or settings.IS_ACCESS_LOGGED:
            log.log(
                logging.WARNING if is_slow or status >= 500 else logging.INFO,
                "%s %s: %d in %.3f s, %.3f s of it for %d statements",
                *(method, route, status, seconds, database.seconds, database.statements),
            )
