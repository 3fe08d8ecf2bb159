"""Organizations that brought credentials before BYOK had a free allowance get its purse, with this month's use.

As creating a credential does now. The allowance is what the environment says; a start corrects it when that changes.
"""

from django.db import migrations

from config.lib.environment import environment

ALLOWANCES = """
SELECT pg_advisory_xact_lock(7241, organization_id::integer) FROM (
    SELECT DISTINCT organization_id FROM byok_credential WHERE deleted_at IS NULL ORDER BY 1) bringing;

INSERT INTO purse (organization_id, subject, interval, window_start, spent_nano, byok_nano)
SELECT bringing.organization_id, bringing.organization_id << 3, 'm', window_start_of('m', now()),
       coalesce(sum(cost_nano), 0), coalesce(sum(byok_nano), 0)
  FROM (SELECT DISTINCT organization_id FROM byok_credential WHERE deleted_at IS NULL) bringing
  LEFT JOIN usage_hour used
    ON used.organization_id = bringing.organization_id AND hour >= window_start_of('m', now())
 GROUP BY 1 ORDER BY 1
ON CONFLICT (subject, interval) DO NOTHING;

UPDATE purse SET limit_on_byok_nano = {nano}, is_strict = true, is_tight = true
 WHERE interval = 'm' AND limit_on_byok_nano IS NULL AND subject IN (
       SELECT organization_id << 3 FROM byok_credential WHERE deleted_at IS NULL);
"""


def open_allowances(apps, schema_editor):
    """The purses of all organizations that have live credentials."""
    schema_editor.execute(ALLOWANCES.format(nano=environment().byok_fee.free_monthly_nano), None)


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0016_fill_guardrail_purses"),
        ("workspaces", "0013_workspace_rates"),
        ("observability", "0002_generation"),
    ]

    # Backwards nothing is to do: without the app's code nobody compares these purses with anything.
    operations = [migrations.RunPython(open_allowances, migrations.RunPython.noop)]
