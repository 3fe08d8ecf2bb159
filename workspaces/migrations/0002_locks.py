"""The database's own locks on this app's tables, and how full purse and lease pages may get."""

from django.db import migrations

from config.lib.database import read_only, revision_required, row_level_security


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0001_initial"), ("accounts", "0002_locks")]

    operations = [
        row_level_security("workspace"),
        row_level_security("workspace_member"),
        row_level_security("api_key"),
        row_level_security("api_key_use"),
        row_level_security("purse"),
        read_only("api_key_use"),
        read_only("gateway_process"),
        read_only("lease"),
        revision_required("workspace"),
        revision_required("workspace_member"),
        revision_required("api_key"),
        migrations.RunSQL(
            # Rows that are updated all the time stay on their page (heap-only updates).
            "ALTER TABLE purse SET (fillfactor = 50); ALTER TABLE lease SET (fillfactor = 50);",
            "ALTER TABLE purse RESET (fillfactor); ALTER TABLE lease RESET (fillfactor);",
        ),
    ]
