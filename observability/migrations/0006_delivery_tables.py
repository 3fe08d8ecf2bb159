"""The partitioned tables of deliveries and contents, and the database's own locks on what is new."""

from django.db import migrations

from config.lib.database import read_only, revision_required, row_level_security

TABLES = """
CREATE TABLE delivery (
  destination_id bigint NOT NULL,
  generation_id uuid NOT NULL,
  organization_id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'sent', 'dead')),
  attempts smallint NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  receipt_id bigint,
  last_error text,
  PRIMARY KEY (destination_id, generation_id)
) PARTITION BY RANGE (generation_id);
CREATE TABLE delivery_default PARTITION OF delivery DEFAULT;
REVOKE ALL ON delivery_default FROM headgate_app;
CREATE INDEX delivery_due ON delivery (destination_id, next_at, generation_id) WHERE status = 'pending';
CREATE INDEX delivery_dead ON delivery (destination_id, generation_id) WHERE status = 'dead';
CREATE INDEX delivery_by_generation ON delivery (generation_id);

CREATE TABLE generation_content (
  generation_id uuid NOT NULL PRIMARY KEY,
  organization_id bigint NOT NULL,
  workspace_id bigint NOT NULL,
  sealed text NOT NULL,
  is_logged boolean NOT NULL
) PARTITION BY RANGE (generation_id);
CREATE TABLE generation_content_default PARTITION OF generation_content DEFAULT;
REVOKE ALL ON generation_content_default FROM headgate_app;
CREATE INDEX generation_content_by_workspace ON generation_content (workspace_id, generation_id);
ALTER TABLE generation_content ALTER COLUMN sealed SET STORAGE EXTERNAL;
"""


class Migration(migrations.Migration):
    dependencies = [("observability", "0005_destination"), ("accounts", "0002_locks")]

    operations = [
        migrations.RunSQL(TABLES, "DROP TABLE delivery; DROP TABLE generation_content;"),
        row_level_security("destination"),
        row_level_security("observability_settings"),
        row_level_security("delivery"),
        row_level_security("delivery_receipt"),
        row_level_security("delivery_state"),
        row_level_security("generation_content"),
        revision_required("destination"),
        revision_required("observability_settings"),
        read_only("delivery"),
        read_only("delivery_receipt"),
        read_only("delivery_state"),
        migrations.RunSQL(
            "REVOKE INSERT, UPDATE, TRUNCATE ON generation_content FROM headgate_app;",
            "GRANT INSERT, UPDATE ON generation_content TO headgate_app;",
        ),
    ]
