"""Migration operations for the database's own locks: row-level security, grants and the revision check."""

from __future__ import annotations

from django.db.migrations.operations import RunSQL

APP_ROLE = "headgate_app"

FUNCTIONS = """
CREATE FUNCTION require_revision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM revision WHERE transaction_id = pg_current_xact_id()::text::bigint) THEN
    RAISE EXCEPTION 'a change of % wrote no revision', TG_TABLE_NAME
      USING ERRCODE = 'integrity_constraint_violation', HINT = 'Change settings through their domain functions.';
  END IF;
  RETURN NULL;
END $$;
"""

GRANTS = f"""
GRANT USAGE ON SCHEMA public TO {APP_ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_ROLE};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP_ROLE};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP_ROLE};
"""


def row_level_security(table: str, column: str = "organization_id", *, is_shared: bool = False) -> RunSQL:
    """Hide other organizations' rows of a table; `is_shared`: rows without an organization are everybody's to read."""
    shared = f" OR {column} IS NULL" if is_shared else ""
    # The settings are read once per statement (a sub-select is an InitPlan), not once per row.
    rule = (
        f"(SELECT current_setting('app.unscoped', true) = 'on') OR {column} = ANY (ARRAY(SELECT unnest("
        "string_to_array(nullif(current_setting('app.organizations', true), ''), ',')::bigint[])))"
    )
    return RunSQL(
        f"""ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY tenant ON {table} USING ({rule}{shared}) WITH CHECK ({rule});""",
        f"DROP POLICY tenant ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;",
    )


def revision_required(table: str) -> RunSQL:
    """Refuse a transaction that changed this settings table without writing a revision."""
    return RunSQL(
        f"""CREATE CONSTRAINT TRIGGER revision_required AFTER INSERT OR UPDATE OR DELETE ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_revision();""",
        f"DROP TRIGGER revision_required ON {table};",
    )


def append_only(table: str) -> RunSQL:
    """Let the control plane's role add rows to a table and read them, and nothing else."""
    return RunSQL(
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE};",
        f"GRANT UPDATE, DELETE ON {table} TO {APP_ROLE};",
    )


def read_only(table: str) -> RunSQL:
    """Let the control plane's role read a table that only the data plane writes."""
    return RunSQL(
        f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE};",
        f"GRANT INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE};",
    )
