"""A limit on BYOK alone: how much of a month's list price is free of the fee."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).parent.parent / "sql" / "lease_op.sql"
DROP = "DROP FUNCTION lease_op;"
WITHOUT_ALLOWANCE = """
CREATE OR REPLACE FUNCTION purse_room(_purse purse) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT least(
        _purse.limit_nano - _purse.spent_nano - _purse.leased_nano,
        _purse.limit_with_byok_nano - _purse.spent_nano - _purse.byok_nano - _purse.leased_nano)
$$;
CREATE OR REPLACE FUNCTION purse_is_spent(_purse purse) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(_purse.spent_nano >= _purse.limit_nano, false)
        OR coalesce(_purse.spent_nano + _purse.byok_nano >= _purse.limit_with_byok_nano, false)
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0010_external_users")]

    operations = [
        migrations.AddField("purse", "limit_on_byok_nano", models.BigIntegerField(null=True)),
        migrations.RunSQL([DROP, SQL.read_text()], WITHOUT_ALLOWANCE),
    ]
