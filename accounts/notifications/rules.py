"""When an organization is told of what: one rule for each kind, with defaults until it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.invitations import UnknownWorkspaces, places
from accounts.models import NotificationChannel, NotificationRule, Organization
from accounts.notifications.kinds import DAYS, KINDS, PERCENT, Kind
from accounts.restoring import CannotRestore, Recorded
from accounts.revisions import Actor, Change, record, snapshot

MOST_THRESHOLDS = 10
MOST_WORKSPACES = 100
MOST_PERCENT, MOST_DAYS = 1_000, 365
MOST_NANO = 2**62
CHANGEABLE = frozenset({"thresholds", "workspaces", "channels", "is_mailed_to_administrators", "is_disabled"})


class NotARule(ValueError):
    """The kind cannot have such thresholds or workspaces; the message names the field."""


class UnknownChannels(Exception):
    """Some of the channels are not the organization's; whether they are somebody else's is not told."""

    def __init__(self, references: Sequence[str]) -> None:
        super().__init__(f"channel_ids: {', '.join(references)}: no such channel of the organization.")


def default_rule(organization_id: int, kind: Kind) -> NotificationRule:
    """What holds until it is changed."""
    return NotificationRule(
        organization_id=organization_id,
        kind=kind.slug,
        thresholds=list(kind.defaults),
        is_disabled=not kind.is_on,
    )


def rules_of(organization_id: int) -> dict[str, NotificationRule]:
    """The organization's rules by kind, in the order of kinds; those that were never changed are not stored."""
    stored = {rule.kind: rule for rule in NotificationRule.objects.for_organization(organization_id)}
    return {slug: stored.get(slug) or default_rule(organization_id, kind) for slug, kind in KINDS.items()}


def thresholds_of(rule: NotificationRule) -> tuple[int, ...]:
    """What readings are compared with; nothing while the rule is disabled."""
    return () if rule.is_disabled else (*KINDS[rule.kind].always, *rule.thresholds)


def concerns(rule: NotificationRule, workspace: str | None) -> bool:
    """Whether the rule is about what happens in this workspace; what happens in none concerns every rule."""
    return rule.workspaces is None or workspace is None or workspace in rule.workspaces


def change(*, organization: Organization, kind: str, by: Actor, **changes: Any) -> NotificationRule:
    """Change a rule, all or none. `workspaces`: ids or slugs; `channels`: public ids.

    Raises NotARule, UnknownWorkspaces, UnknownChannels.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"a notification rule has no changeable {', '.join(sorted(unknown))}")
    columns = dict(changes)
    if "thresholds" in columns:
        columns["thresholds"] = _checked(KINDS[kind], columns["thresholds"])
    if "workspaces" in columns:
        columns["workspaces"] = _named(organization, KINDS[kind], columns["workspaces"])
    with transaction.atomic():
        _lock(organization)
        if "channels" in columns:
            columns["channel_ids"] = _ids_of(organization, columns.pop("channels"))
        rule = rules_of(organization.pk)[kind]
        _write(rule, columns, by)
    return rule


def forget_channel(channel: NotificationChannel, by: Actor) -> None:
    """Take a channel that is being deleted out of all rules."""
    rules = NotificationRule.objects.for_organization(channel.organization_id)
    for rule in rules.filter(channel_ids__contains=channel.pk).select_for_update(of=("self",)).order_by("pk"):
        _write(rule, {"channel_ids": [pk for pk in rule.channel_ids if pk != channel.pk]}, by)


def channels_of(rule: NotificationRule) -> list[NotificationChannel]:
    """The rule's live channels, disabled ones included, by id."""
    rows = NotificationChannel.objects.for_organization(rule.organization_id).live()
    return list(rows.filter(pk__in=rule.channel_ids).order_by("pk"))


