"""No setting is changed without a revision: every table of ours is guarded, or it is said here why it is not."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import IntegrityError, connection

from accounts import privacy
from accounts.billing import set_billing
from accounts.notifications import rules
from accounts.revisions import is_secret, snapshot
from config.lib.scoping import tenant
from observability import settings as observability
from routing import guardrail_assignments, guardrail_settings, plugin_settings, routing_defaults
from tests.api_objects import acme_home, furnish
from tests.cast import STAGE, Acme

pytestmark = pytest.mark.django_db

OURS = ("accounts", "workspaces", "observability", "routing")
BY_DESIGN = {
    "account_user": "signing in writes to it; accounts.people records what staff change",
    "account_user_groups": "nobody is in a group; permissions come from memberships",
    "account_user_user_permissions": "nobody has permissions of his own; they come from memberships",
    "revision": "the record itself, append-only",
    "version": "moved by the record",
    "audit_event": "append-only, and no setting",
    "ledger_entry": "append-only, and no setting",
    "idempotent_answer": "answers kept for a day",
    "api_key_use": "written by ingest; read-only to the application",
    "purse": "counters, which follow from settings and from spending",
    "lease": "written by gateways; read-only to the application",
    "gateway_process": "written by gateways; read-only to the application",
    "generation_feedback": "append-only, and no setting",
    "generation": "written by ingest; read-only to the application",
    "response_cache": "written by gateways; out of the application's reach",
    "classification": "written by ingest and settled by workers; read-only to the application",
    "delivery": "written by ingest and moved by workers; read-only to the application",
    "delivery_job": "append-only to the application, and no setting",
    "delivery_receipt": "written by workers; read-only to the application",
    "delivery_state": "counters of workers; read-only to the application",
    "generation_content": "written by ingest; the application only deletes it",
    "usage_hour": "written by ingest; read-only to the application",
    "usage_minute": "written by ingest; read-only to the application",
    "sealed_usage": "sums of generations that were dropped; read-only to the application",
    "sealed_spend": "sums of generations that were dropped; read-only to the application",
    "sealed_batch": "sums of generations that were dropped; read-only to the application",
    "sealed_day": "sums of generations that were dropped; read-only to the application",
    "job_run": "written by jobs; read-only to the application",
    "usage_day": "written by ingest; read-only to the application",
    "usage_model_day": "written by ingest; read-only to the application",
    "usage_key_day": "written by ingest; read-only to the application",
    "usage_label_day": "written by ingest; read-only to the application",
    "usage_speed_day": "written by ingest; read-only to the application",
    "journal_position": "written by ingest; read-only to the application",
    "secret_use": "written by ingest; read-only to the application",
    "auth_code": "lives ten minutes; the key that it is exchanged for is recorded",
    "alert_state": "what was told and is not armed; it follows from what is spent",
    "notification": "what was told, and no setting",
    "notification_delivery": "what became of what was told",
    "invoice": "follows from a purchase, which is recorded",
    "stripe_checkout": "an intention to pay; what is booked for it is recorded",
    "stripe_event": "what Stripe has told; what is booked for it is recorded",
    "dead_letter_record": "written by ingest; read-only to the application",
}
"""Tables without the trigger, and why."""
CHANGED_COLUMNS = {"organization": "id", "preset_version": "created_by_id"}
"""What the application may change in tables where it may not touch `organization_id`."""


def tables(query: str) -> set[str]:
    """The names that a query of the catalog finds."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}


def guarded() -> set[str]:
    """Tables whose every change needs a revision in its transaction."""
    return tables(
        "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE t.tgname = 'revision_required' AND t.tgdeferrable AND t.tginitdeferred AND t.tgenabled = 'O'"
    )


def with_an_organization() -> set[str]:
    """Tables that a tenant's rows are in, whoever made them."""
    return tables(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE a.attname = 'organization_id' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )


def of_our_models() -> set[str]:
    """The tables of our models, those between two of them included."""
    return {
        model._meta.db_table
        for app in OURS
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
    }


def set_everything(acme: Acme) -> None:
    """Settings beside the objects that tests/api_objects.py makes."""
    with tenant(acme.organization.pk):
        guardrail = guardrail_settings.create(workspace=acme.research, name="Assigned", by=STAGE)
        guardrail_assignments.assign_keys(guardrail=guardrail, keys=[acme.carol_key.key], by=STAGE)
        guardrail_assignments.assign_members(guardrail=guardrail, memberships=[acme.carol], by=STAGE)
        plugin_settings.change(
            workspace=acme.production, plugin="response-healing", is_enabled=True, by=STAGE
        )
        routing_defaults.change(workspace=acme.production, zdr=True, by=STAGE)
        observability.change(workspace=acme.production, retention_days=7, by=STAGE)
        privacy.change(organization=acme.organization, by=STAGE, enforce_zdr_xai=True)
        rules.change(organization=acme.organization, kind="low_balance", is_disabled=True, by=STAGE)
        set_billing(organization=acme.organization, name="Acme", address="", tax_id="", by=STAGE)


class TestEveryTable:
    def test_is_guarded_or_explained(self) -> None:
        assert (of_our_models() | with_an_organization()) - guarded() == BY_DESIGN.keys()

    def test_is_not_both(self) -> None:
        assert guarded() & BY_DESIGN.keys() == set()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestAChangeWithoutARevision:
    def test_is_refused_by_every_settings_table_that_a_tenant_has_rows_in(self, acme: Acme) -> None:
        furnish(acme_home(acme))
        set_everything(acme)

        for table in sorted(guarded() & (with_an_organization() | {"organization"})):
            column = CHANGED_COLUMNS.get(table, "organization_id")
            statement = f"UPDATE {table} SET {column} = {column}"
            with (
                pytest.raises(IntegrityError, match=f"a change of {table} wrote no revision"),
                tenant(acme.organization.pk),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)


class TestWhatTheApplicationMayOnlyAdd:
    @pytest.mark.parametrize(
        "table", ["revision", "audit_event", "ledger_entry", "generation_feedback", "delivery_job"]
    )
    @pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
    def test_gives_it_no_other_right(self, table: str, right: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT has_table_privilege('headgate_app', %s, %s)", [table, right])

            assert cursor.fetchone() == (False,)

    def test_is_tried_as_that_role(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")

            assert cursor.fetchone() == ("headgate_app",)


class TestASnapshot:
    @pytest.mark.parametrize(
        "model", [model for app in OURS for model in apps.get_app_config(app).get_models()]
    )
    def test_holds_no_secret(self, model: type) -> None:
        row = model()

        names = snapshot(row)

        words = ("hash", "sealed", "password", "secret", "token")
        told = [name for name in names if any(word in name.split("_") for word in words)]
        assert told == []

    @pytest.mark.parametrize(
        "column", ["hash", "external_hash", "sealed_credential", "password", "access_token", "client_secret"]
    )
    def test_knows_a_secret_by_its_name(self, column: str) -> None:
        assert is_secret(column)

    @pytest.mark.parametrize("column", ["tokens_per_minute", "prompt_tokens", "name", "label"])
    def test_keeps_what_only_sounds_like_one(self, column: str) -> None:
        assert not is_secret(column)
