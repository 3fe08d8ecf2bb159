"""Feedback is seen by its organization alone, and nobody changes it."""

from django.db import migrations

from config.lib.database import append_only, row_level_security


class Migration(migrations.Migration):
    dependencies = [("observability", "0003_generation_feedback"), ("accounts", "0002_locks")]

    operations = [row_level_security("generation_feedback"), append_only("generation_feedback")]
