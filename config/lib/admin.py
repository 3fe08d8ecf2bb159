"""The Django admin's site and the scoped base of every admin class.

Who may enter is read from django-guardian's rows, which accounts.permissions derives from memberships. Inside, every
queryset is scoped by the request's tenant, lists, filters, foreign-key choices and posted keys alike, with row-level
security behind it; platform staff see everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth import get_user_model
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.response import HttpResponseRedirect
from django.shortcuts import redirect
from guardian.models import UserObjectPermission
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from config.lib.scoping import RLS_ALIAS, current_organization_ids, enter_tenant, enter_unscoped

ADMINISTER = "administer_organization"


def administered_organization_ids(user: Any) -> tuple[int, ...]:
    """The organizations that guardian's rows let a user administer."""
    rows = UserObjectPermission.objects.filter(
        user=user, permission__codename=ADMINISTER, permission__content_type__app_label="accounts"
    )
    return tuple(int(pk) for pk in rows.order_by("object_pk").values_list("object_pk", flat=True))


def is_platform_staff(request: HttpRequest) -> bool:
    """Whether the platform's own staff ask; organization administrators are not."""
    user: Any = request.user
    return bool(user.is_active and user.is_superuser)


class HeadgateAdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold is untyped
    """The admin, for platform staff and for organization administrators within their organizations."""

    site_header = site_title = "Headgate"
    index_title = "Administration"

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return user.is_active and (user.is_superuser or bool(administered_organization_ids(user)))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One way in for everybody: the dashboard's, with its throttling and second factor."""
        if request.user.is_authenticated and not self.has_permission(request):
            return HttpResponse(
                "Only organization administrators may enter.", status=403, content_type="text/plain"
            )
        answer: HttpResponseRedirect = redirect("account_login")
        answer["Location"] += f"?next={request.path if 'login' not in request.path else '/admin/'}"
        return answer

    def admin_view(
        self, view: Callable[..., HttpResponseBase], cacheable: bool = False
    ) -> Callable[..., Any]:
        """Run the view, and render what it returns, in the scope of whoever asks."""

        def scoped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if is_platform_staff(request):
                enter_unscoped(reason="platform staff work in the admin")
            else:
                enter_tenant(*administered_organization_ids(request.user))
            response = view(request, *args, **kwargs)
            # Rendered here, because the scope ends with the view's transaction.
            render = getattr(response, "render", None)
            return render() if render is not None and not response.is_rendered else response  # type: ignore[attr-defined]

        return super().admin_view(scoped, cacheable)  # type: ignore[no-any-return]  # unfold is untyped


class ScopedModelAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Base of every admin class: platform staff may what the class allows, administrators what `administrators_may` says.

    Saving and deleting go through the domain functions that `save_model` and `delete_model` of each class call.
    """

    may: ClassVar[frozenset[str]] = frozenset({"view"})
    administrators_may: ClassVar[frozenset[str]] = frozenset()
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = True
    compressed_fields = True

    def _is_allowed(self, request: HttpRequest, action: str) -> bool:
        return action in (self.may if is_platform_staff(request) else self.administrators_may)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_allowed(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._is_allowed(request, "view")

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._is_allowed(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._is_allowed(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._is_allowed(request, "delete")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """People are no tenant's rows: offer, and accept, only those who belong to the scope."""
        if issubclass(db_field.remote_field.model, get_user_model()):
            kwargs["queryset"] = people_in_scope()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        queryset: models.QuerySet[Any] = super().get_queryset(request)
        return queryset.using(RLS_ALIAS)


def people_in_scope() -> models.QuerySet[Any]:
    """The users who are live members of the request's organizations; all of them for platform staff."""
    users = get_user_model()._default_manager.order_by("email")
    ids = current_organization_ids()
    if ids is None:
        return users
    return users.filter(memberships__organization_id__in=ids, memberships__removed_at=None).distinct()
