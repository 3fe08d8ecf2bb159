"""What requests are sorted by, what became of each, and the database's own locks on both."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

from config.lib.database import read_only, revision_required, row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0026_notification_locks"),
        ("observability", "0014_delivery_most_traces"),
        ("workspaces", "0014_lease_op_overdrawn"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Classification",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("classifier_id", models.BigIntegerField()),
                ("generation_id", models.UUIDField()),
                ("organization_id", models.BigIntegerField()),
                ("workspace_id", models.BigIntegerField()),
                ("status", models.CharField(db_default="pending", max_length=10)),
                ("tags", models.JSONField(null=True)),
                ("error", models.CharField(db_default="", max_length=300)),
                ("attempts", models.SmallIntegerField(db_default=0)),
                ("next_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("answer_id", models.UUIDField(null=True)),
                ("cost_nano", models.BigIntegerField(db_default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "classification",
                "abstract": False,
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["classifier_id", "-id"], name="classification_by_classifier"),
                    models.Index(
                        condition=models.Q(("status", "pending")),
                        fields=["next_at", "id"],
                        name="classification_due",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("generation_id", "classifier_id"), name="one_classification"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ("pending", "done", "failed", "skipped"))),
                        name="classification_status",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "done"), ("tags__isnull", False)),
                            models.Q(models.Q(("status", "done"), _negated=True), ("tags", None)),
                            _connector="OR",
                        ),
                        name="classification_has_tags",
                    ),
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Classifier",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", models.CharField(max_length=255)),
                ("model", models.CharField(max_length=255)),
                ("instructions", models.TextField(blank=True)),
                ("taxonomy", models.JSONField()),
                ("sampling_rate", models.FloatField(default=1)),
                ("api_key_ids", models.JSONField(blank=True, null=True)),
                ("is_enabled", models.BooleanField(default=True)),
                ("sealed_secret", models.TextField(blank=True, editable=False)),
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
                    "key",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="workspaces.apikey",
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
                        related_name="classifiers",
                        to="workspaces.workspace",
                    ),
                ),
            ],
            options={
                "db_table": "classifier",
                "abstract": False,
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "indexes": [
                    models.Index(
                        condition=models.Q(("deleted_at", None)),
                        fields=["organization", "workspace"],
                        name="classifier_live",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("sampling_rate__gte", 0.0001), ("sampling_rate__lte", 1)),
                        name="classifier_sampling_rate",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("deleted_at", None), ("sealed_secret", ""), _connector="OR"),
                        name="deleted_classifier_is_wiped",
                    ),
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        row_level_security("classifier"),
        row_level_security("classification"),
        revision_required("classifier"),
        read_only("classification"),
    ]
