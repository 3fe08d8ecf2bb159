"""Guardrails that were given a budget before it was enforced get their purses, with what was spent by now.

What each purse is compared with follows from all limits on it: the strictest without BYOK and with it.
"""

from django.db import migrations

BUDGETS = """
CREATE TEMPORARY TABLE guardrail_purse ON COMMIT DROP AS
SELECT DISTINCT held.organization_id, held.subject, limit_interval AS interval FROM guardrail JOIN (
    SELECT key.organization_id, key.id << 3 | 2 AS subject, budget.id AS guardrail_id
      FROM api_key key JOIN guardrail budget ON is_default AND budget.workspace_id = key.workspace_id
     WHERE deleted_at IS NULL
    UNION ALL
    SELECT key.organization_id, (key.workspace_id << 30 | owner_id) << 3 | 4, budget.id
      FROM api_key key JOIN guardrail budget ON is_default AND budget.workspace_id = key.workspace_id
     WHERE deleted_at IS NULL AND owner_id IS NOT NULL
    UNION ALL SELECT organization_id, membership_id << 3 | 3, guardrail_id FROM guardrail_member_assignment
    UNION ALL SELECT organization_id, api_key_id << 3 | 2, guardrail_id FROM guardrail_key_assignment) held
    ON held.guardrail_id = guardrail.id WHERE limit_nano IS NOT NULL;

INSERT INTO purse (organization_id, subject, interval, window_start, spent_nano, byok_nano)
SELECT wanted.organization_id, wanted.subject, interval, window_start_of(interval, now()),
       coalesce(sum(cost_nano), 0), coalesce(sum(byok_nano), 0)
  FROM guardrail_purse wanted
  LEFT JOIN usage_hour used ON used.organization_id = wanted.organization_id AND hour >= window_start_of(interval, now())
   AND wanted.subject = CASE wanted.subject & 7 WHEN 2 THEN api_key_id << 3 | 2 WHEN 3 THEN member_id << 3 | 3
                        ELSE (used.workspace_id << 30 | member_id) << 3 | 4 END
 GROUP BY 1, 2, 3
ON CONFLICT (subject, interval) DO NOTHING;

UPDATE purse SET is_tight = true, is_strict = strict.it,
       limit_nano = strictest.nano, limit_with_byok_nano = strictest.byok_nano
  FROM guardrail_purse wanted, LATERAL (
    SELECT min(nano) FILTER (WHERE NOT with_byok) AS nano, min(nano) FILTER (WHERE with_byok) AS byok_nano FROM (
      SELECT limit_nano AS nano, is_byok_in_limit AS with_byok FROM api_key
       WHERE id << 3 | 2 = wanted.subject AND limit_interval = wanted.interval AND limit_nano IS NOT NULL
      UNION ALL
      SELECT budget.limit_nano, budget.is_byok_in_budgets FROM guardrail budget
       WHERE budget.limit_nano IS NOT NULL AND budget.limit_interval = wanted.interval AND (
             budget.id IN (SELECT guardrail_id FROM guardrail_key_assignment
                            WHERE api_key_id << 3 | 2 = wanted.subject
                           UNION ALL SELECT guardrail_id FROM guardrail_member_assignment
                            WHERE membership_id << 3 | 3 = wanted.subject)
             OR budget.is_default AND budget.workspace_id = CASE wanted.subject & 7
                WHEN 2 THEN (SELECT workspace_id FROM api_key WHERE id = wanted.subject >> 3)
                WHEN 4 THEN wanted.subject >> 33 END)) one) strictest,
    LATERAL (
    SELECT coalesce((SELECT place.is_strict FROM workspace place WHERE place.id = CASE wanted.subject & 7
                       WHEN 2 THEN (SELECT workspace_id FROM api_key WHERE id = wanted.subject >> 3)
                       WHEN 4 THEN wanted.subject >> 33 END), false) AS it) strict
 WHERE purse.subject = wanted.subject AND purse.interval = wanted.interval;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0015_response_cache"),
        ("workspaces", "0012_lease_op_byok"),
        ("observability", "0002_generation"),
    ]

    # Backwards nothing is to do: a purse that is compared with more than its key's limit only counts on.
    operations = [migrations.RunSQL(BUDGETS, migrations.RunSQL.noop)]
