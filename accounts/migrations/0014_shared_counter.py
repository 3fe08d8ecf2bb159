"""Counters of the control plane, one row per subject; not logged, because a minute's counts may be forgotten."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_model_catalog_setting")]

    operations = [
        migrations.RunSQL(
            """CREATE UNLOGGED TABLE shared_counter (
                 subject varchar(80) PRIMARY KEY, minute bigint NOT NULL, count bigint NOT NULL
               ) WITH (fillfactor = 50);""",
            "DROP TABLE shared_counter;",
        )
    ]
