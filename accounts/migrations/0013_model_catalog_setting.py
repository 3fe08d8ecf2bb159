"""Whether the catalog shows an organization's keys only what they may use."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_privacy_locks")]

    operations = [
        migrations.AddField(
            model_name="organization",
            name="is_model_catalog_filtered",
            field=models.BooleanField(default=False),
        ),
    ]
