"""Events are seen by their organization alone, and nobody changes them."""

from django.db import migrations

from config.lib.database import append_only, row_level_security


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_audit_event")]

    operations = [row_level_security("audit_event"), append_only("audit_event")]
