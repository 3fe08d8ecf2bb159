"""Authorization codes, which are exchanged for keys."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.manager
from django.conf import settings
from django.db import migrations, models

from config.lib.database import row_level_security


class Migration(migrations.Migration):
    dependencies = [
        ("workspaces", "0008_key_rotation"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuthCode",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("callback_url", models.CharField(blank=True, max_length=2048)),
                ("challenge", models.CharField(max_length=128, null=True)),
                ("method", models.CharField(max_length=5, null=True)),
                ("key_name", models.CharField(max_length=255)),
                ("limit_nano", models.BigIntegerField(null=True)),
                ("limit_interval", models.CharField(default="t", max_length=1)),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("used_at", models.DateTimeField(null=True)),
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
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.membership",
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
                "verbose_name": "authorization code",
                "db_table": "auth_code",
                "abstract": False,
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "indexes": [models.Index(fields=["organization", "created_at"], name="auth_code_by_age")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("challenge", None), ("method", None)),
                            models.Q(("challenge__isnull", False), ("method__in", ["S256", "plain"])),
                            _connector="OR",
                        ),
                        name="auth_code_method",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("callback_url", ""), _negated=True),
                            ("challenge__isnull", False),
                            _connector="OR",
                        ),
                        name="auth_code_shown_has_challenge",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("limit_nano__gte", 0)), name="auth_code_limit_not_negative"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("limit_interval__in", ["d", "w", "m", "t"])),
                        name="auth_code_interval",
                    ),
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        row_level_security("auth_code"),
    ]