def restore(recorded: Recorded, by: Actor) -> None:
    """Bring a rule back to a recorded state; fills `restorers`. Not there means the defaults. Raises CannotRestore."""
    rules = NotificationRule.objects.for_organization(recorded.organization_id)
    organization = Organization.objects.for_organization(recorded.organization_id).get()
    found = rules.filter(pk=recorded.pk).first()
    kind: str = recorded.state["kind"] if recorded.state else found.kind if found else ""
    if kind not in KINDS:
        raise CannotRestore("There is no such kind of notification any more.")
    state = recorded.state or snapshot(default_rule(organization.pk, KINDS[kind]))
    live = NotificationChannel.objects.for_organization(organization).live()
    columns = {name: state[name] for name in CHANGEABLE - {"channels"}}
    columns["channels"] = list(live.filter(pk__in=state["channel_ids"]).values_list("public_id", flat=True))
    try:
        change(organization=organization, kind=kind, by=by, **columns)
    except (NotARule, UnknownWorkspaces, UnknownChannels) as error:
        raise CannotRestore(str(error)) from error


def _write(rule: NotificationRule, columns: dict[str, Any], by: Actor) -> None:
    before = snapshot(rule) if rule.pk else None
    for name, value in columns.items():
        setattr(rule, name, value)
    rule.updated_at = timezone.now()
    rule.save()
    record(
        Change(
            action="update" if before else "create",
            row=rule,
            before=before,
            after=snapshot(rule),
            touches=(),  # no gateway reads it
            organization_id=rule.organization_id,
        ),
        by=by,
    )


def _lock(organization: Organization) -> None:
    """One at a time changes an organization's rules, which may not be stored yet."""
    Organization.objects.for_organization(organization).select_for_update(of=("self",), no_key=True).get()


def _checked(kind: Kind, thresholds: Sequence[int]) -> list[int]:
    """The thresholds, the least severe first. Raises NotARule."""
    if kind.unit is None and thresholds:
        raise NotARule(f"thresholds: {kind.slug} has none.")
    if kind.unit is not None and not kind.always and not thresholds:
        raise NotARule("thresholds: must not be empty; disable the rule instead.")
    if len(thresholds) > MOST_THRESHOLDS:
        raise NotARule(f"thresholds: may be at most {MOST_THRESHOLDS}.")
    most = {PERCENT: MOST_PERCENT, DAYS: MOST_DAYS}.get(kind.unit or "", MOST_NANO)
    if not all(1 <= each <= most for each in thresholds):
        upper = f" and at most {most}" if kind.unit in (PERCENT, DAYS) else ""
        raise NotARule(f"thresholds: must be more than 0{upper}.")
    return sorted(set(thresholds), reverse=kind.unit != PERCENT)


def _named(organization: Organization, kind: Kind, references: Sequence[str] | None) -> list[str] | None:
    """Public ids of the workspaces. Raises NotARule, UnknownWorkspaces."""
    if references is None:
        return None
    if not kind.is_of_workspaces:
        raise NotARule(f"workspace_ids: {kind.slug} is about the whole organization; null is all there is.")
    if not 1 <= len(references) <= MOST_WORKSPACES:
        raise NotARule(f"workspace_ids: must be 1 to {MOST_WORKSPACES}; null is all workspaces.")
    offered = places(organization)
    by_name = {place.slug: place for place in offered} | {place.public_id: place for place in offered}
    unknown = [text[:60] for text in references if text.lower() not in by_name]
    if unknown:
        raise UnknownWorkspaces(unknown)
    return list(dict.fromkeys(by_name[text.lower()].public_id for text in references))


def _ids_of(organization: Organization, references: Sequence[UUID | str]) -> list[int]:
    """Ids of the channels. Raises UnknownChannels."""
    live = NotificationChannel.objects.for_organization(organization).live()
    found = live.filter(public_id__in=references).values_list("public_id", "pk")
    known = {str(public_id): pk for public_id, pk in found}
    unknown = [str(each) for each in references if str(each) not in known]
    if unknown:
        raise UnknownChannels(unknown)
    return sorted(set(known.values()))
