"""Invitations are seen by their organization alone, and change only with a revision."""

from django.db import migrations

from config.lib.database import revision_required, row_level_security


class Migration(migrations.Migration):
    dependencies = [("accounts", "0020_invitations")]

    operations = [row_level_security("invitation"), revision_required("invitation")]
