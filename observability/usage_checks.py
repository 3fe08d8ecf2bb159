"""What the checks of the rollups by day ask (R13, R14)."""

from __future__ import annotations

from typing import Final, LiteralString

DAYS_SQL: Final[
    LiteralString
] = """SELECT organization_id, workspace_id, api_key_id, member_id, model, provider, day,
                  hours.cost_nano AS hours_nano, days.cost_nano AS days_nano, hours.requests AS hours_requests,
                  days.requests AS days_requests
             FROM (SELECT organization_id, workspace_id, api_key_id, member_id, model, provider,
                          (hour AT TIME ZONE 'UTC')::date AS day, sum(requests) AS requests, sum(refused) AS refused,
                          sum(errors) AS errors, sum(prompt_tokens) AS prompt_tokens,
                          sum(completion_tokens) AS completion_tokens, sum(cost_nano) AS cost_nano,
                          sum(byok_nano) AS byok_nano
                     FROM usage_hour GROUP BY 1, 2, 3, 4, 5, 6, 7) hours
             FULL JOIN (
                   SELECT organization_id, workspace_id, api_key_id, member_id, model, provider, day,
                          sum(requests) AS requests, sum(refused) AS refused, sum(errors) AS errors,
                          sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
                          sum(cost_nano) AS cost_nano, sum(byok_nano) AS byok_nano
                     FROM usage_day GROUP BY 1, 2, 3, 4, 5, 6, 7) days
            USING (organization_id, workspace_id, api_key_id, member_id, model, provider, day)
            WHERE (hours.requests, hours.refused, hours.errors, hours.prompt_tokens, hours.completion_tokens,
                   hours.cost_nano, hours.byok_nano)
               IS DISTINCT FROM (days.requests, days.refused, days.errors, days.prompt_tokens,
                   days.completion_tokens, days.cost_nano, days.byok_nano)"""
PARTS_SQL: Final[LiteralString] = """WITH part AS (
                  SELECT 'model' AS part, organization_id, workspace_id, day, requests, refused, cost_nano, byok_nano
                    FROM usage_model_day
                  UNION ALL SELECT 'key', organization_id, workspace_id, day, requests, refused, cost_nano, byok_nano
                    FROM usage_key_day
                  UNION ALL SELECT kind, organization_id, workspace_id, day, requests, refused, cost_nano, byok_nano
                    FROM usage_label_day),
                parts AS (
                  SELECT part, organization_id, workspace_id, day, sum(requests) AS requests, sum(refused) AS refused,
                         sum(cost_nano) AS cost_nano, sum(byok_nano) AS byok_nano FROM part GROUP BY 1, 2, 3, 4),
                days AS (
                  SELECT part, organization_id, workspace_id, day, sum(requests) AS requests, sum(refused) AS refused,
                         sum(cost_nano) AS cost_nano, sum(byok_nano) AS byok_nano
                    FROM usage_day CROSS JOIN (VALUES ('model'), ('key'), ('app'), ('user')) named (part)
                   GROUP BY 1, 2, 3, 4)
           SELECT part, organization_id, workspace_id, day, days.requests, parts.requests AS part_requests,
                  days.cost_nano, parts.cost_nano AS part_nano
             FROM days FULL JOIN parts USING (part, organization_id, workspace_id, day)
            WHERE (days.requests, days.refused, days.cost_nano, days.byok_nano)
               IS DISTINCT FROM (parts.requests, parts.refused, parts.cost_nano, parts.byok_nano)
           UNION ALL
           SELECT 'speed', organization_id, NULL, day, timed, counted, NULL, NULL
             FROM (SELECT organization_id, day, sum(timed) AS timed FROM usage_day GROUP BY 1, 2) days
             FULL JOIN (SELECT organization_id, day, sum(requests) AS counted FROM usage_speed_day
                         WHERE kind = 'latency' GROUP BY 1, 2) speeds
            USING (organization_id, day) WHERE coalesce(timed, 0) <> coalesce(counted, 0)"""
