"""The rules of purses and leases, as functions of the database (spec/money.md §2)."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql" / "lease_op.sql"
DROP = """
DROP FUNCTION lease_op, lease_passed, purse_rolled, lease_taken, purse_is_spent, purse_room, window_start_of;
"""


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0005_budget_locks")]

    operations = [migrations.RunSQL(SQL.read_text(), DROP)]
