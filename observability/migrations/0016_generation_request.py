"""Which request a generation was made for, and by which of its server tools; most are requests of their own."""

from django.db import migrations, models

COLUMNS = "ALTER TABLE generation ADD COLUMN request_id uuid, ADD COLUMN tool text;"
REMOVED = "ALTER TABLE generation DROP COLUMN request_id, DROP COLUMN tool;"


class Migration(migrations.Migration):
    dependencies = [("observability", "0015_classifier")]

    operations = [
        migrations.RunSQL(
            COLUMNS,
            REMOVED,
            state_operations=[
                migrations.AddField("generation", "request_id", models.UUIDField(null=True)),
                migrations.AddField("generation", "tool", models.TextField(null=True)),
            ],
        )
    ]
