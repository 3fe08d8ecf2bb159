"""What people say about generations."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.ids import generation_id
from config.lib.scoping import TenantModel

LONGEST_COMMENT: Final = 1000
GUARDRAIL_FALSE_POSITIVE: Final = "guardrail_false_positive"
CATEGORIES: Final = (
    *("latency", "incoherence", "incorrect_response", "formatting", "billing", "api_error", "other"),
    GUARDRAIL_FALSE_POSITIVE,
)
"""The contract's, and one of ours: a guardrail found what is not there."""


class GenerationFeedback(TenantModel):
    """One complaint about one generation, and who made it; never changed, and no setting.

    Objects are named by id, as generations name theirs, so that feedback survives their end.
    """

    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    generation_id = models.UUIDField()
    category = models.CharField(max_length=40)
    comment = models.CharField(max_length=LONGEST_COMMENT, blank=True)
    door = models.CharField(max_length=20)
    user_id = models.BigIntegerField(null=True)
    management_key_id = models.BigIntegerField(null=True)
    api_key_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        db_table = "generation_feedback"
        verbose_name = "feedback"
        verbose_name_plural = "feedback"
        constraints = [
            models.CheckConstraint(condition=Q(category__in=CATEGORIES), name="generation_feedback_category")
        ]
        indexes = [
            models.Index(fields=["organization_id", "-id"], name="feedback_by_organization"),
            models.Index(fields=["generation_id"], name="feedback_by_generation"),
        ]

    def __str__(self) -> str:
        return f"{self.category.replace('_', ' ')}: {self.public_generation_id}"

    @property
    def public_generation_id(self) -> str:
        """The generation as the API names it."""
        return generation_id(self.generation_id)
