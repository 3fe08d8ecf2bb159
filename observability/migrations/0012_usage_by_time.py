"""Find what an organization did lately among all its hours; built while ingest goes on."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("observability", "0011_fill_usage_days")]

    operations = [
        AddIndexConcurrently(
            model_name="usagehour",
            index=models.Index(fields=["organization_id", "hour"], name="usage_hour_by_organization"),
        ),
        AddIndexConcurrently(
            model_name="usageminute",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["minute"], name="usage_minute_by_minute", pages_per_range=16
            ),
        ),
    ]
