"""Workspaces have rates, as keys have them: null is any number."""

from django.db import migrations, models

RATES = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0012_lease_op_byok")]

    operations = [
        migrations.AddField(model, name, models.PositiveIntegerField(blank=True, null=True))
        for model in ("workspace",)
        for name in RATES
    ]
