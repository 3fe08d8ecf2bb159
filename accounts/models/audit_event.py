"""What happened to people and data without any setting being changed: signing in, exports."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class AuditEvent(TenantModel):
    """One event as one organization may read it; what a person does is written once for each of his.

    Apart from revisions, because a row of those lets a transaction change settings. The ids are taken from the
    sequence of revisions, so that both are one list with one order. Rows without an organization are read by
    platform staff alone.
    """

    id = models.BigIntegerField(
        primary_key=True,
        db_default=models.Func(template="nextval('revision_id_seq')", output_field=models.BigIntegerField()),
        editable=False,
    )
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=40)
    user = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    management_key = models.ForeignKey("accounts.ManagementKey", models.SET_NULL, null=True, related_name="+")
    door = models.CharField(max_length=20)
    address = models.GenericIPAddressField(null=True)
    detail = models.JSONField(default=dict, db_default={})
    created_at = models.DateTimeField(db_default=Now())

    class Meta(TenantModel.Meta):
        db_table = "audit_event"
        indexes = [models.Index(fields=["organization", "-id"], name="audit_event_by_organization")]

    def __str__(self) -> str:
        return self.kind.replace("_", " ")
