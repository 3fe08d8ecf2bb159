"""Private endpoints and their prices are seen by their organization alone, and no change goes unrecorded."""

from django.db import migrations

from config.lib.database import revision_required, row_level_security

TABLES = ("private_endpoint", "private_price")


class Migration(migrations.Migration):
    dependencies = [("routing", "0011_private_endpoints"), ("accounts", "0002_locks")]

    operations = [
        *(row_level_security(table) for table in TABLES),
        *(revision_required(table) for table in TABLES),
    ]
