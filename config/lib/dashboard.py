"""What every page of the dashboard has in common: whoever opens it is signed in, and nothing of it is kept.

Pages are drawn before the request's transaction ends, because row-level security shows nothing after it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.contrib.messages import WARNING, get_messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.views import View
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

INVALID_FORM = 422
"""The status of a form that is shown again with its errors; htmx is told to swap it in."""
LEADING_ON = ("HX-Redirect", "HX-Refresh", "HX-Location")


@dataclass(frozen=True)
class Panel:
    """A piece that a higher app adds to a page of a lower one: a template and what it reads."""

    template: str
    context: dict[str, Any] = field(default_factory=dict)  # whatever the template needs


@dataclass(frozen=True)
class Order:
    """By what a list is sorted, as the address says it: `sort=name`, or `sort=-name` from the highest down."""

    name: str
    is_descending: bool

    @property
    def prefix(self) -> str:
        """What Django's order_by puts before a column."""
        return "-" if self.is_descending else ""


def order_asked(text: str, allowed: Collection[str], default: str) -> Order:
    """The order in `text` if it is one of the allowed names, else the default (`-` first: descending)."""
    chosen = text if text.removeprefix("-") in allowed else default
    return Order(chosen.removeprefix("-"), chosen.startswith("-"))


class DashboardView(View):
    """A page, or a part of one that htmx asks for."""

    section: ClassVar[str] = ""
    """The entry of the navigation that is marked as the present one."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_login(request)
        self.enter()
        response = super().dispatch(request, *args, **kwargs)
        add_never_cache_headers(response)
        patch_vary_headers(response, ("HX-Request",))
        _tell_messages(request, response)
        return response

    def enter(self) -> None:
        """Find out where the address leads and whether this person may go there; raise if not."""

    def context(self) -> dict[str, Any]:
        """What the page's frame reads."""
        return {"section": self.section}

    def asked(self, name: str) -> str:
        """A parameter of the address, as PostgreSQL takes it: without NUL."""
        return self.request.GET.get(name, "").replace("\x00", "").strip()

    @property
    def is_continuation(self) -> bool:
        """Whether htmx asks for the next rows of a list that is on the screen."""
        return is_part_wanted(self.request) and "before" in self.request.GET

    def page(self, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
        """The drawn page; `is_part` tells the template that htmx wants no frame around it."""
        is_part = is_part_wanted(self.request)
        return render(
            self.request, template, {**self.context(), "is_part": is_part, **context}, status=status
        )


def is_part_wanted(request: HttpRequest) -> bool:
    """Whether htmx asked, and not to restore a whole page from its history."""
    htmx = cast(Any, request).htmx  # set by django-htmx's middleware
    return bool(htmx) and not htmx.history_restore_request


def query_without(query: QueryDict, *names: str) -> str:
    """The query string without these parameters, to build links that change one thing."""
    rest = query.copy()
    for name in names:
        rest.pop(name, None)
    return rest.urlencode()


def _tell_messages(request: HttpRequest, response: HttpResponseBase) -> None:
    """Send messages with a part of a page as an event, which becomes toasts; a next page would show them itself."""
    leads_on = response.status_code >= 300 or any(name in response for name in LEADING_ON)
    if not is_part_wanted(request) or (leads_on and response.status_code != INVALID_FORM):
        return
    told = [
        {"text": str(message), "is_lasting": message.level >= WARNING} for message in get_messages(request)
    ]
    if told and isinstance(response, HttpResponse):
        trigger_client_event(response, "toasts", {"toasts": told})


def _to_login(request: HttpRequest) -> HttpResponseBase:
    if not is_part_wanted(request):
        return redirect_to_login(request.get_full_path())
    shown = urlsplit(cast(Any, request).htmx.current_url_abs_path or "/")
    login = redirect_to_login(shown._replace(scheme="", netloc="").geturl())
    return HttpResponseClientRedirect(login.url)
