"""The Django admin's site: who may enter, and what the whole of a request may see.

Who may enter is read from django-guardian's rows, which accounts.object_permissions derives from memberships. Inside,
the request is scoped to the organizations that it found there; platform staff see everything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from csp.decorators import csp_replace
from django.contrib.admin.models import LogEntry
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import InvalidPage
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, reverse
from unfold.sites import UnfoldAdminSite

from config.lib.admin import ScopedModelAdmin
from config.lib.admin_scope import administered_organization_ids, is_platform_staff
from config.lib.scoping import enter_tenant, enter_unscoped

# Alpine, which unfold is made with, compiles the expressions in its attributes and writes style attributes. Scripts
# and style sheets still come from files of ours alone, so nothing inline ever runs.
ADMIN_CSP = {
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src-attr": ["'unsafe-inline'"],
}


class HeadgateAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold is untyped
    """The admin, for platform staff and for organization administrators within their organizations."""

    site_header = site_title = "Headgate"
    index_title = "Administration"
    enable_nav_sidebar = True

    def register(self, model_or_iterable: Any, admin_class: type[Any] | None = None, **options: Any) -> None:
        """Take scoped classes only: what other people's apps register for themselves knows no scope."""
        if admin_class is not None and issubclass(admin_class, ScopedModelAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        if not request.user.is_active:
            return False
        return is_platform_staff(request) or bool(administered_organization_ids(request))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """All but `view_on_site`, which looks up any object by its number."""
        urls: list[URLPattern | URLResolver] = super().get_urls()
        return [url for url in urls if getattr(url, "name", None) != "view_on_site"]

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., Any]:
        """Run the view, and draw what it returns, in the scope of whoever asks."""
        inner = super().admin_view(_in_scope(view), cacheable)

        def entered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not self.has_permission(request):
                raise PermissionDenied("Only administrators of an organization may enter.")
            response: HttpResponseBase = inner(request, *args, **kwargs)
            return response

        return update_wrapper(csp_replace(ADMIN_CSP)(entered), view)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One way in for everybody: the dashboard's, with its throttling and second factor."""
        index = reverse("admin:index")
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next", index))
        if not self.has_permission(request):
            raise PermissionDenied("Only administrators of an organization may enter.")
        return HttpResponseRedirect(index)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The dashboard's page, for the same reason."""
        return redirect("account_change_password")

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Unfold's search over the names of lists; its page number comes from anybody."""
        try:
            answer: HttpResponse = super().search(request, extra_context)
        except (ValueError, InvalidPage) as error:
            raise Http404 from error
        return answer

    def get_log_entries(self, request: HttpRequest) -> models.QuerySet[LogEntry]:
        """None: revisions are the record of changes, and know whose they are."""
        return LogEntry.objects.none()

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """With the colors in a file of ours; unfold would write them as an inline style."""
        files = {
            "colors": None,
            "styles": [static("headgate/admin.css")],
            "site_favicons": [{"rel": "icon", "href": static("favicon.svg"), "type": "image/svg+xml"}],
        }
        return {**super().each_context(request), **files}


def _in_scope(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    def scoped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if any("\0" in value for values in request.GET.lists() for value in values[1]):
            raise BadRequest("NUL in the query")
        if is_platform_staff(request):
            enter_unscoped(reason="platform staff work in the admin")
        else:
            enter_tenant(*administered_organization_ids(request))
        response = view(request, *args, **kwargs)
        # Drawn here, because the scope ends with the view's transaction.
        if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
            response.render()
        return response

    return update_wrapper(scoped, view)
