"""Explicit members of a workspace; in the Default workspace everybody is one implicitly."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class WorkspaceMember(TenantModel):
    """A member of the organization who was added to a workspace. `role` is set by a SCIM mapping only."""

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="members")
    membership = models.ForeignKey("accounts.Membership", models.CASCADE, related_name="workspaces")
    role = models.CharField(max_length=10, null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(TenantModel.Meta):
        db_table = "workspace_member"
        constraints = [
            models.UniqueConstraint(fields=["workspace", "membership"], name="one_seat_per_workspace"),
            models.CheckConstraint(
                condition=models.Q(role__in=["admin", "member"]) | models.Q(role=None),
                name="workspace_member_role",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership.user} in {self.workspace}"
