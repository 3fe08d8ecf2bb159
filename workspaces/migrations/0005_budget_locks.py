"""Budgets are seen by their organization alone, and no change of one goes unrecorded."""

from django.db import migrations

from config.lib.database import revision_required, row_level_security


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0004_budgets"), ("accounts", "0002_locks")]

    operations = [row_level_security("workspace_budget"), revision_required("workspace_budget")]
