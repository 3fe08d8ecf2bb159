"""Which key and which member is held to which guardrail; each of them to one at most."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class Assignment(TenantModel):
    """A guardrail's hold on somebody. Assigning another guardrail replaces this one in the same row."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    guardrail = models.ForeignKey("routing.Guardrail", models.CASCADE, related_name="+")
    assigned_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(TenantModel.Meta):
        abstract = True


class KeyAssignment(Assignment):
    """A guardrail of a key, wherever in the organization the key is."""

    api_key = models.ForeignKey("workspaces.ApiKey", models.CASCADE, related_name="+")

    class Meta(Assignment.Meta):
        abstract = False
        db_table = "guardrail_key_assignment"
        constraints = [models.UniqueConstraint(fields=["api_key"], name="one_guardrail_per_key")]

    def __str__(self) -> str:
        return f"{self.guardrail} on {self.api_key}"


class MemberAssignment(Assignment):
    """A guardrail of a member of the organization; it follows his keys in every workspace."""

    membership = models.ForeignKey("accounts.Membership", models.CASCADE, related_name="+")

    class Meta(Assignment.Meta):
        abstract = False
        db_table = "guardrail_member_assignment"
        constraints = [models.UniqueConstraint(fields=["membership"], name="one_guardrail_per_member")]

    def __str__(self) -> str:
        return f"{self.guardrail} on {self.membership}"
