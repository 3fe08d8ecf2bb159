"""Authorization codes: what somebody allowed an application, until the application fetches its key."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from config.lib.scoping import TenantModel

LIFETIME = timedelta(minutes=10)


class AuthCode(TenantModel):
    """A code that is exchanged once for a key; only its SHA-256 is kept.

    Without an owner the key will be its workspace's own. `challenge` is what the verifier must match, after `method`
    (RFC 7636). An empty `callback_url`: the code was shown on the screen.
    """

    S256, PLAIN = "S256", "plain"

    organization = models.ForeignKey("accounts.Organization", models.CASCADE, related_name="+")
    workspace = models.ForeignKey("workspaces.Workspace", models.CASCADE, related_name="+")
    owner = models.ForeignKey("accounts.Membership", models.CASCADE, null=True, related_name="+")
    hash = models.CharField(max_length=64, unique=True, editable=False)
    callback_url = models.CharField(max_length=2048, blank=True)
    challenge = models.CharField(max_length=128, null=True)
    method = models.CharField(max_length=5, null=True)
    key_name = models.CharField(max_length=255)
    limit_nano = models.BigIntegerField(null=True)
    limit_interval = models.CharField(max_length=1, default="t")
    expires_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "auth_code"
        verbose_name = "authorization code"
        constraints = [
            models.CheckConstraint(
                condition=Q(challenge=None, method=None)
                | Q(challenge__isnull=False, method__in=["S256", "plain"]),
                name="auth_code_method",
            ),
            models.CheckConstraint(
                condition=~Q(callback_url="") | Q(challenge__isnull=False),
                name="auth_code_shown_has_challenge",
            ),
            models.CheckConstraint(condition=Q(limit_nano__gte=0), name="auth_code_limit_not_negative"),
            models.CheckConstraint(
                condition=Q(limit_interval__in=["d", "w", "m", "t"]), name="auth_code_interval"
            ),
        ]
        indexes = [models.Index(fields=["organization", "created_at"], name="auth_code_by_age")]

    def __str__(self) -> str:
        return f"{self.key_name} ({self.callback_url or 'shown on the screen'})"

    @property
    def is_expired(self) -> bool:
        """Whether it was not exchanged in time."""
        return self.created_at + LIFETIME <= timezone.now()
