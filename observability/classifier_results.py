"""What a classifier has found, for people: a page of results, and how often each label was given."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from django.db import connection

from config.lib.keyset import Page, UnknownCursor
from observability.models import Classification, Classifier

LARGEST_ID: Final = 2**63 - 1
COUNTED: Final = 10_000
"""So many of the newest results are counted."""

STATUSES_SQL = """
SELECT status, count(*) FROM (SELECT status FROM classification WHERE classifier_id = %s ORDER BY id DESC LIMIT %s)
newest GROUP BY 1
"""
LABELS_SQL = """
SELECT tag.key, tag.value, count(*)
  FROM (SELECT tags FROM classification WHERE classifier_id = %s ORDER BY id DESC LIMIT %s) newest,
       jsonb_each_text(newest.tags) tag GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""


@dataclass(frozen=True)
class LabelCount:
    """How often a label was given, of the results that have its dimension."""

    label: str
    count: int
    whole: int

    @property
    def percent(self) -> float:
        """Its share."""
        return 100 * self.count / self.whole


@dataclass(frozen=True)
class DimensionCount:
    """The labels of one dimension, the most frequent first."""

    name: str
    labels: list[LabelCount]


def results(classifier: Classifier, *, status: str, before: str, size: int) -> Page[Classification]:
    """Results, the newest first; the cursor is a result's id. Raises UnknownCursor."""
    rows = Classification.objects.for_workspace(classifier.workspace_id).filter(classifier_id=classifier.pk)
    if status:
        rows = rows.filter(status=status)
    if before:
        if not (before.isascii() and before.isdigit()) or int(before[:20]) > LARGEST_ID:
            raise UnknownCursor(before[:50])
        rows = rows.filter(pk__lt=int(before))
    found = list(rows.order_by("-pk")[: size + 1])
    return Page(found[:size], str(found[size - 1].pk) if len(found) > size else None)


def counts_by_status(classifier: Classifier) -> dict[str, int]:
    """How many of the newest requests are in which state."""
    with connection.cursor() as cursor:
        cursor.execute(STATUSES_SQL, [classifier.pk, COUNTED])
        return dict(cursor.fetchall())


def counts_by_label(classifier: Classifier) -> list[DimensionCount]:
    """How often each label was given to the newest requests, in the taxonomy's order of dimensions."""
    with connection.cursor() as cursor:
        cursor.execute(LABELS_SQL, [classifier.pk, COUNTED])
        rows = cursor.fetchall()
    wholes: dict[str, int] = defaultdict(int)
    for dimension, _, count in rows:
        wholes[dimension] += count
    order = [dimension["name"] for dimension in classifier.taxonomy]
    names = [*order, *sorted(wholes.keys() - set(order))]
    return [
        DimensionCount(
            name, [LabelCount(label, count, wholes[name]) for found, label, count in rows if found == name]
        )
        for name in names
        if wholes[name]
    ]
