"""Creating, changing, disabling and deleting channels; their secrets are sealed, and shown once if we made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import NotificationChannel, Organization
from accounts.notifications.channel_types import CHANNEL_TYPES, ChannelType
from accounts.notifications.rules import forget_channel
from accounts.revisions import Action, Actor, Change, record, snapshot
from config.lib.crypto import SealingError, sealing_ring
from config.lib.declared import NotValid, read

MOST_CHANNELS = 20


class TooManyChannels(Exception):
    """An organization has a handful of channels."""


class ChannelGone(Exception):
    """The channel was deleted meanwhile."""


@dataclass(frozen=True)
class Made:
    """A channel as it is now, and the secrets that were made for it: nobody sees them again."""

    channel: NotificationChannel
    issued: Mapping[str, str]


def create(*, organization: Organization, kind: str, name: str, config: Mapping[str, Any], by: Actor) -> Made:
    """Add a channel; no rule uses it yet. Raises NotValid, TooManyChannels."""
    type_ = CHANNEL_TYPES[kind]
    given = read(type_.fields, config, within="config")
    with transaction.atomic():
        _lock_organization(organization)
        if NotificationChannel.objects.for_organization(organization).live().count() >= MOST_CHANNELS:
            raise TooManyChannels(f"An organization may have {MOST_CHANNELS} notification channels.")
        channel = NotificationChannel(organization=organization, type=kind, name=name, created_by=by.user)
        issued = _configure(channel, type_, {}, given)
        channel.save(force_insert=True)
        _record("create", channel, None, by, **_said(type_, given, issued))
    channel.refresh_from_db()
    return Made(channel, issued)


def change(
    *,
    channel: NotificationChannel,
    by: Actor,
    name: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> Made:
    """Change a channel's name, and what of its configuration is given. Raises ChannelGone, NotValid."""
    type_ = CHANNEL_TYPES[channel.type]
    given = read(type_.fields, {} if config is None else config, within="config")
    issued: Mapping[str, str] = {}
    with transaction.atomic():
        locked = lock(channel)
        before = snapshot(locked)
        if name is not None:
            locked.name = name
        if given:
            issued = _configure(locked, type_, opened(locked), given)
        locked.updated_at = timezone.now()
        locked.save()
        _record("update", locked, before, by, **_said(type_, given, issued))
    return Made(locked, issued)


def switch(
    *, channel: NotificationChannel, is_disabled: bool, by: Actor, reason: str = ""
) -> NotificationChannel:
    """Disable a channel, or let it be used again. Raises ChannelGone."""
    with transaction.atomic():
        locked = lock(channel)
        before = snapshot(locked)
        locked.is_disabled, locked.disabled_reason = is_disabled, reason
        locked.updated_at = timezone.now()
        locked.save(update_fields=["is_disabled", "disabled_reason", "updated_at"])
        _record("update", locked, before, by)
    return locked


def delete(*, channel: NotificationChannel, by: Actor) -> None:
    """Delete a channel, wipe its secrets, and take it out of the rules. Raises ChannelGone."""
    with transaction.atomic():
        _lock_organization(channel.organization)  # as whoever changes a rule, and before the channel
        locked = lock(channel)
        before = snapshot(locked)
        locked.sealed_secret, locked.hints = "", {}
        locked.deleted_at = locked.updated_at = timezone.now()
        locked.save(update_fields=["sealed_secret", "hints", "deleted_at", "updated_at"])
        _record("delete", locked, before, by)
        forget_channel(locked, by)


def opened(channel: NotificationChannel) -> dict[str, Any]:
    """The whole configuration for whoever sends; without secrets that are wiped or cannot be opened."""
    if not channel.sealed_secret:
        return dict(channel.config)
    try:
        plain = sealing_ring().open(channel.sealed_secret, identity=channel.secret_identity)
    except SealingError:
        return dict(channel.config)
    return {**channel.config, **json.loads(plain)}


def identity_of(channel: NotificationChannel) -> str:
    """What a channel's sealed secrets belong to."""
    return channel.secret_identity


def record_resealed(channel: NotificationChannel, reason: str) -> None:
    """Record that secrets were sealed anew or wiped by the command that does so."""
    _record("update", channel, snapshot(channel), Actor(door="shell", reason=reason))


def lock(channel: NotificationChannel) -> NotificationChannel:
    """The channel as it is now, locked. Raises ChannelGone."""
    live = NotificationChannel.objects.for_organization(channel.organization_id).live()
    locked: NotificationChannel | None = (
        live.select_for_update(of=("self",)).select_related("organization").filter(pk=channel.pk).first()
    )
    if locked is None:
        raise ChannelGone("The channel was deleted.")
    return locked


def _configure(
    channel: NotificationChannel, type_: ChannelType, known: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, str]:
    """Set the configuration and seal its secrets; those that were made here. Raises NotValid."""
    whole = type_.complete({**known, **given}, frozenset(given))
    for name in sorted(type_.required - whole.keys()):
        raise NotValid(f"config.{name}", "is required.")
    secrets = {name: whole[name] for name in sorted(type_.secrets & whole.keys())}
    channel.config = {name: value for name, value in whole.items() if name not in type_.secrets}
    channel.hints = {name: type_.hint(name, value) for name, value in secrets.items()}
    channel.sealed_secret = (
        sealing_ring().seal(json.dumps(secrets).encode(), identity=channel.secret_identity) if secrets else ""
    )
    return {name: value for name, value in secrets.items() if value not in (known.get(name), given.get(name))}


def _said(type_: ChannelType, given: Mapping[str, Any], issued: Mapping[str, str]) -> dict[str, str]:
    """That secrets were set, for the revision, which holds none."""
    return dict.fromkeys(sorted(type_.secrets & (given.keys() | issued.keys())), "set")


def _lock_organization(organization: Organization) -> None:
    Organization.objects.for_organization(organization).select_for_update(of=("self",), no_key=True).get()


def _record(
    action: Action, channel: NotificationChannel, before: dict[str, Any] | None, by: Actor, **extra: str
) -> None:
    record(
        Change(
            action=action,
            row=channel,
            before=before,
            after=None if action == "delete" else snapshot(channel),
            touches=(),  # no gateway reads it
            organization_id=channel.organization_id,
            extra=extra,
        ),
        by=by,
    )
