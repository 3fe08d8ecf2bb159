"""Privacy settings are seen by their organization alone, and no change of them goes unrecorded."""

from django.db import migrations

from config.lib.database import revision_required, row_level_security


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_privacy_settings")]

    operations = [row_level_security("privacy_settings"), revision_required("privacy_settings")]
