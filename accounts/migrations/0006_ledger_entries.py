"""What the Django admin calls the ledger's lines."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_idempotency_locks")]

    operations = [
        migrations.AlterModelOptions(
            name="ledgerentry",
            options={
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "verbose_name_plural": "ledger entries",
            },
        ),
    ]
