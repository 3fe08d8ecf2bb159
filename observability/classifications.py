"""What classifiers found of a request, for people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from observability.models import Classification, Classifier, Generation
from workspaces.models.workspace import UUID_TEXT

NO_CLASSIFIER = -1
"""Stands for one that the reader does not know of: nothing was ever sorted by it."""


@dataclass(frozen=True)
class Label:
    """The label that a request got in one dimension of a classifier."""

    classifier: str
    dimension: str
    label: str


def labels_of(generation: Generation) -> list[Label]:
    """The labels of a request, by classifier; those of deleted classifiers too."""
    rows = Classification.objects.for_organization(generation.organization_id)
    done = list(
        rows.filter(generation_id=generation.pk, status=Classification.DONE).order_by("classifier_id")
    )
    if not done:
        return []
    classifiers = Classifier.objects.for_organization(generation.organization_id)
    names = dict(classifiers.filter(pk__in=[row.classifier_id for row in done]).values_list("pk", "name"))
    return [
        Label(names.get(row.classifier_id, "deleted"), dimension, label)
        for row in done
        for dimension, label in (row.tags or {}).items()
    ]


@dataclass(frozen=True)
class AskedLabel:
    """The label that requests are looked for by; `name` is the classifier's."""

    organization_id: int
    classifier_id: int
    dimension: str
    label: str
    name: str = ""


def asked_label(text: str, organization_id: int, workspace_ids: Collection[int]) -> AskedLabel:
    """What `{classifier's id}:{dimension}:{label}` means to somebody who sees these workspaces."""
    public_id, _, rest = text.partition(":")
    dimension, _, label = rest.partition(":")
    found = None
    if UUID_TEXT.fullmatch(public_id):
        rows = Classifier.objects.for_organization(organization_id).filter(workspace_id__in=workspace_ids)
        found = rows.filter(public_id=public_id).first()
    if found is None:
        return AskedLabel(organization_id, NO_CLASSIFIER, dimension, label)
    return AskedLabel(organization_id, found.pk, dimension, label, found.name)
