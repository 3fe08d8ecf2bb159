"""The account's privacy settings, which are the ceiling for every workspace (SPEC §3)."""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils import timezone

from accounts.models import Organization, PrivacySettings
from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import Actor, Change, Scope, record, snapshot
from accounts.slug_lists import NotASlugList, check_slug_lists
from config.lib.registry import Slot

privacy_changed: Slot[[PrivacySettings, Actor], None] = Slot("privacy_changed")
"""Called with the new settings, in the transaction that wrote them."""

MOST_ACTIVE_PHRASES = 200
MOST_PHRASES = 1_000
LONGEST_PHRASE_BYTES = 1_000
KEPT = frozenset({"id", "organization", "created_at", "updated_at"})
CHANGEABLE = frozenset(field.name for field in PrivacySettings._meta.concrete_fields) - KEPT


class NotAnAllowlist(ValueError):
    """Too many phrases, an overlong or empty one, or one that is there twice."""


class IoLoggingForbidden(Exception):
    """The account's privacy settings forbid storing prompts and completions."""


def settings_of(organization: Organization) -> PrivacySettings:
    """What the organization allows; not a stored row until something was set."""
    stored: PrivacySettings | None = PrivacySettings.objects.for_organization(organization).first()
    return stored or PrivacySettings(organization=organization)


def change(*, organization: Organization, by: Actor, **changes: Any) -> PrivacySettings:
    """Change privacy settings, all or none. Raises NotASlugList, NotAnAllowlist."""
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"privacy settings have no changeable {', '.join(sorted(unknown))}")
    check_slug_lists(changes)
    _check_allowlist(changes.get("prompt_injection_allowlist", []))
    with transaction.atomic():
        settings = settings_of(_lock(organization))
        before = snapshot(settings) if settings.pk else None
        for name, value in changes.items():
            setattr(settings, name, value)
        settings.updated_at = timezone.now()
        settings.save()
        _record(settings, before, by)
        privacy_changed(settings, by)
    return settings


def allow_phrase(*, organization: Organization, phrase: str, by: Actor) -> PrivacySettings:
    """Add a phrase to what is no prompt injection, or switch it on again. Raises NotAnAllowlist."""
    with transaction.atomic():
        known = settings_of(_lock(organization)).prompt_injection_allowlist
        others = [entry for entry in known if entry["phrase"].casefold() != phrase.casefold()]
        phrases = [*others, {"phrase": phrase, "is_active": True}]
        return change(organization=organization, by=by, prompt_injection_allowlist=phrases)


def require_io_logging(organization_id: int) -> None:
    """Pass, or raise IoLoggingForbidden."""
    ceilings = PrivacySettings.objects.for_organization(organization_id)
    if ceilings.filter(is_io_logging_allowed=False).exists():
        raise IoLoggingForbidden("The account's privacy settings do not allow I/O logging.")


def restore(recorded: Recorded, by: Actor) -> None:
    """Bring the settings back to a recorded state; fills `restorers`. Not there means that nothing was restricted."""
    organization = Organization.objects.for_organization(recorded.organization_id).get()
    unrestricted = snapshot(PrivacySettings(organization=organization))
    state = unrestricted | (recorded.state or {})
    try:
        change(organization=organization, by=by, **{name: state[name] for name in CHANGEABLE})
    except (NotASlugList, NotAnAllowlist) as error:
        raise CannotRestore(str(error)) from error


def _check_allowlist(phrases: list[dict[str, Any]]) -> None:
    if len(phrases) > MOST_PHRASES:
        raise NotAnAllowlist(f"prompt_injection_allowlist: may have at most {MOST_PHRASES} phrases.")
    if sum(entry["is_active"] for entry in phrases) > MOST_ACTIVE_PHRASES:
        raise NotAnAllowlist(
            f"prompt_injection_allowlist: may have at most {MOST_ACTIVE_PHRASES} active phrases."
        )
    seen: set[str] = set()
    for number, entry in enumerate(phrases):
        _check_phrase(f"prompt_injection_allowlist[{number}].phrase", entry["phrase"], seen)


def _check_phrase(where: str, phrase: str, seen: set[str]) -> None:
    if not phrase.strip():
        raise NotAnAllowlist(f"{where}: must not be blank.")
    if len(phrase.encode()) > LONGEST_PHRASE_BYTES:
        raise NotAnAllowlist(f"{where}: may have at most {LONGEST_PHRASE_BYTES} bytes.")
    if phrase.casefold() in seen:
        raise NotAnAllowlist(f"{where}: is there twice; letter case makes no difference.")
    seen.add(phrase.casefold())


def _lock(organization: Organization) -> Organization:
    """The organization with its row locked: its settings are written one at a time."""
    rows: models.QuerySet[Organization] = Organization.objects.for_organization(organization)
    return rows.select_for_update(of=("self",), no_key=True).get()


def _record(settings: PrivacySettings, before: dict[str, Any] | None, by: Actor) -> None:
    record(
        Change(
            action="update" if before else "create",
            row=settings,
            before=before,
            after=snapshot(settings),
            touches=(Scope("organization", settings.organization_id),),
            organization_id=settings.organization_id,
        ),
        by=by,
    )
