"""`lease_op` calls back what a hold took beyond a limit, from a process that is alone, too."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql" / "lease_op.sql"


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0013_workspace_rates")]

    # Backwards nothing is to do: the function has the same shape.
    operations = [migrations.RunSQL(SQL.read_text(), migrations.RunSQL.noop)]
