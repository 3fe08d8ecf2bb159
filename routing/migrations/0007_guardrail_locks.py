"""Guardrails and assignments are seen by their organization alone, and no change of one goes unrecorded."""

from django.db import migrations

from config.lib.database import revision_required, row_level_security

TABLES = ("guardrail", "guardrail_key_assignment", "guardrail_member_assignment")


class Migration(migrations.Migration):
    dependencies = [("routing", "0006_guardrails")]

    operations = [lock(table) for table in TABLES for lock in (row_level_security, revision_required)]
