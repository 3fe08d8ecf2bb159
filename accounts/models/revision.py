"""What was changed, by whom, and how far each scope's settings have moved on."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class Revision(TenantModel):
    """One change of one object: who, when, through which door, before and after; secrets are left out.

    `transaction_id` ties it to its database transaction: a trigger on every settings table refuses a
    transaction that wrote no revision. Rows without an organization are the platform's. `versions` says which
    version each touched scope reached, as a generation names them: {"workspace:7": 12}. `restores` is the id of
    the revision that was rolled back to.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, null=True, related_name="+")
    workspace_id = models.BigIntegerField(null=True)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=200, db_default="")
    action = models.CharField(max_length=20)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    door = models.CharField(max_length=20)
    user = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    management_key = models.ForeignKey("accounts.ManagementKey", models.SET_NULL, null=True, related_name="+")
    api_key_id = models.BigIntegerField(null=True)
    address = models.GenericIPAddressField(null=True)
    reason = models.CharField(max_length=500, db_default="")
    restores = models.BigIntegerField(null=True)
    versions = models.JSONField(default=dict, db_default={})
    created_at = models.DateTimeField(db_default=Now())
    transaction_id = models.BigIntegerField(
        db_default=models.Func(
            template="pg_current_xact_id()::text::bigint", output_field=models.BigIntegerField()
        )
    )

    class Meta(TenantModel.Meta):
        db_table = "revision"
        indexes = [
            models.Index(fields=["transaction_id"], name="revision_by_transaction"),
            models.Index(fields=["organization", "-id"], name="revision_by_organization"),
            models.Index(fields=["object_type", "object_id", "-id"], name="revision_by_object"),
            GinIndex(fields=["versions"], name="revision_by_version", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_type} {self.object_id}"


class Version(models.Model):
    """How often a scope's settings changed. The row lock makes a scope's versions commit-ordered.

    Gateways compare these once a second with the versions their policies were compiled from.
    """

    PLATFORM, USER, ORGANIZATION, WORKSPACE, KEY = "platform", "user", "organization", "workspace", "key"

    pk = models.CompositePrimaryKey("kind", "object_id")
    kind = models.CharField(max_length=12)
    object_id = models.BigIntegerField()
    value = models.BigIntegerField()

    class Meta:
        db_table = "version"

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}: {self.value}"
