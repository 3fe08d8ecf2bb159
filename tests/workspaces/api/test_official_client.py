"""The official client against a live server: every operation of the management API parses in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from openrouter import OpenRouter, components, errors
from pytest_django.live_server_helper import LiveServer

from accounts.credits import deposit
from config.lib.ids import uuid7
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme
from tests.observability.api.test_generation import book

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
]


@pytest.fixture
def client(acme: Acme, live_server: LiveServer) -> Iterator[OpenRouter]:
    """The official client with acme's management key."""
    with connected(acme.management_key.secret, live_server) as client:
        yield client


def connected(secret: str, live_server: LiveServer) -> OpenRouter:
    """The official client with any key."""
    return OpenRouter(api_key=secret, server_url=f"{live_server.url}/api/v1", timeout_ms=20_000)


class TestTheOfficialClient:
    def test_manages_workspaces_and_their_members(self, client: OpenRouter, acme: Acme):
        workspace = client.workspaces.create(
            name="Staging", slug="staging", default_provider_sort="price"
        ).data
        renamed = client.workspaces.update(id="staging", name="Stage", description=None).data
        added = client.workspaces.bulk_add_members(id=workspace.id, user_ids=[acme.bob.user.public_id])
        members = client.workspaces.list_members(id="staging").result
        removed = client.workspaces.bulk_remove_members(id="staging", user_ids=[acme.bob.user.public_id])
        listed = client.workspaces.list(offset=0, limit=2)
        rest = listed.next()
        deleted = client.workspaces.delete(id="staging")

        assert (renamed.id, renamed.name, renamed.slug) == (workspace.id, "Stage", "staging")
        assert (added.added_count, members.data, removed.removed_count) == (1, added.data, 1)
        assert (len(listed.result.data), listed.result.total_count) == (2, 4)
        assert [row.slug for row in rest.result.data] == ["research", "staging"]
        assert deleted.DELETED is True
        with pytest.raises(errors.NotFoundResponseError):
            client.workspaces.get(id="staging")

    def test_lists_the_members_of_the_organization(self, client: OpenRouter):
        listed = client.organization.list_members(offset=0, limit=2)

        assert [(row.email, row.role) for row in listed.result.data] == [
            ("alice@acme.example", "org:admin"),
            ("bob@acme.example", "org:member"),
        ]
        assert listed.result.total_count == 3

    def test_manages_budgets(self, client: OpenRouter):
        made = client.workspaces.set_budget(
            workspace_ref="production", interval="monthly", limit_usd=100, include_byok_in_budgets=True
        )
        lifetime = client.workspaces.set_budget(
            workspace_ref="production", interval="lifetime", limit_usd=500.5
        )
        found = client.workspaces.get_budget(workspace_ref="production", interval="monthly")
        listed = client.workspaces.list_budgets(workspace_ref="production")
        with pytest.raises(errors.BadRequestResponseError, match="must be larger"):
            client.workspaces.set_budget(workspace_ref="production", interval="daily", limit_usd=100)
        deleted = client.workspaces.delete_budget(workspace_ref="production", interval="lifetime")

        assert made == components.UpsertWorkspaceBudgetResponse(data=found.data, include_byok_in_budgets=True)
        assert (lifetime.data.reset_interval, lifetime.data.limit_usd) == (None, 500.5)
        assert [row.limit_usd for row in listed.data] == [500.5, 100]
        assert deleted.DELETED is True

    def test_manages_keys(self, client: OpenRouter, acme: Acme, live_server: LiveServer):
        expires_at = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
        made = client.api_keys.create(
            name="New",
            limit=5.25,
            limit_reset="weekly",
            expires_at=expires_at,
            external={"user": "customer-7"},
        )
        listed = client.api_keys.list(include_disabled=True, include_expired=True, offset=0).data
        changed = client.api_keys.update(
            hash=made.data.hash, limit=None, disabled=True, workspace_id="research"
        ).data
        found = client.api_keys.get(hash=made.data.hash).data
        deleted = client.api_keys.delete(hash=made.data.hash)

        assert (made.data.limit, made.data.expires_at, made.data.external_user) == (
            5.25,
            expires_at,
            "customer-7",
        )
        assert made.data in [type(made.data).model_validate(row.model_dump()) for row in listed]
        assert (changed.limit, changed.disabled, changed.workspace_id) == (
            None,
            True,
            str(acme.research.public_id),
        )
        assert found.model_dump() == changed.model_dump()
        assert deleted.DELETED is True
        with connected(made.key, live_server) as dead, pytest.raises(errors.UnauthorizedResponseError):
            dead.api_keys.get_current_key_metadata()

    @pytest.mark.parametrize("kind", ["management_key", "bob_key"])
    def test_asks_a_key_about_itself(self, acme: Acme, live_server: LiveServer, kind: str):
        issued = getattr(acme, kind)
        with connected(issued.secret, live_server) as own:
            data = own.api_keys.get_current_key_metadata().data

        assert (data.label, data.is_management_key) == (issued.key.label, kind == "management_key")

    def test_reads_credits_and_generations(self, client: OpenRouter, acme: Acme):
        with tenant(acme.organization.pk):
            deposit(
                organization=acme.organization, kind="purchase", amount_nano=10**10, description="", by=STAGE
            )
        public_id = book(acme.bob_key.key, uuid7())

        credits_ = client.credits.get_credits().data
        generation = client.generations.get_generation(id=public_id).data

        assert (credits_.total_credits, credits_.total_usage) == (10, 0)
        assert (generation.id, generation.total_cost) == (public_id, 0.001234567)

    def test_is_told_that_an_inference_key_is_no_management_key(self, acme: Acme, live_server: LiveServer):
        with connected(acme.bob_key.secret, live_server) as own:
            with pytest.raises(errors.ForbiddenResponseError, match="Only management keys"):
                own.credits.get_credits()
            with pytest.raises(errors.UnauthorizedResponseError):
                own.api_keys.list()

    def test_repeats_a_request_safely(self, client: OpenRouter):
        headers = {"Idempotency-Key": "deploy-1"}

        first = client.api_keys.create(name="New", http_headers=headers)
        second = client.api_keys.create(name="New", http_headers=headers)

        assert first == second

    def test_lets_an_application_have_a_key(self, client: OpenRouter, acme: Acme, live_server: LiveServer):
        verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        made = client.o_auth.create_auth_code(
            callback_url="http://localhost:3000/callback",
            code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            code_challenge_method="S256",
            limit=5,
            usage_limit_type="weekly",
            key_label="My app",
        ).data

        with pytest.raises(errors.ForbiddenResponseError, match="Invalid code or code_verifier"):
            client.o_auth.exchange_auth_code_for_api_key(code=made.id, code_verifier="wrong")
        with pytest.raises(errors.BadRequestResponseError, match="Invalid code_challenge_method"):
            client.o_auth.exchange_auth_code_for_api_key(
                code=made.id, code_verifier=verifier, code_challenge_method="plain"
            )
        issued = client.o_auth.exchange_auth_code_for_api_key(
            code=made.id, code_verifier=verifier, code_challenge_method="S256"
        )

        assert issued.user_id is None
        with connected(issued.key, live_server) as own:
            data = own.api_keys.get_current_key_metadata().data
        assert (data.limit, data.limit_reset) == (5, "weekly")

    def test_registers_external_users(self, client: OpenRouter):
        made = client.external_users.create(user="Kunde 7/b").data
        client.external_users.create(user="other")
        with pytest.raises(errors.ConflictResponseError):
            client.external_users.create(user="other")
        client.external_users.delete(user="other")
        found = client.external_users.get(user="Kunde 7/b").data
        inactive = client.external_users.get(user="other").data
        active = client.external_users.update(user="other", is_active=True).data
        listed = client.external_users.list(limit=1)
        rest = listed.next()

        assert (made.user, made.is_active) == ("Kunde 7/b", True)
        assert found == made
        assert (inactive.is_active, active.is_active) == (False, True)
        assert (listed.result.data, listed.result.total_count) == ([made], 2)
        assert [row.user for row in rest.result.data] == ["other"]
        with pytest.raises(errors.NotFoundResponseError):
            client.external_users.get(user="nobody")
