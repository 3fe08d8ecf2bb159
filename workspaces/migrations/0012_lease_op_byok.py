"""`lease_op` says what BYOK requests spent, too: which of two limits on one purse is short follows from that."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql" / "lease_op.sql"
DROP = "DROP FUNCTION lease_op;"


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0011_byok_allowance")]

    # Backwards nothing is to do: what asks for fewer columns finds them.
    operations = [migrations.RunSQL([DROP, SQL.read_text()], migrations.RunSQL.noop)]
