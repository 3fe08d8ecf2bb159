"""What classifiers found of a request, for people."""

from __future__ import annotations

from dataclasses import dataclass

from observability.models import Classification, Classifier, Generation


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
