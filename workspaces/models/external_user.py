"""A partner's own users, registered by the ids that he gave them."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import ScopedQuerySet, TenantModel


class ExternalUserQuerySet(ScopedQuerySet["ExternalUser"]):
    """Registrations by their state."""

    def active(self) -> ExternalUserQuerySet:
        """Those that were not deactivated."""
        return self.filter(is_active=True)


class ExternalUser(TenantModel):
    """A registration of a partner's id for somebody; it is no account and decides about no request.

    The id never changes, and stays when the registration is deactivated.
    """

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    identifier = models.CharField(max_length=512)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ExternalUserQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "external_user"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "identifier"], name="one_registration_per_external_user"
            ),
            models.CheckConstraint(condition=~models.Q(identifier=""), name="external_user_identifier"),
        ]

    def __str__(self) -> str:
        return self.identifier
