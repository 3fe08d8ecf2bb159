"""Rotated keys: the secrets that they had before, and when each secret was last used."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.db import migrations, models

from config.lib.database import read_only, revision_required, row_level_security


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0007_api_key_name"), ("accounts", "0006_ledger_entries")]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="secret_number",
            field=models.PositiveIntegerField(db_default=1, default=1, editable=False),
        ),
        migrations.CreateModel(
            name="FormerSecret",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("label", models.CharField(editable=False, max_length=40)),
                ("works_until", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "replaced_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_secrets",
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
            ],
            options={
                "db_table": "former_secret",
                "abstract": False,
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("key", "number"), name="one_former_secret_per_number")
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="SecretUse",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("api_key_id", models.BigIntegerField()),
                ("organization_id", models.BigIntegerField()),
                ("number", models.PositiveIntegerField()),
                ("last_used_at", models.DateTimeField()),
            ],
            options={
                "db_table": "secret_use",
                "constraints": [
                    models.UniqueConstraint(fields=("api_key_id", "number"), name="one_use_per_secret")
                ],
            },
        ),
        row_level_security("former_secret"),
        row_level_security("secret_use"),
        read_only("secret_use"),
        revision_required("former_secret"),
    ]
