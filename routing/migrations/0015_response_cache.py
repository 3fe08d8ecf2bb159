"""Answers that callers asked to have cached, sealed, until they expire; not logged, because a crash may forget them."""

from django.db import migrations

from config.lib.database import APP_ROLE, row_level_security


class Migration(migrations.Migration):
    dependencies = [("routing", "0014_shared_post"), ("accounts", "0002_locks")]

    operations = [
        migrations.RunSQL(
            f"""CREATE UNLOGGED TABLE response_cache (
                  key bytea PRIMARY KEY,
                  organization_id bigint NOT NULL,
                  api_key_id bigint NOT NULL,
                  sealed text NOT NULL,
                  size integer NOT NULL,
                  expires_at timestamptz NOT NULL
                );
                CREATE INDEX response_cache_by_expiry ON response_cache (expires_at);
                REVOKE ALL ON response_cache FROM {APP_ROLE};""",
            "DROP TABLE response_cache;",
        ),
        row_level_security("response_cache"),
    ]
