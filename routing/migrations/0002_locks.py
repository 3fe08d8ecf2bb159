"""The catalog is a setting too: no change without a revision."""

from django.db import migrations

from config.lib.database import revision_required


class Migration(migrations.Migration):
    dependencies = [("routing", "0001_initial"), ("accounts", "0002_locks")]

    operations = [
        revision_required(table) for table in ("provider", "language_model", "endpoint", "price_version")
    ]
