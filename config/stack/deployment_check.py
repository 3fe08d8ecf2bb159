"""`python -m config.stack.deployment_check`: would this code be fit to deploy, and do its migrations fit its models?

Runs Django's own checks with a production's environment, on an empty PostgreSQL of its own; warnings are errors.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import django
from django.core.management import CommandError, call_command

from config.embedded_postgres import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from config.stack.folder import new_secrets
from config.stack.guardian import Guardian

PRODUCTION = {
    "HEADGATE_ALLOWED_HOSTS": "headgate.example.com",
    "HEADGATE_BASE_URL": "https://headgate.example.com",
}


def check() -> int:
    """Run the checks; the exit status."""
    try:
        django.setup()
        call_command("check", deploy=True, fail_level="WARNING")
        call_command("makemigrations", check_changes=True, dry_run=True)
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Run the checks in a production's environment, nothing of ours in it."""
    for name in [name for name in os.environ if name.startswith("HEADGATE_") and name != "HEADGATE_PG_BIN"]:
        del os.environ[name]
    os.environ.update(PRODUCTION | new_secrets(), DJANGO_SETTINGS_MODULE="config.settings")
    guardian = Guardian()
    with tempfile.TemporaryDirectory(prefix="headgate-check-") as folder:
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres", is_durable=False)
        postgres.start(guardian)
        os.environ["DATABASE_URL"] = postgres.url(APP_ROLE)
        os.environ["HEADGATE_OWNER_DATABASE_URL"] = postgres.url(OWNER_ROLE)
        os.environ["HEADGATE_DATA_DIR"] = folder
        try:
            return check()
        finally:
            postgres.stop()
            guardian.close()


if __name__ == "__main__":
    sys.exit(main())
