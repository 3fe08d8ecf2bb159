"""Indexes for what is looked for in the log: users, sessions, failures; rows without one are in none of them."""

from django.db import migrations

INDEXES = """
CREATE INDEX generation_by_user ON generation (organization_id, "user", id DESC) WHERE "user" IS NOT NULL;
CREATE INDEX generation_by_session ON generation (organization_id, session_id, id DESC) WHERE session_id IS NOT NULL;
CREATE INDEX generation_by_failure ON generation (organization_id, status, id DESC) WHERE status <> 'completed';
"""
REMOVED = "DROP INDEX generation_by_user, generation_by_session, generation_by_failure;"


class Migration(migrations.Migration):
    dependencies = [("observability", "0006_delivery_tables")]

    operations = [migrations.RunSQL(INDEXES, REMOVED)]
