"""What a workspace's requests are sorted by, and what became of each of them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.ids import generation_id
from config.lib.scoping import ScopedQuerySet, TenantModel


class ClassifierQuerySet(ScopedQuerySet["Classifier"]):
    """Classifiers by their state."""

    def live(self) -> ClassifierQuerySet:
        """Classifiers that were not deleted."""
        return self.filter(deleted_at=None)


class Classifier(TenantModel):
    """A taxonomy that a model sorts one workspace's requests by, once they are over.

    `taxonomy` is what observability.taxonomy reads. The model is asked with `key`, a key of the workspace's own that
    the classifier is given while it is enabled; its secret is sealed. `api_key_ids` is None (all keys) or lists keys
    whose requests are sorted; an empty list is no key. Deleting wipes the secret and keeps the row.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="classifiers")
    name = models.CharField(max_length=255)
    model = models.CharField(max_length=255)
    instructions = models.TextField(blank=True)
    taxonomy = models.JSONField()
    sampling_rate = models.FloatField(default=1)
    api_key_ids = models.JSONField(null=True, blank=True)
    is_enabled = models.BooleanField(default=True)
    key = models.ForeignKey("workspaces.ApiKey", models.SET_NULL, null=True, related_name="+", editable=False)
    sealed_secret = models.TextField(blank=True, editable=False)
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = ClassifierQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "classifier"
        constraints = [
            models.CheckConstraint(
                condition=Q(sampling_rate__gte=0.0001) & Q(sampling_rate__lte=1),
                name="classifier_sampling_rate",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(sealed_secret=""), name="deleted_classifier_is_wiped"
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "workspace"], condition=Q(deleted_at=None), name="classifier_live"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def secret_identity(self) -> str:
        """What the sealed secret belongs to; in another row it does not open."""
        return f"classifier:{self.organization_id}:{self.public_id}"


class Classification(TenantModel):
    """One generation for one classifier, written by ingest in the transaction that books the generation.

    `tags` say which label each dimension got, once that is `done`. `answer_id` is the generation that the question
    was, which is charged like any other; `cost_nano` is what it cost. Objects are named by id, as generations name
    theirs. Kept as long as generations are.
    """

    PENDING, DONE, FAILED, SKIPPED = "pending", "done", "failed", "skipped"
    STATUSES = (PENDING, DONE, FAILED, SKIPPED)

    id = models.BigAutoField(primary_key=True)
    classifier_id = models.BigIntegerField()
    generation_id = models.UUIDField()
    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    status = models.CharField(max_length=10, db_default=PENDING)
    tags = models.JSONField(null=True)
    error = models.CharField(max_length=300, db_default="")
    attempts = models.SmallIntegerField(db_default=0)
    next_at = models.DateTimeField(db_default=Now())
    answer_id = models.UUIDField(null=True)
    cost_nano = models.BigIntegerField(db_default=0)
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "classification"
        constraints = [
            models.UniqueConstraint(fields=["generation_id", "classifier_id"], name="one_classification"),
            models.CheckConstraint(
                condition=Q(status__in=("pending", "done", "failed", "skipped")), name="classification_status"
            ),
            models.CheckConstraint(
                condition=Q(status="done", tags__isnull=False) | (~Q(status="done") & Q(tags=None)),
                name="classification_has_tags",
            ),
        ]
        indexes = [
            models.Index(fields=["classifier_id", "-id"], name="classification_by_classifier"),
            models.Index(fields=["next_at", "id"], condition=Q(status="pending"), name="classification_due"),
        ]

    def __str__(self) -> str:
        return f"{self.public_generation_id}: {self.status}"

    @property
    def public_generation_id(self) -> str:
        """The generation as the API names it."""
        return generation_id(self.generation_id)

    @property
    def public_answer_id(self) -> str | None:
        """The question, as a generation of its own."""
        return None if self.answer_id is None else generation_id(self.answer_id)
