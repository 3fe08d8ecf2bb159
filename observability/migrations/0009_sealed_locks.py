"""What is left of dropped generations is seen by its organization alone, and written by the owner role alone."""

from django.db import migrations

from config.lib.database import read_only, row_level_security

TABLES = ("sealed_usage", "sealed_spend", "sealed_batch")


class Migration(migrations.Migration):
    dependencies = [("observability", "0008_sealed_totals"), ("accounts", "0002_locks")]

    operations = [
        *(row_level_security(table) for table in TABLES),
        *(read_only(table) for table in (*TABLES, "sealed_day", "job_run")),
    ]
