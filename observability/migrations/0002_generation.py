"""The partitioned table of generations, and the database's own locks on this app's tables."""

from django.db import migrations

from config.lib.database import read_only, row_level_security

TABLE = """
CREATE TABLE generation (
  id uuid NOT NULL PRIMARY KEY,
  admitted_at timestamptz NOT NULL,
  organization_id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  api_key_id bigint,
  member_id bigint,
  subjects bigint[] NOT NULL,
  process_id uuid NOT NULL,
  batch bigint NOT NULL,
  model text NOT NULL,
  provider text NOT NULL,
  endpoint_id bigint,
  price_version_id bigint,
  dialect text NOT NULL,
  is_streamed boolean NOT NULL,
  status text NOT NULL CHECK (status IN ('completed', 'error', 'cancelled', 'interrupted', 'refused')),
  is_interrupted boolean NOT NULL DEFAULT false,
  finish_reason text,
  native_finish_reason text,
  error_type text,
  http_status integer,
  prompt_tokens bigint NOT NULL DEFAULT 0,
  completion_tokens bigint NOT NULL DEFAULT 0,
  reasoning_tokens bigint NOT NULL DEFAULT 0,
  cached_tokens bigint NOT NULL DEFAULT 0,
  cache_write_tokens bigint NOT NULL DEFAULT 0,
  is_usage_estimated boolean NOT NULL DEFAULT false,
  cost_nano bigint NOT NULL DEFAULT 0,
  byok_nano bigint NOT NULL DEFAULT 0,
  upstream_cost_nano bigint,
  is_byok boolean NOT NULL DEFAULT false,
  latency_ms integer,
  generation_ms integer,
  app_title text,
  app_url text,
  "user" text,
  session_id text,
  upstream_id text,
  policy_versions jsonb,
  detail jsonb,
  refused_count integer NOT NULL DEFAULT 1
) PARTITION BY RANGE (id);
CREATE TABLE generation_default PARTITION OF generation DEFAULT;
REVOKE ALL ON generation_default FROM headgate_app;
CREATE INDEX generation_by_organization ON generation (organization_id, id DESC);
CREATE INDEX generation_by_workspace ON generation (workspace_id, id DESC);
CREATE INDEX generation_by_api_key ON generation (api_key_id, id DESC);
"""


class Migration(migrations.Migration):
    dependencies = [("observability", "0001_initial"), ("accounts", "0002_locks")]

    operations = [
        migrations.RunSQL(TABLE, "DROP TABLE generation;"),
        migrations.RunSQL(
            "ALTER TABLE usage_hour SET (fillfactor = 70); ALTER TABLE usage_minute SET (fillfactor = 70);",
            "",
        ),
        row_level_security("generation"),
        row_level_security("usage_hour"),
        row_level_security("usage_minute"),
        row_level_security("outbox"),
        read_only("generation"),
        read_only("usage_hour"),
        read_only("usage_minute"),
        read_only("outbox"),
        read_only("journal_position"),
        read_only("dead_letter_record"),
    ]
