"""Credentials are seen by their organization alone, no change of one goes unrecorded, and filters are short lists."""

from django.db import migrations

from config.lib.database import revision_required, row_level_security

FILTERS = ("allowed_models", "allowed_api_key_ids", "allowed_member_ids")
RULES = " AND ".join(
    f"({name} IS NULL OR CASE jsonb_typeof({name}) WHEN 'array' THEN jsonb_array_length({name}) <= 100 ELSE false END)"
    for name in FILTERS
)


class Migration(migrations.Migration):
    dependencies = [("routing", "0008_byok_credential"), ("accounts", "0002_locks")]

    operations = [
        row_level_security("byok_credential"),
        revision_required("byok_credential"),
        migrations.RunSQL(
            f"ALTER TABLE byok_credential ADD CONSTRAINT byok_filters_are_lists CHECK ({RULES});",
            "ALTER TABLE byok_credential DROP CONSTRAINT byok_filters_are_lists;",
        ),
    ]
