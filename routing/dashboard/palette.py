"""What the palette finds of the catalog."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode

from accounts.dashboard.palette import Asked, Found, FoundGroup
from routing.models import LanguageModel


def models_found(asked: Asked) -> FoundGroup:
    """Models by slug or name; each leads to its requests in the log. Fills `palette_finders`."""
    if not asked.text:
        return FoundGroup("Models", [])
    like = Q(slug__icontains=asked.text) | Q(name__icontains=asked.text)
    rows = LanguageModel.objects.filter(like, is_enabled=True).order_by("slug")[: asked.count]
    logs = reverse("dashboard:logs", kwargs={"organization": asked.membership.organization.slug})
    return FoundGroup(
        "Requests to a model",
        [Found(row.slug, f"{logs}?{urlencode({'model': row.slug})}", "log", row.name) for row in rows],
    )
