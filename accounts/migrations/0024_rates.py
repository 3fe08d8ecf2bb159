"""Organizations and members have rates, as keys have them: null is any number."""

from django.db import migrations, models

RATES = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0023_vouch_for_addresses")]

    operations = [
        migrations.AddField(model, name, models.PositiveIntegerField(blank=True, null=True))
        for model in ("organization", "membership")
        for name in RATES
    ]
