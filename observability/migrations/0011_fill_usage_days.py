"""What the hours know of the days before; `manage.py rebuild_usage` adds endpoints, labels and speeds."""

from django.db import migrations

MEASURES = """requests, refused, errors, prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens,
 cost_nano, byok_nano"""
SUMS = ", ".join(f"sum({measure.strip()})" for measure in MEASURES.split(","))
TIMES, TIME_SUMS = "latency_ms_sum, generation_ms_sum", "sum(latency_ms_sum), sum(generation_ms_sum)"
DAY = "(hour AT TIME ZONE 'UTC')::date"
FILL = f"""
INSERT INTO usage_day (organization_id, day, workspace_id, api_key_id, member_id, model, provider, endpoint_id,
                       {MEASURES}, {TIMES})
SELECT organization_id, {DAY}, workspace_id, api_key_id, member_id, model, provider, 0, {SUMS}, {TIME_SUMS}
  FROM usage_hour GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO usage_model_day (organization_id, day, workspace_id, model, provider, endpoint_id, {MEASURES}, {TIMES})
SELECT organization_id, day, workspace_id, model, provider, 0, {SUMS}, {TIME_SUMS}
  FROM usage_day GROUP BY 1, 2, 3, 4, 5;
INSERT INTO usage_key_day (organization_id, day, workspace_id, api_key_id, member_id, {MEASURES}, {TIMES})
SELECT organization_id, day, workspace_id, api_key_id, member_id, {SUMS}, {TIME_SUMS}
  FROM usage_day GROUP BY 1, 2, 3, 4, 5;
INSERT INTO usage_label_day (organization_id, day, kind, is_rest, label, workspace_id, {MEASURES})
SELECT organization_id, day, kind, false, '', workspace_id, {SUMS}
  FROM usage_day CROSS JOIN (VALUES ('app'), ('user')) kinds (kind) GROUP BY 1, 2, 3, 6;
"""  # noqa: S608  # nothing but the names above


class Migration(migrations.Migration):
    dependencies = [("observability", "0010_usage_days")]

    operations = [migrations.RunSQL(FILL, "")]
