"""A new workspace tells its destinations of requests, once it has any; what older ones say stays."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0014_lease_op_overdrawn")]

    operations = [
        migrations.AlterField("workspace", "is_broadcast_enabled", models.BooleanField(default=True)),
    ]
