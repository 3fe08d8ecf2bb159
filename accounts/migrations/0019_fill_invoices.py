"""Each purchase that was booked earlier gets its invoice."""

from django.db import migrations

FILL = """
INSERT INTO invoice (organization_id, number, purchase, issued_at, billed_name, lines, amount_nano)
SELECT entry.organization_id,
       row_number() OVER (PARTITION BY entry.organization_id ORDER BY entry.created_at, entry.id),
       entry.transaction, entry.created_at, organization.name,
       jsonb_build_array(jsonb_build_object(
           'description', coalesce(nullif(entry.description, ''), 'Credits'), 'amount_nano', entry.amount_nano)),
       entry.amount_nano
  FROM ledger_entry entry JOIN organization ON organization.id = entry.organization_id
 WHERE entry.kind = 'purchase' AND entry.account = 'credits'
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0018_credits_locks")]

    operations = [migrations.RunSQL(FILL, "DELETE FROM invoice")]
