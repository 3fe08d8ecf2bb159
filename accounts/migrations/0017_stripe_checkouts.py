"""Payments through Stripe."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0016_invoices")]

    operations = [
        migrations.CreateModel(
            name="StripeCheckout",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("session_id", models.CharField(max_length=255, null=True, unique=True)),
                ("payment_intent", models.CharField(max_length=255, null=True, unique=True)),
                ("amount_cents", models.BigIntegerField()),
                ("refunded_cents", models.BigIntegerField(default=0)),
                ("purchase", models.UUIDField(null=True, unique=True)),
                ("dispute", models.CharField(db_default="", max_length=50)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "stripe_checkout",
                "abstract": False,
                "base_manager_name": "everything",
                "default_manager_name": "objects",
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="StripeEvent",
            fields=[
                ("id", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=100)),
                ("heard_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "stripe_event",
            },
        ),
        migrations.AddField(
            model_name="stripecheckout",
            name="created_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="stripecheckout",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organization"
            ),
        ),
        migrations.AddConstraint(
            model_name="stripecheckout",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_cents__gt", 0)), name="stripe_checkout_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="stripecheckout",
            constraint=models.CheckConstraint(
                condition=models.Q(("refunded_cents__gte", 0)), name="stripe_checkout_refunded"
            ),
        ),
    ]
