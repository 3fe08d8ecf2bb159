"""What people say about generations, added to and never changed."""

import django.db.models.functions.datetime
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("observability", "0002_generation"),
    ]

    operations = [
        migrations.CreateModel(
            name="GenerationFeedback",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("organization_id", models.BigIntegerField()),
                ("workspace_id", models.BigIntegerField()),
                ("generation_id", models.UUIDField()),
                ("category", models.CharField(max_length=40)),
                ("comment", models.CharField(blank=True, max_length=1000)),
                ("door", models.CharField(max_length=20)),
                ("user_id", models.BigIntegerField(null=True)),
                ("management_key_id", models.BigIntegerField(null=True)),
                ("api_key_id", models.BigIntegerField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "feedback",
                "verbose_name_plural": "feedback",
                "db_table": "generation_feedback",
                "abstract": False,
                "base_manager_name": "everything",
                "default_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["organization_id", "-id"], name="feedback_by_organization"),
                    models.Index(fields=["generation_id"], name="feedback_by_generation"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "category__in",
                                (
                                    "latency",
                                    "incoherence",
                                    "incorrect_response",
                                    "formatting",
                                    "billing",
                                    "api_error",
                                    "other",
                                    "guardrail_false_positive",
                                ),
                            )
                        ),
                        name="generation_feedback_category",
                    )
                ],
            },
            managers=[
                ("objects", django.db.models.manager.Manager()),
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
    ]
