"""The database's own locks on this app's tables: grants, row-level security, revisions, append-only."""

from django.db import migrations

from config.lib.database import FUNCTIONS, GRANTS, append_only, revision_required, row_level_security

REVERSE_GRANTS = """
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM headgate_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE, SELECT ON SEQUENCES FROM headgate_app;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTIONS, "DROP FUNCTION require_revision();"),
        migrations.RunSQL(GRANTS, REVERSE_GRANTS),
        row_level_security("organization", "id"),
        row_level_security("membership"),
        row_level_security("management_key"),
        row_level_security("ledger_entry"),
        row_level_security("revision"),
        append_only("ledger_entry"),
        append_only("revision"),
        revision_required("organization"),
        revision_required("membership"),
        revision_required("management_key"),
    ]
