"""The free allowance of BYOK for organizations that brought credentials before there was one."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module

import pytest
from django.db import connections

from config.lib.environment import environment
from config.lib.scoping import tenant
from config.lib.subjects import organization_subject
from routing import byok
from tests.cast import STAGE, Cast
from tests.observability.books import connect
from tests.routing.byok_secrets import AZURE
from tests.routing.test_byok_policies import bring, policy_of
from tests.routing.test_guardrail_budgets import disagreeing
from workspaces.models import Purse

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


class TestTheMigration:
    def test_gives_an_allowance_to_who_had_brought_credentials_before(self, cast: Cast):
        acme, globex = cast.acme, cast.globex
        bring(acme)
        bring(acme, "azure", AZURE)
        gone = bring(globex)
        with tenant(globex.organization.pk):
            byok.delete(credential=gone, by=STAGE)
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        migration = import_module("routing.migrations.0017_open_byok_allowances")

        with connect() as connection, connection.transaction():
            connection.execute("DELETE FROM purse WHERE interval = 'm'")
            for at, nano in ((hour, 7), (hour.replace(year=hour.year - 1), 1000)):
                connection.execute(
                    "INSERT INTO usage_hour (organization_id, workspace_id, api_key_id, member_id, model, provider,"
                    " hour, cost_nano, byok_nano) VALUES (%s, 1, 1, 1, 'm', 'p', %s, 30, %s)",
                    [acme.organization.pk, at, nano],
                )
        with connections["owner"].schema_editor() as editor:
            migration.open_allowances(None, editor)

        [purse] = Purse.objects.using("owner").unscoped(reason="the migration's work").filter(interval="m")
        assert (purse.organization_id, purse.subject) == (
            acme.organization.pk,
            organization_subject(acme.organization.pk),
        )
        assert (purse.spent_nano, purse.byok_nano, purse.is_strict) == (30, 7, True)
        assert purse.limit_on_byok_nano == environment().byok_fee.free_monthly_nano
        allowance = policy_of(acme.default_key).byok_allowance
        assert allowance is not None
        assert allowance.purse_id == purse.pk
        assert disagreeing() == []
