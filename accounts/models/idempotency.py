"""Answers kept for a day, so that a repeated POST is answered and not done again."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class IdempotentAnswer(TenantModel):
    """The answer to one POST, sealed with a key that is not kept here (accounts.idempotency)."""

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    caller = models.CharField(max_length=40)
    key_hash = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    sealed_body = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        db_table = "idempotent_answer"
        constraints = [
            models.UniqueConstraint(fields=["caller", "key_hash"], name="one_answer_per_idempotency_key")
        ]
        indexes = [models.Index(fields=["organization", "created_at"], name="idempotent_answer_by_age")]

    def __str__(self) -> str:
        return f"{self.status} for {self.caller}"
