"""What routing goes by beside price and speed: whether a model may be distilled, and how an endpoint did in benchmarks."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("routing", "0012_private_endpoint_locks")]

    operations = [
        migrations.AddField("languagemodel", "is_distillable", models.BooleanField(default=False)),
        migrations.AddField("endpoint", "benchmark_score", models.FloatField(null=True, blank=True)),
        migrations.AddConstraint(
            "endpoint",
            models.CheckConstraint(
                condition=Q(benchmark_score__gte=0, benchmark_score__lte=1), name="endpoint_benchmark_score"
            ),
        ),
    ]
