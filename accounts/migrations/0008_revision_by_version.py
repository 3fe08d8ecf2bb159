"""Find the revision that made a version; built while settings can still be changed."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("accounts", "0007_revision_versions")]

    operations = [
        AddIndexConcurrently(
            model_name="revision",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["versions"], name="revision_by_version", opclasses=["jsonb_path_ops"]
            ),
        ),
    ]
