"""Presets and defaults are seen by their organization alone, recorded when changed; versions are never changed."""

from django.db import migrations

from config.lib.database import APP_ROLE, append_only, revision_required, row_level_security

TABLES = ("preset", "preset_version", "plugin_setting", "routing_defaults")


class Migration(migrations.Migration):
    dependencies = [("routing", "0004_workspace_defaults"), ("accounts", "0002_locks")]

    operations = [
        *(row_level_security(table) for table in TABLES),
        *(revision_required(table) for table in TABLES),
        append_only("preset_version"),
        migrations.RunSQL(
            # Forgetting a person is no change of what he made.
            f"GRANT UPDATE (created_by_id) ON preset_version TO {APP_ROLE};",
            f"REVOKE UPDATE (created_by_id) ON preset_version FROM {APP_ROLE};",
        ),
    ]
