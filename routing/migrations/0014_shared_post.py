"""What gateway processes tell each other about endpoints; not logged, because minutes of it may be forgotten."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("routing", "0013_routing_signals")]

    operations = [
        migrations.RunSQL(
            """CREATE UNLOGGED TABLE shared_post (
                 origin uuid NOT NULL,
                 number bigint NOT NULL,
                 body bytea NOT NULL,
                 posted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                 PRIMARY KEY (origin, number)
               );
               CREATE INDEX shared_post_posted_at ON shared_post (posted_at);""",
            "DROP TABLE shared_post;",
        )
    ]
