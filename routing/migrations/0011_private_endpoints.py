"""Endpoints that organizations bring, and their price versions."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0023_vouch_for_addresses"),
        ("routing", "0010_guardrail_outputs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PrivateEndpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("provider", models.CharField(max_length=60)),
                ("wire_format", models.CharField(max_length=30)),
                ("model_slug", models.CharField(max_length=200)),
                ("model_name", models.CharField(blank=True, max_length=200, null=True)),
                ("upstream_model", models.CharField(max_length=200)),
                ("base_url", models.CharField(blank=True, max_length=500, null=True)),
                ("authentication", models.CharField(max_length=10)),
                ("sealed_secret", models.TextField(blank=True, editable=False)),
                ("context_length", models.PositiveIntegerField(blank=True, null=True)),
                ("max_completion_tokens", models.PositiveIntegerField(blank=True, null=True)),
                ("supported_parameters", models.JSONField(default=list)),
                ("declared_zdr", models.BooleanField(blank=True, null=True)),
                ("declared_region", models.CharField(blank=True, max_length=10, null=True)),
                ("status", models.CharField(default="draft", max_length=10)),
                ("validated_at", models.DateTimeField(editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("updated_at", models.DateTimeField(editable=False, null=True)),
                ("deleted_at", models.DateTimeField(editable=False, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "db_table": "private_endpoint",
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
            name="PrivatePrice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("valid_from", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("prompt_femto", models.BigIntegerField()),
                ("completion_femto", models.BigIntegerField()),
                ("cache_read_femto", models.BigIntegerField(blank=True, null=True)),
                ("cache_write_femto", models.BigIntegerField(blank=True, null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prices",
                        to="routing.privateendpoint",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
            ],
            options={
                "db_table": "private_price",
                "abstract": False,
                "base_manager_name": "everything",
                "default_manager_name": "objects",
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddIndex(
            model_name="privateendpoint",
            index=models.Index(
                condition=models.Q(("deleted_at", None)),
                fields=["organization"],
                name="private_endpoint_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="privateendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("draft", "active", "disabled"))),
                name="private_endpoint_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="privateendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("authentication__in", ("byok", "own", "none"))),
                name="private_endpoint_authentication",
            ),
        ),
        migrations.AddConstraint(
            model_name="privateendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("declared_region", None),
                    ("declared_region__in", ("global", "europe", "us")),
                    _connector="OR",
                ),
                name="private_endpoint_region",
            ),
        ),
        migrations.AddConstraint(
            model_name="privateendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("sealed_secret", ""),
                    models.Q(("authentication", "own"), ("deleted_at", None)),
                    _connector="OR",
                ),
                name="private_secret_is_own_and_wiped",
            ),
        ),
        migrations.AddConstraint(
            model_name="privateprice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("completion_femto__gte", 0),
                    ("prompt_femto__gte", 0),
                    models.Q(("cache_read_femto", None), ("cache_read_femto__gte", 0), _connector="OR"),
                    models.Q(("cache_write_femto", None), ("cache_write_femto__gte", 0), _connector="OR"),
                ),
                name="private_prices_not_negative",
            ),
        ),
    ]
