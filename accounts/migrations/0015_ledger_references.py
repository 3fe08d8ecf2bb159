"""What an entry of the ledger refers to, and the number under which it is booked once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_shared_counter")]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="reference",
            field=models.CharField(max_length=255, null=True),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="refers_to",
            field=models.UUIDField(null=True),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("refers_to__isnull", False)),
                fields=["refers_to"],
                name="ledger_by_what_it_refers_to",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reference__isnull", False)),
                fields=("organization", "reference", "account"),
                name="one_entry_per_reference",
            ),
        ),
    ]
