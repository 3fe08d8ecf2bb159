"""The database's own locks on invoices and payments; new refunds and transfers say what they refer to."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

from config.lib.database import append_only, revision_required, row_level_security


class Migration(migrations.Migration):
    dependencies = [("accounts", "0017_stripe_checkouts")]

    operations = [
        # Not validated: refunds that were booked earlier refer to nothing.
        AddConstraintNotValid(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=~models.Q(kind__in=["refund", "transfer"]) | models.Q(refers_to__isnull=False),
                name="ledger_refers_to",
            ),
        ),
        row_level_security("billing_details"),
        row_level_security("invoice"),
        row_level_security("stripe_checkout"),
        append_only("invoice"),
        append_only("stripe_event"),
        revision_required("billing_details"),
    ]
