"""Addresses must be proved from now on; those of staff, and of people whom staff made, are taken as proved."""

from django.db import migrations

VOUCH = """
INSERT INTO account_emailaddress (user_id, email, verified, "primary")
SELECT id, email, true, true FROM account_user
 WHERE NOT EXISTS (SELECT FROM account_emailaddress WHERE user_id = account_user.id);
UPDATE account_emailaddress SET verified = true, "primary" = true FROM account_user
 WHERE account_user.id = user_id AND is_superuser AND account_user.email = account_emailaddress.email;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0022_default_organization"),
        ("account", "0009_emailaddress_unique_primary_email"),
    ]

    operations = [migrations.RunSQL(VOUCH, migrations.RunSQL.noop)]
