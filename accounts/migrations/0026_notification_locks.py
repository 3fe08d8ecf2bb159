"""Notifications are seen by their organization alone; channels and rules change only with a revision."""

from django.db import migrations

from config.lib.database import revision_required, row_level_security

SETTINGS = ("notification_channel", "notification_rule")
TOLD = ("alert_state", "notification", "notification_delivery")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0025_notifications")]

    operations = [
        *(row_level_security(table) for table in (*SETTINGS, *TOLD)),
        *(revision_required(table) for table in SETTINGS),
    ]
