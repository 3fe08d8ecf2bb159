"""A revision says which versions it made, and which revision it rolled back to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_ledger_entries")]

    operations = [
        migrations.AddField(model_name="revision", name="restores", field=models.BigIntegerField(null=True)),
        migrations.AddField(
            model_name="revision", name="versions", field=models.JSONField(db_default={}, default=dict)
        ),
    ]
