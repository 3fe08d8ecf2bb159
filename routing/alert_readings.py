"""Which models that organizations use will go away, and when, for notifications; fills `alert_readings`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from accounts.models import PrivacySettings
from accounts.notifications.crossings import Reading
from observability.models import UsageHour
from routing.models import Guardrail, LanguageModel, Preset
from workspaces.models import Workspace

RECENTLY = timedelta(days=30)
REQUESTS, PRESETS, GUARDRAILS, PRIVACY, DEFAULTS = (
    "requests of the last 30 days",
    "presets",
    "guardrails",
    "privacy settings",
    "default models",
)


def deprecations(ids: Collection[int], now: datetime) -> list[Reading]:
    """Each model with a date to come, for each organization that uses or names it."""
    today = now.astimezone(UTC).date()
    dated = LanguageModel.objects.filter(expires_at__isnull=False, expires_at__gte=now, is_enabled=True)
    models = {model.slug: model for model in dated.order_by("pk")}
    if not models:
        return []
    used: dict[tuple[int, str], list[str]] = defaultdict(list)
    for organization_id, slug, place in _uses(ids, models, now):
        if place not in used[organization_id, slug]:
            used[organization_id, slug].append(place)
    return [
        _reading(organization_id, models[slug], places, today.toordinal())
        for (organization_id, slug), places in used.items()
    ]


def _reading(organization_id: int, model: LanguageModel, places: list[str], today: int) -> Reading:
    assert model.expires_at is not None  # that is how it was found
    day = model.expires_at.astimezone(UTC).date()
    days_left = day.toordinal() - today
    return Reading(
        organization_id=organization_id,
        subject=f"model:{model.slug}@{day.isoformat()}",
        value=days_left,
        facts={
            "name": model.slug,
            "expiration_date": day.isoformat(),
            "days_left": days_left,
            "used_by": ", ".join(places),
        },
    )


def _uses(
    ids: Collection[int], models: Mapping[str, LanguageModel], now: datetime
) -> Iterator[tuple[int, str, str]]:
    """Organization, model, and where it is used or named; some of them more than once."""
    slugs = list(models)
    usage = UsageHour.objects.filter(organization_id__in=ids, hour__gte=now - RECENTLY, model__in=slugs)
    for organization_id, slug in usage.values_list("organization_id", "model").distinct():
        yield organization_id, slug, REQUESTS
    presets = Preset.objects.filter(organization_id__in=ids).live().filter(status=Preset.ACTIVE)
    for preset in presets.select_related("designated_version").order_by("pk"):
        config = preset.designated_version.config if preset.designated_version else {}
        named = [config.get("model"), *_strings(config.get("models"))]
        yield from ((preset.organization_id, slug, PRESETS) for slug in _named(named, models))
    for rows, place in (
        (Guardrail.objects.filter(organization_id__in=ids), GUARDRAILS),
        (PrivacySettings.objects.filter(organization_id__in=ids), PRIVACY),
    ):
        for organization_id, allowed in rows.exclude(allowed_models=None).values_list(
            "organization_id", "allowed_models"
        ):
            yield from ((organization_id, slug, place) for slug in _named(allowed or (), models))
    workspaces = Workspace.objects.filter(organization_id__in=ids).live()
    defaults = workspaces.filter(Q(default_text_model__in=slugs) | Q(default_image_model__in=slugs))
    for workspace in defaults.order_by("pk"):
        named = [workspace.default_text_model, workspace.default_image_model]
        yield from ((workspace.organization_id, slug, DEFAULTS) for slug in _named(named, models))


def _strings(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _named(names: Collection[object], models: Mapping[str, LanguageModel]) -> list[str]:
    """The models among names that may have a variant (`:nitro`) behind them."""
    plain = (name.partition(":")[0] for name in names if isinstance(name, str))
    return [slug for slug in plain if slug in models]
