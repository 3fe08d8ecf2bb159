"""An account's privacy settings: the ceiling that no workspace and no guardrail can widen (SPEC §3)."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from config.lib.scoping import TenantModel


class PrivacySettings(TenantModel):
    """What an organization allows at most, one row each, made at the first write; without one, everything.

    Lists are null where nothing is restricted. The allowlist holds `{"phrase": …, "is_active": …}`.
    """

    organization = models.OneToOneField("accounts.Organization", models.CASCADE, related_name="privacy")
    allowed_models = models.JSONField(null=True, blank=True)
    ignored_models = models.JSONField(null=True, blank=True)
    allowed_providers = models.JSONField(null=True, blank=True)
    ignored_providers = models.JSONField(null=True, blank=True)
    enable_paid_model_training = models.BooleanField(default=True)
    enable_free_model_training = models.BooleanField(default=True)
    enable_paid_model_publication = models.BooleanField(default=True)
    enable_free_model_publication = models.BooleanField(default=True)
    enforce_zdr_anthropic = models.BooleanField(default=False)
    enforce_zdr_openai = models.BooleanField(default=False)
    enforce_zdr_google = models.BooleanField(default=False)
    enforce_zdr_xai = models.BooleanField(default=False)
    enforce_zdr_other = models.BooleanField(default=False)
    allow_safety_retention_google = models.BooleanField(default=True)
    allow_safety_retention_other = models.BooleanField(default=True)
    is_io_logging_allowed = models.BooleanField(default=True)
    prompt_injection_allowlist = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        db_table = "privacy_settings"
        verbose_name_plural = "privacy settings"

    def __str__(self) -> str:
        return f"privacy of {self.organization}"
