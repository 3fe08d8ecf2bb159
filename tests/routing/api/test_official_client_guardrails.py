"""The official client against a live server: every operation on guardrails and organization settings parses in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openrouter import OpenRouter, errors
from pytest_django.live_server_helper import LiveServer

from tests.cast import Acme
from tests.workspaces.api.test_official_client import connected

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning"),
]


@pytest.fixture
def client(acme: Acme, live_server: LiveServer) -> Iterator[OpenRouter]:
    """The official client with acme's management key."""
    with connected(acme.management_key.secret, live_server) as client:
        yield client


class TestTheOfficialClient:
    def test_manages_guardrails(self, client: OpenRouter):
        made = client.guardrails.create(
            name="Strict",
            allowed_models=["openai/gpt-5.2"],
            allowed_data_regions=["europe"],
            limit_usd=50,
            reset_interval="monthly",
            enforce_zdr=True,
            content_filters=[{"pattern": r"PROJ-\d+", "action": "block", "label": "[PROJECT]"}],
            content_filter_builtins=[{"slug": "regex-prompt-injection", "action": "flag"}],
        ).data
        found = client.guardrails.get(id=made.id).data
        changed = client.guardrails.update(id=made.id, name="Loose", allowed_models=None).data
        listed = client.guardrails.list(offset=0, limit=1)
        rest = listed.next()
        deleted = client.guardrails.delete(id=made.id)

        assert found == made
        assert (made.limit_usd, made.reset_interval, made.enforce_zdr_xai) == (50, "monthly", True)
        assert made.content_filter_builtins[0].scan_scope == "all_messages"
        assert (changed.name, changed.allowed_models, changed.limit_usd) == ("Loose", None, 50)
        assert (listed.result.total_count, [row.name for row in rest.result.data]) == (2, ["Loose"])
        assert deleted.DELETED is True
        with pytest.raises(errors.NotFoundResponseError):
            client.guardrails.get(id=made.id)

    def test_configures_the_default_guardrail_of_a_workspace(self, client: OpenRouter):
        workspace = client.workspaces.get(id="production").data
        found = client.guardrails.list(workspace_id=workspace.id).result.data[0]
        changed = client.guardrails.update(id=found.id, allowed_providers=["openai"]).data

        assert found.id == workspace.default_guardrail_id
        assert (found.name, changed.allowed_providers) == (f"Workspace {workspace.id} Default", ["openai"])

    def test_holds_keys_to_guardrails(self, client: OpenRouter, acme: Acme):
        guardrail = client.guardrails.create(name="For keys").data
        hashes = [acme.bob_key.key.hash, acme.carol_key.key.hash]
        assigned = client.guardrails.bulk_assign_keys(id=guardrail.id, key_hashes=hashes)
        listed = client.guardrails.list_guardrail_key_assignments(id=guardrail.id).result
        everywhere = client.guardrails.list_key_assignments(limit=1)
        rest = everywhere.next()
        removed = client.guardrails.bulk_unassign_keys(id=guardrail.id, key_hashes=hashes)

        assert (assigned.assigned_count, removed.unassigned_count) == (2, 2)
        assert [row.key_hash for row in listed.data] == hashes
        assert [everywhere.result.data[0], rest.result.data[0]] == listed.data
        with pytest.raises(errors.BadRequestResponseError, match="no such key"):
            client.guardrails.bulk_assign_keys(id=guardrail.id, key_hashes=["f" * 64])

    def test_holds_members_to_guardrails(self, client: OpenRouter, acme: Acme):
        guardrail = client.guardrails.create(name="For members").data
        bob = acme.bob.user.public_id
        assigned = client.guardrails.bulk_assign_members(id=guardrail.id, member_user_ids=[bob])
        listed = client.guardrails.list_guardrail_member_assignments(id=guardrail.id).result
        everywhere = client.guardrails.list_member_assignments().result
        removed = client.guardrails.bulk_unassign_members(id=guardrail.id, member_user_ids=[bob])

        assert (assigned.assigned_count, removed.unassigned_count) == (1, 1)
        assert listed == everywhere
        assert (listed.total_count, listed.data[0].user_id) == (1, bob)

    def test_is_told_what_a_pattern_may_not_hold(self, client: OpenRouter):
        with pytest.raises(errors.BadRequestResponseError, match="invalid_regex_pattern"):
            client.guardrails.create(name="Broken", content_filters=[{"pattern": "(a+)+", "action": "block"}])

    def test_takes_the_filter_that_only_the_newer_contract_names(self, client: OpenRouter):
        made = client.guardrails.create(
            name="Secrets", content_filter_builtins=[{"slug": "secrets", "action": "redact"}]
        ).data

        assert made.content_filter_builtins[0].label == "[SECRET]"

    def test_reads_and_changes_the_organizations_settings(self, client: OpenRouter, acme: Acme):
        before = client.organization.get_settings().data
        after = client.organization.update_settings(is_filtered_model_catalog_enabled=True).data

        assert before.id == after.id == str(acme.organization.public_id)
        assert (before.is_filtered_model_catalog_enabled, after.is_filtered_model_catalog_enabled) == (
            False,
            True,
        )

    def test_is_told_that_an_inference_key_is_no_management_key(self, acme: Acme, live_server: LiveServer):
        with connected(acme.bob_key.secret, live_server) as own:
            for operation in (own.guardrails.list, own.organization.get_settings):
                with pytest.raises(errors.ForbiddenResponseError, match="Only management keys"):
                    operation()
