"""What the Django admin calls an inference key."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0006_lease_op")]

    operations = [
        migrations.AlterModelOptions(
            name="apikey",
            options={
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "verbose_name": "API key",
            },
        ),
    ]
