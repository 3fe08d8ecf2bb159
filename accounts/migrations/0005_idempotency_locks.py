"""Answers to repeated requests are seen by their organization alone."""

from django.db import migrations

from config.lib.database import row_level_security


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_idempotency")]

    operations = [row_level_security("idempotent_answer")]
