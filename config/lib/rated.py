"""How many requests and tokens per minute, and requests at once, somebody may have; null: any number (SPEC §4)."""

from __future__ import annotations

from django.db import models

RATES = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")
MOST = 2**31 - 1


class Rated(models.Model):
    """The columns of whoever has rates; the gateway enforces them."""

    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_minute = models.PositiveIntegerField(null=True, blank=True)
    concurrent_requests = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        abstract = True
