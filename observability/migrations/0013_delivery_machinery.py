"""What the drain keeps of a destination's health and of a delivery's first try, and its background jobs."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

from config.lib.database import append_only, row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0024_rates"),
        ("observability", "0012_usage_by_time"),
        ("workspaces", "0014_lease_op_overdrawn"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="deliverystate",
            name="is_slow",
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddField(
            model_name="deliverystate",
            name="opened_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="deliverystate",
            name="openings",
            field=models.IntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="deliverystate",
            name="recent",
            field=models.IntegerField(db_default=1),
        ),
        migrations.CreateModel(
            name="DeliveryJob",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("kind", models.CharField(max_length=10)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("generation_ids", models.JSONField(null=True)),
                ("cursor", models.UUIDField(null=True)),
                ("examined", models.IntegerField(db_default=0)),
                ("done", models.IntegerField(db_default=0)),
                ("left_out", models.IntegerField(db_default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "destination",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to="observability.destination",
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
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "db_table": "delivery_job",
                "abstract": False,
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["destination", "-id"], name="delivery_jobs"),
                    models.Index(
                        condition=models.Q(("finished_at", None)),
                        fields=["id"],
                        name="delivery_jobs_unfinished",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ("replay", "discard", "backfill"))),
                        name="delivery_job_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("since__lt", models.F("until"))), name="delivery_job_window"
                    ),
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.RunSQL(
            "ALTER TABLE delivery ADD COLUMN accepted_at timestamptz NOT NULL DEFAULT now(), ADD COLUMN tried_at timestamptz;",
            "ALTER TABLE delivery DROP COLUMN accepted_at, DROP COLUMN tried_at;",
        ),
        row_level_security("delivery_job"),
        append_only("delivery_job"),
    ]
