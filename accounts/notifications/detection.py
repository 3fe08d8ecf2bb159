"""Finding out what crossed a threshold: by tasks, from what is counted anyway, never while a request waits.

A glance at many organizations finds those where something moved; each of them is then judged alone, behind a lock, from
readings that are read again. Marks and notifications are written together: whoever dies before has told nobody, and
whoever comes after tells nobody twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections

from accounts.models import AlertState, NotificationRule, Organization
from accounts.notifications.crossings import Crossing, Mark, Reading, crossings
from accounts.notifications.kinds import KINDS, PERCENT, SCALES, USD
from accounts.notifications.posting import post
from accounts.notifications.rules import concerns, default_rule, thresholds_of
from config.lib.money import plain_usd, usd_from_nano
from config.lib.registry import KeyedSlot
from config.lib.scoping import tenant, unscoped

BATCH = 500
ALERT_LOCK = 7243
"""Advisory lock (this, organization): one at a time judges an organization."""

alert_readings: KeyedSlot[[Collection[int], datetime], list[Reading]] = KeyedSlot("alert_readings")
"""By kind: what organizations, by their ids, stand at at a moment. Called within their scope."""


@dataclass(frozen=True)
class Verdict:
    """What is to be told by a rule, and how its marks change; `marks` with their rows' keys."""

    rule: NotificationRule
    marks: dict[Mark, int]
    told: list[Crossing]
    kept: frozenset[Mark]


def moved(kinds: Sequence[str], *, now: datetime | None = None) -> list[int]:
    """The ids of organizations where something is to be told or marked: a glance, without locks."""
    found: list[int] = []
    for ids in _batches():
        with tenant(*ids):
            found += {verdict.rule.organization_id: 0 for verdict in _verdicts(ids, kinds, now or _clock())}
    return found


def check_organization(*, organization_id: int, kinds: Sequence[str], now: datetime | None = None) -> int:
    """Judge one organization, and write down what it is to be told; how many notifications that are."""
    with tenant(organization_id):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [ALERT_LOCK, organization_id])
        return sum(_write(verdict) for verdict in _verdicts([organization_id], kinds, now or _clock()))


def _verdicts(ids: Collection[int], kinds: Sequence[str], now: datetime) -> Iterator[Verdict]:
    """What changes, by organization and kind; where nothing does there is no verdict."""
    rules = {(rule.organization_id, rule.kind): rule for rule in _rows(NotificationRule, ids, kinds)}
    marks: dict[tuple[int, str], dict[Mark, int]] = defaultdict(dict)
    for row in _rows(AlertState, ids, kinds):
        mark = Mark(row.subject, row.threshold, row.window_start)
        marks[row.organization_id, row.kind][mark] = row.pk
    for kind in kinds:
        read: dict[int, list[Reading]] = defaultdict(list)
        for reading in alert_readings.at(kind)(ids, now):
            read[reading.organization_id].append(reading)
        for organization_id in ids:
            place = organization_id, kind
            rule = rules.get(place) or default_rule(organization_id, KINDS[kind])
            verdict = _verdict(rule, marks[place], read[organization_id])
            if verdict.told or verdict.kept != verdict.marks.keys():
                yield verdict


def _verdict(rule: NotificationRule, marks: dict[Mark, int], readings: list[Reading]) -> Verdict:
    scale = SCALES[KINDS[rule.kind].unit or ""]
    concerned = [reading for reading in readings if concerns(rule, reading.workspace)]
    return Verdict(rule, marks, *crossings(scale, thresholds_of(rule), marks.keys(), concerned))


def _write(verdict: Verdict) -> int:
    rule, marks = verdict.rule, verdict.marks
    rows = AlertState.objects.for_organization(rule.organization_id)
    rows.filter(pk__in=[marks[mark] for mark in marks.keys() - verdict.kept]).delete()
    AlertState.objects.bulk_create(
        AlertState(
            organization_id=rule.organization_id,
            kind=rule.kind,
            subject=mark.subject,
            threshold=mark.threshold,
            window_start=mark.window,
        )
        for mark in sorted(verdict.kept - marks.keys(), key=lambda mark: (mark.subject, mark.threshold))
    )
    for crossing in verdict.told:
        post(
            rule=rule,
            subject=crossing.reading.subject,
            facts=_facts(rule.kind, crossing),
            threshold=crossing.threshold,
            workspace=crossing.reading.workspace,
        )
    return len(verdict.told)


def _facts(kind: str, crossing: Crossing) -> dict[str, Any]:
    """The reading's facts, and the threshold in the kind's unit."""
    facts, unit = dict(crossing.reading.facts), KINDS[kind].unit
    if unit == PERCENT:
        facts["threshold_percent"] = crossing.threshold
    elif unit == USD:
        facts["threshold_usd"] = plain_usd(usd_from_nano(crossing.threshold))
    return facts


def _rows(model: Any, ids: Collection[int], kinds: Sequence[str]) -> Any:
    return model.objects.filter(organization_id__in=ids, kind__in=kinds).order_by("pk")


def _batches() -> Iterator[list[int]]:
    with unscoped(reason="a beat looks at every organization"):
        ids = list(Organization.objects.live().order_by("pk").values_list("pk", flat=True))
    yield from (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))


def _clock() -> datetime:
    """The database's clock, which all workers share: a window must not roll back."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment
