"""Endpoints that an organization brings itself, and what they charge it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from config.lib.scoping import ScopedQuerySet, TenantModel
from routing.credential_formats import DATA_REGIONS

DRAFT, ACTIVE, DISABLED = "draft", "active", "disabled"
STATUSES = (DRAFT, ACTIVE, DISABLED)
BYOK, OWN, NO_CREDENTIAL = "byok", "own", "none"
AUTHENTICATIONS = (BYOK, OWN, NO_CREDENTIAL)


class PrivateEndpointQuerySet(ScopedQuerySet["PrivateEndpoint"]):
    """Endpoints by their state."""

    def live(self) -> PrivateEndpointQuerySet:
        """Endpoints that were not deleted."""
        return self.filter(deleted_at=None)


class PrivateEndpoint(TenantModel):
    """A model as an upstream of the organization's own serves it, to that organization alone.

    `model_slug` is a model of the catalog, or, with a `model_name`, one that only this organization has. Requests carry
    the workspace's BYOK credential for the provider, the endpoint's own sealed secret, or nothing (`authentication`).
    `base_url` is null where the credential says the address. Only a draft's upstream may be changed; `validated_at` is
    when the draft, as it is now, passed the live call. Deleting wipes the secret and keeps the row.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    provider = models.CharField(max_length=60)
    wire_format = models.CharField(max_length=30)
    model_slug = models.CharField(max_length=200)
    model_name = models.CharField(max_length=200, null=True, blank=True)
    upstream_model = models.CharField(max_length=200)
    base_url = models.CharField(max_length=500, null=True, blank=True)
    authentication = models.CharField(max_length=10)
    sealed_secret = models.TextField(blank=True, editable=False)
    context_length = models.PositiveIntegerField(null=True, blank=True)
    max_completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    supported_parameters = models.JSONField(default=list)
    declared_zdr = models.BooleanField(null=True, blank=True)
    declared_region = models.CharField(max_length=10, null=True, blank=True)
    status = models.CharField(max_length=10, default=DRAFT)
    validated_at = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects = PrivateEndpointQuerySet.as_manager()  # type: ignore[misc]  # narrower than the base

    class Meta(TenantModel.Meta):
        db_table = "private_endpoint"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="private_endpoint_status"),
            models.CheckConstraint(
                condition=Q(authentication__in=AUTHENTICATIONS), name="private_endpoint_authentication"
            ),
            models.CheckConstraint(
                condition=Q(declared_region=None) | Q(declared_region__in=DATA_REGIONS),
                name="private_endpoint_region",
            ),
            models.CheckConstraint(
                condition=Q(sealed_secret="") | Q(authentication=OWN, deleted_at=None),
                name="private_secret_is_own_and_wiped",
            ),
        ]
        indexes = [
            models.Index(fields=["organization"], condition=Q(deleted_at=None), name="private_endpoint_live")
        ]

    def __str__(self) -> str:
        return f"{self.model_slug} at {self.provider}"

    @property
    def secret_identity(self) -> str:
        """What the sealed secret belongs to; in another row it does not open."""
        return f"private_endpoint:{self.organization_id}:{self.public_id}"


class PrivatePrice(TenantModel):
    """What a private endpoint charges from a moment on, in femto-dollars per token; never changed, only followed."""

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    endpoint = models.ForeignKey(PrivateEndpoint, models.CASCADE, related_name="prices")
    valid_from = models.DateTimeField(db_default=Now())
    prompt_femto = models.BigIntegerField()
    completion_femto = models.BigIntegerField()
    cache_read_femto = models.BigIntegerField(null=True, blank=True)
    cache_write_femto = models.BigIntegerField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        db_table = "private_price"
        constraints = [
            models.CheckConstraint(
                condition=Q(prompt_femto__gte=0, completion_femto__gte=0)
                & (Q(cache_read_femto=None) | Q(cache_read_femto__gte=0))
                & (Q(cache_write_femto=None) | Q(cache_write_femto__gte=0)),
                name="private_prices_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id} from {self.valid_from}"
