"""Guardrails may look at answers too."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("routing", "0009_byok_locks")]

    operations = [
        migrations.AddField(
            model_name="guardrail", name="is_filtering_outputs", field=models.BooleanField(default=False)
        )
    ]
