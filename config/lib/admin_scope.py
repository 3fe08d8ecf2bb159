"""Whose rows a request to the Django admin may know of."""

from __future__ import annotations

from typing import Any, cast

from django.db import models
from django.http import HttpRequest
from guardian.models import UserObjectPermission

from config.lib.scoping import RLS_ALIAS, ScopedQuerySet, current_organization_ids

ADMINISTER = "administer_organization"


def is_platform_staff(request: HttpRequest) -> bool:
    """Whether the platform's own staff ask; organization administrators are not."""
    user: Any = request.user
    return bool(user.is_active and user.is_superuser)


def administered_organization_ids(request: HttpRequest) -> tuple[int, ...]:
    """The organizations that guardian's rows let the request's user administer; read once per request."""
    known: tuple[int, ...] | None = getattr(request, "administered_organization_ids", None)
    if known is None:
        rows = UserObjectPermission.objects.filter(
            user=request.user, permission__codename=ADMINISTER, permission__content_type__app_label="accounts"
        )
        known = tuple(int(pk) for pk in rows.order_by("object_pk").values_list("object_pk", flat=True))
        cast(Any, request).administered_organization_ids = known
    return known


def rows_in_scope(model: type[models.Model], request: HttpRequest) -> models.QuerySet[Any]:
    """The rows that whoever asks may know of. What belongs to no organization is for platform staff alone."""
    rows: models.QuerySet[Any] = model._default_manager.using(RLS_ALIAS)
    if is_platform_staff(request):
        return rows
    if not isinstance(rows, ScopedQuerySet):
        return rows.none()
    return rows.filter(**{f"{rows.organization_lookup}__in": current_organization_ids() or ()})
