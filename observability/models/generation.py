"""One row per request, refused ones too."""

from __future__ import annotations

from functools import cached_property

from django.contrib.postgres.fields import ArrayField
from django.db import models

from config.lib.ids import generation_id
from config.lib.scoping import TenantModel
from observability.handling import Handling, is_tool_run


class Generation(TenantModel):
    """A request and what became of it; written once by ingest and never updated.

    A request that ran server tools is several: each call of a model and each paid call of a tool is a row of its
    own, whose `request_id` is the id of the first one, which the caller knows. `tool` is the tool that asked.

    Partitioned by day on its UUIDv7 id (bounds are the ids of midnight), so the id alone is the key. Objects are
    named by id or slug, never by foreign key, so that history survives their end. The table is made by SQL in
    the first migration, because Django cannot describe partitions.
    """

    COMPLETED, ERROR, CANCELLED = "completed", "error", "cancelled"
    INTERRUPTED, REFUSED = "interrupted", "refused"

    id = models.UUIDField(primary_key=True)
    admitted_at = models.DateTimeField()
    organization_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    api_key_id = models.BigIntegerField(null=True)
    member_id = models.BigIntegerField(null=True)
    subjects = ArrayField(models.BigIntegerField())
    process_id = models.UUIDField()
    batch = models.BigIntegerField()
    model = models.TextField()
    provider = models.TextField()
    endpoint_id = models.BigIntegerField(null=True)
    price_version_id = models.BigIntegerField(null=True)
    dialect = models.TextField()
    is_streamed = models.BooleanField()
    status = models.TextField()
    is_interrupted = models.BooleanField()
    finish_reason = models.TextField(null=True)
    native_finish_reason = models.TextField(null=True)
    error_type = models.TextField(null=True)
    http_status = models.IntegerField(null=True)
    prompt_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    cache_write_tokens = models.BigIntegerField()
    is_usage_estimated = models.BooleanField()
    cost_nano = models.BigIntegerField()
    byok_nano = models.BigIntegerField()
    upstream_cost_nano = models.BigIntegerField(null=True)
    is_byok = models.BooleanField()
    latency_ms = models.IntegerField(null=True)
    generation_ms = models.IntegerField(null=True)
    app_title = models.TextField(null=True)
    app_url = models.TextField(null=True)
    user = models.TextField(null=True)
    session_id = models.TextField(null=True)
    upstream_id = models.TextField(null=True)
    policy_versions = models.JSONField(null=True)
    detail = models.JSONField(null=True)
    refused_count = models.IntegerField()
    request_id = models.UUIDField(null=True)
    tool = models.TextField(null=True)

    class Meta(TenantModel.Meta):
        db_table = "generation"
        managed = False

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """The id as the API shows it: `gen-` and 32 hex digits."""
        return generation_id(self.id)

    @property
    def public_request_id(self) -> str:
        """The id of the whole request, as its caller got it."""
        return generation_id(self.request_id or self.id)

    @property
    def is_tool_run(self) -> bool:
        """Whether no model was called but a tool that costs by itself."""
        return is_tool_run(self.tool, self.model, self.endpoint_id)

    @cached_property
    def handling(self) -> Handling:
        """What the detail tells about the request's way."""
        return Handling.of(self.detail)
