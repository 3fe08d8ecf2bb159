"""An index of the steps of requests; rows that are requests of their own are not in it, so ingest pays for steps alone."""

from django.db import migrations

# Apart from the columns, whose lock keeps readers out: an index being built keeps out those who write, and no others.
INDEX = "CREATE INDEX generation_by_request ON generation (request_id, id) WHERE request_id IS NOT NULL;"


class Migration(migrations.Migration):
    dependencies = [("observability", "0016_generation_request")]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX generation_by_request;")]
