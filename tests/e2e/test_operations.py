"""Every operation that configures an organization, driven by the official client against a running server.

Each raw answer is held against the contract's schema and our own. What a scenario says that it drives is the table of
operations in docs/api.md; `python3 dev.py test tests/e2e/test_operations.py -s` prints it anew when it differs.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from openrouter import OpenRouter, errors, operations

from tests.e2e.recorder import Recorder, keys_of, operations_of_the_contract, table
from tests.live_stack import LiveStack
from tests.routing.own_upstream import own_upstream

pytestmark = pytest.mark.filterwarnings("ignore:warning. .. DEPRECATED:DeprecationWarning")

CLAIMS: dict[str, str] = {}
BEGIN, END = "<!-- operations: begin -->", "<!-- operations: end -->"
API_PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
ECHO = {"messages": [{"role": "user", "content": "Hello"}], "model": "simulator/echo"}
F = TypeVar("F", bound=Callable[..., Any])


def drives(*names: str) -> Callable[[F], F]:
    """Say which operations a scenario drives; whether it does is checked when it has run."""

    def claim(scenario: F) -> F:
        title = scenario.__name__.removeprefix("test_").replace("_", " ")
        CLAIMS.update(dict.fromkeys(names, title))
        scenario.drives = frozenset(names)  # type: ignore[attr-defined]  # for the recorder
        return scenario

    return claim


@pytest.fixture
def recorder(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    """Watches; afterwards the scenario must have driven what it says."""
    recorder = Recorder()
    yield recorder
    assert recorder.seen >= getattr(request.function, "drives", frozenset())


@pytest.fixture
def manager(live_stack: LiveStack, recorder: Recorder) -> Iterator[OpenRouter]:
    """The official client with acme's management key."""
    management_key, _ = keys_of(live_stack.demo)
    with recorder.client(live_stack.demo["base_url"], management_key) as client:
        yield client


@pytest.fixture
def workspace(manager: OpenRouter) -> Iterator[str]:
    """The id of a workspace for one scenario."""
    made = manager.workspaces.create(name="Scenario", slug=f"scenario-{secrets.token_hex(4)}").data
    yield made.id
    manager.workspaces.delete(id=made.id)


@pytest.fixture
def key(manager: OpenRouter, workspace: str) -> Iterator[Any]:
    """A key of that workspace, with its secret as `key`."""
    made = manager.api_keys.create(name="Scenario", workspace_id=workspace)
    yield made
    manager.api_keys.delete(hash=made.data.hash)


def member_of(manager: OpenRouter, email: str) -> str:
    """The user id of a member of acme."""
    members = manager.organization.list_members().result.data
    return next(row.id for row in members if row.email == email)


class TestManaging:
    @drives("listWorkspaces", "createWorkspace", "getWorkspace", "updateWorkspace", "deleteWorkspace")
    def test_workspaces(self, manager: OpenRouter, workspace: str):
        changed = manager.workspaces.update(id=workspace, name="Changed", default_provider_sort="price").data
        other = manager.workspaces.create(name="Other", slug=f"other-{secrets.token_hex(4)}").data
        found = manager.workspaces.get(id=other.slug).data
        pages = manager.workspaces.list(limit=1)
        deleted = manager.workspaces.delete(id=other.id)

        assert (changed.name, found.id, len(pages.result.data)) == ("Changed", other.id, 1)
        assert deleted.DELETED is True

    @drives("listWorkspaceMembers", "bulkAddWorkspaceMembers", "bulkRemoveWorkspaceMembers")
    def test_members_of_a_workspace(self, manager: OpenRouter, workspace: str):
        bob = member_of(manager, "bob@acme.example")

        added = manager.workspaces.bulk_add_members(id=workspace, user_ids=[bob])
        listed = manager.workspaces.list_members(id=workspace).result
        removed = manager.workspaces.bulk_remove_members(id=workspace, user_ids=[bob])

        assert added.added_count == removed.removed_count == 1
        assert bob in {row.user_id for row in listed.data}

    @drives("listWorkspaceBudgets", "getWorkspaceBudget", "upsertWorkspaceBudget", "deleteWorkspaceBudget")
    def test_budgets(self, manager: OpenRouter, workspace: str):
        made = manager.workspaces.set_budget(workspace_ref=workspace, interval="monthly", limit_usd=12.5)
        found = manager.workspaces.get_budget(workspace_ref=workspace, interval="monthly")
        listed = manager.workspaces.list_budgets(workspace_ref=workspace).data
        deleted = manager.workspaces.delete_budget(workspace_ref=workspace, interval="monthly")

        assert made.data == found.data
        assert [row.limit_usd for row in listed] == [12.5]
        assert deleted.DELETED is True

    @drives("list", "createKeys", "getKey", "updateKeys", "deleteKeys")
    def test_keys(self, manager: OpenRouter, workspace: str):
        made = manager.api_keys.create(name="New", workspace_id=workspace, limit=1.5, limit_reset="daily")
        changed = manager.api_keys.update(hash=made.data.hash, name="Changed", limit=None).data
        found = manager.api_keys.get(hash=made.data.hash).data
        listed = manager.api_keys.list(workspace_id=workspace).data
        deleted = manager.api_keys.delete(hash=made.data.hash)

        assert (changed.limit, found.name, len(listed), deleted.DELETED) == (None, "Changed", 1, True)

    @drives("getCurrentKey")
    def test_what_a_key_is(self, live_stack: LiveStack, recorder: Recorder, key: Any):
        with recorder.client(live_stack.demo["base_url"], key.key) as own:
            assert own.api_keys.get_current_key_metadata().data.label == key.data.label

    @drives("getCredits")
    def test_credits(self, manager: OpenRouter):
        assert manager.credits.get_credits().data.total_credits >= 1_000

    @drives("getGeneration")
    def test_a_generation(self, live_stack: LiveStack, recorder: Recorder, key: Any):
        with recorder.client(live_stack.demo["base_url"], key.key) as own:
            answer = own.chat.send(**ECHO)
            assert own.generations.get_generation(id=answer.id).data.id == answer.id

    @drives("listGenerationContent")
    def test_what_was_said(
        self, live_stack: LiveStack, recorder: Recorder, manager: OpenRouter, workspace: str, key: Any
    ):
        client, base = manager.sdk_configuration.client, live_stack.demo["base_url"]
        headers = {"Authorization": f"Bearer {keys_of(live_stack.demo)[0]}"}
        logging = {"is_observability_io_logging_enabled": True, "io_logging_retention_days": 7}
        client.patch(f"{base}/workspaces/{workspace}/observability", json=logging, headers=headers)
        time.sleep(1.5)  # gateways hear of it within a second

        with recorder.client(base, key.key) as own:
            answer = own.chat.send(**ECHO)
            said = own.generations.list_generation_content(id=answer.id).data
        deleted = client.delete(f"{base}/generation/content", params={"id": answer.id}, headers=headers)

        assert said.input.messages == ECHO["messages"]
        assert said.output.completion == answer.choices[0].message.content
        assert deleted.json()["data"]["deleted"] == 1
        with pytest.raises(errors.NotFoundResponseError):
            manager.generations.list_generation_content(id=answer.id)

    @drives("getUserActivity", "getAnalyticsMeta", "queryAnalytics")
    def test_analytics(
        self, live_stack: LiveStack, recorder: Recorder, manager: OpenRouter, workspace: str, key: Any
    ):
        with recorder.client(live_stack.demo["base_url"], key.key) as own:
            for _ in range(2):
                own.generations.get_generation(id=own.chat.send(**ECHO).id)  # waits until it is booked

        asked: dict[str, Any] = {
            "metrics": ["request_count", "total_usage", "p90_latency"],
            "dimensions": ["model", "api_key_id"],
            "granularity": "day",
            "filters": [{"field": "workspace", "operator": "eq", "value": workspace}],
            "order_by": {"field": "request_count", "direction": "desc"},
            "limit": 10,
        }
        told = manager.analytics.get_analytics_meta().data
        found = manager.analytics.query_analytics(**asked).data
        days = manager.analytics.get_user_activity(request={"workspace_id": workspace}).data

        assert {"request_count", "cache_hit_rate"} <= {metric.name for metric in told.metrics}
        assert (found.metadata.row_count, found.metadata.truncated) == (1, False)
        assert days == []  # today is not over
        # The client has no fields for what a row holds.
        [row] = manager.sdk_configuration.client.post(
            f"{live_stack.demo['base_url']}/analytics/query",
            json=asked,
            headers={"Authorization": f"Bearer {keys_of(live_stack.demo)[0]}"},
        ).json()["data"]["data"]
        assert (row["model"], row["api_key_id"], row["request_count"]) == ("simulator/echo", "Scenario", 2)

    # The client sends a category that it does not know, and pydantic warns of it.
    @pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
    @drives("submitGenerationFeedback")
    def test_feedback(
        self, live_stack: LiveStack, recorder: Recorder, manager: OpenRouter, workspace: str, key: Any
    ):
        blocking = [{"slug": "email", "action": "block"}]
        guardrail = manager.guardrails.create(
            name="No addresses", workspace_id=workspace, content_filter_builtins=blocking
        ).data
        manager.guardrails.bulk_assign_keys(id=guardrail.id, key_hashes=[key.data.hash])
        asked = [{"role": "user", "content": "Write to a@b.example"}]
        with (
            recorder.client(live_stack.demo["base_url"], key.key) as own,
            pytest.raises(errors.ForbiddenResponseError) as blocked,
        ):
            own.chat.send(**ECHO | {"messages": asked})

        about = blocked.value.headers["x-generation-id"]
        given = manager.generations.submit_feedback(
            generation_id=about, category="guardrail_false_positive", comment="Nobody's address."
        )

        listed = manager.sdk_configuration.client.get(
            f"{live_stack.demo['base_url']}/generation/feedback",
            params={"category": "guardrail_false_positive", "generation_id": about},
            headers={"Authorization": f"Bearer {keys_of(live_stack.demo)[0]}"},
        ).json()["data"]
        manager.guardrails.delete(id=guardrail.id)
        assert given.data.SUCCESS is True
        assert [stage["guardrail_id"] for row in listed for stage in row["guardrails"]] == [guardrail.id]

    @drives("listOrganizationMembers")
    def test_members_of_the_organization(self, manager: OpenRouter):
        first = manager.organization.list_members(limit=2)

        assert len(first.result.data) == 2
        assert first.result.total_count == 3

    @drives("getOrganizationSettings", "updateOrganizationSettings")
    def test_settings_of_the_organization(self, manager: OpenRouter):
        changed = manager.organization.update_settings(is_filtered_model_catalog_enabled=True).data
        manager.organization.update_settings(is_filtered_model_catalog_enabled=False)
        found = manager.organization.get_settings().data

        assert (changed.is_filtered_model_catalog_enabled, found.is_filtered_model_catalog_enabled) == (
            True,
            False,
        )


class TestGoverning:
    @drives("listGuardrails", "createGuardrail", "getGuardrail", "updateGuardrail", "deleteGuardrail")
    def test_guardrails(self, manager: OpenRouter, workspace: str):
        made = manager.guardrails.create(
            name="Careful",
            workspace_id=workspace,
            limit_usd=5,
            reset_interval="daily",
            allowed_models=["simulator/echo"],
            ignored_providers=["simulator-fast"],
            content_filters=[{"pattern": "secret-[0-9]+", "action": "redact", "label": "[CODE]"}],
            content_filter_builtins=[{"slug": "email", "action": "block"}],
            enforce_zdr_openai=True,
        ).data
        changed = manager.guardrails.update(id=made.id, name="Calm", limit_usd=None, reset_interval=None).data
        found = manager.guardrails.get(id=made.id).data
        listed = manager.guardrails.list(workspace_id=workspace).result
        deleted = manager.guardrails.delete(id=made.id)

        assert (changed.name, changed.limit_usd, found.allowed_models) == ("Calm", None, ["simulator/echo"])
        assert made.id in {row.id for row in listed.data}
        assert deleted.DELETED is True

    @drives(
        "listKeyAssignments",
        "listGuardrailKeyAssignments",
        "bulkAssignKeysToGuardrail",
        "bulkUnassignKeysFromGuardrail",
    )
    def test_guardrails_of_keys(self, manager: OpenRouter, workspace: str, key: Any):
        guardrail = manager.guardrails.create(name="For a key", workspace_id=workspace).data

        assigned = manager.guardrails.bulk_assign_keys(id=guardrail.id, key_hashes=[key.data.hash])
        own = manager.guardrails.list_guardrail_key_assignments(id=guardrail.id).result
        everywhere = manager.guardrails.list_key_assignments().result
        unassigned = manager.guardrails.bulk_unassign_keys(id=guardrail.id, key_hashes=[key.data.hash])

        assert assigned.assigned_count == unassigned.unassigned_count == own.total_count == 1
        assert key.data.hash in {row.key_hash for row in everywhere.data}

    @drives(
        "listMemberAssignments",
        "listGuardrailMemberAssignments",
        "bulkAssignMembersToGuardrail",
        "bulkUnassignMembersFromGuardrail",
    )
    def test_guardrails_of_members(self, manager: OpenRouter, workspace: str):
        bob = member_of(manager, "bob@acme.example")
        guardrail = manager.guardrails.create(name="For a member", workspace_id=workspace).data

        assigned = manager.guardrails.bulk_assign_members(id=guardrail.id, member_user_ids=[bob])
        own = manager.guardrails.list_guardrail_member_assignments(id=guardrail.id).result
        everywhere = manager.guardrails.list_member_assignments().result
        unassigned = manager.guardrails.bulk_unassign_members(id=guardrail.id, member_user_ids=[bob])

        assert assigned.assigned_count == unassigned.unassigned_count == own.total_count == 1
        assert bob in {row.user_id for row in everywhere.data}

    @drives("listBYOKKeys", "createBYOKKey", "getBYOKKey", "updateBYOKKey", "deleteBYOKKey")
    def test_credentials(self, manager: OpenRouter, workspace: str, key: Any):
        made = manager.byok.create(
            key="sk-proj-0123456789abcdef",
            provider="openai",
            name="Ours",
            workspace_id=workspace,
            allowed_api_key_hashes=[key.data.hash],
            is_fallback=True,
        ).data
        changed = manager.byok.update(id=made.id, disabled=True, allowed_api_key_hashes=None).data
        found = manager.byok.get(id=made.id).data
        listed = manager.byok.list(workspace_id=workspace, provider="openai").result
        deleted = manager.byok.delete(id=made.id)

        assert (changed.disabled, changed.allowed_api_key_hashes, found.name) == (True, None, "Ours")
        assert "0123456789" not in found.label
        assert [row.id for row in listed.data] == [made.id]
        assert deleted.DELETED is True

    @drives(
        "listObservabilityDestinations",
        "createObservabilityDestination",
        "getObservabilityDestination",
        "updateObservabilityDestination",
        "deleteObservabilityDestination",
    )
    def test_destinations(self, manager: OpenRouter, workspace: str, key: Any):
        made = manager.observability.create(
            type_="langfuse",
            name="Ours",
            config={"publicKey": "pk-lf-0123456789", "secretKey": "sk-lf-NeverToBeSeenAgain"},
            workspace_id=workspace,
            api_key_hashes=[key.data.hash],
            sampling_rate=0.5,
        ).data
        changed = manager.observability.update(id=made.id, enabled=False, api_key_hashes=None).data
        found = manager.observability.get(id=made.id).data
        listed = manager.observability.list(workspace_id=workspace).result
        deleted = manager.observability.delete(id=made.id)

        assert (changed.enabled, changed.api_key_hashes, found.name) == (False, None, "Ours")
        assert found.config.secret_key == "sk-l...gain"
        assert [row.id for row in listed.data] == [made.id]
        assert deleted.DELETED is True

    @drives(
        "listPrivateEndpoints",
        "createPrivateEndpoint",
        "getPrivateEndpoint",
        "updatePrivateEndpoint",
        "deletePrivateEndpoint",
        "validatePrivateEndpoint",
        "activatePrivateEndpoint",
        "disablePrivateEndpoint",
        "enablePrivateEndpoint",
        "updatePrivateEndpointPricing",
    )
    def test_private_endpoints(
        self, live_stack: LiveStack, recorder: Recorder, manager: OpenRouter, workspace: str, key: Any
    ):
        credential = manager.byok.create(key="sk-own", provider="inferact-vllm", workspace_id=workspace).data
        asked = {
            "model_permaslug": "simulator/echo",
            "provider_slug": "inferact-vllm",
            "upstream_model_id": "llama3",
        }
        price = {"prompt": "0.000001", "completion": "0.000002"}
        with own_upstream() as upstream:
            asked["base_url"] = f"{upstream.url}/v1"
            made = manager.private_endpoints.create(**asked, idempotency_key=secrets.token_hex(8)).data
            own = manager.private_endpoints
            own.update(id=made.id, upstream_model_id="llama3:8b", declared_zdr=True)
            priced = own.update_pricing(id=made.id, pricing=price).data
            found = own.validate(id=made.id, workspace_id=workspace).data
            statuses = [step(id=made.id).data.status for step in (own.activate, own.disable, own.enable)]
            with recorder.client(live_stack.demo["base_url"], key.key) as user:
                answer = user.chat.send(**ECHO)
                booked = user.generations.get_generation(id=answer.id).data
            upstream.status = 500
            with pytest.raises(errors.UnprocessableEntity) as refused:
                own.create(**asked, pricing=price, activate={"workspace_id": workspace})
        shown, listed = own.get(id=made.id).data, own.list().data
        kept = refused.value.data.data
        deleted = [own.delete(id=each).data.id for each in (made.id, kept.endpoint.id)]
        manager.byok.delete(id=credential.id)

        assert found.passed is True
        assert (priced.pricing.prompt, shown.declared_zdr) == ("0.000001", True)
        assert statuses == ["active", "disabled", "active"]
        assert answer.choices[0].message.content == "OK"
        assert (booked.is_byok, booked.total_cost, booked.upstream_inference_cost) == (True, 0, 0.000015)
        assert upstream.requests[-2][1]["authorization"] == "Bearer sk-own"
        assert [check.reason for check in kept.validation.checks if not check.passed] == ["upstream_error"]
        assert {row.id for row in listed} == {*deleted} == {made.id, kept.endpoint.id}

    @drives(
        "listPresets",
        "getPreset",
        "createPresetsChatCompletions",
        "createPresetsMessages",
        "createPresetsResponses",
        "listPresetVersions",
        "getPresetVersion",
    )
    def test_presets(self, live_stack: LiveStack, recorder: Recorder, key: Any):
        with recorder.client(live_stack.demo["base_url"], key.key) as own:
            own.presets.create_presets_chat_completions(slug="writer", **ECHO, temperature=0.5)
            own.presets.create_presets_messages(slug="writer", **ECHO, max_tokens=10)
            own.presets.create_presets_responses(slug="writer", model="simulator/echo", input="Hello")
            listed = own.presets.list().result
            found = own.presets.get(slug="writer").data
            versions = own.presets.list_versions(slug="writer").result
            first = own.presets.get_version(slug="writer", version="1").data

        assert [row.slug for row in listed.data] == [found.slug] == ["writer"]
        assert versions.total_count == 3
        assert first.config["temperature"] == 0.5


class TestOpening:
    @drives("createAuthKeysCode", "exchangeAuthCodeForAPIKey")
    def test_a_key_for_an_app(self, live_stack: LiveStack, recorder: Recorder, key: Any):
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        base = live_stack.demo["base_url"]
        with recorder.client(base, keys_of(live_stack.demo)[0]) as manager:
            code = manager.o_auth.create_auth_code(
                callback_url="https://app.example/back",
                code_challenge=challenge,
                code_challenge_method="S256",
                limit=1,
            ).data
        with recorder.client(base, None) as nobody:
            given = nobody.o_auth.exchange_auth_code_for_api_key(
                code=code.id, code_verifier=verifier, code_challenge_method="S256"
            )
            with pytest.raises(errors.OpenRouterError):
                nobody.o_auth.exchange_auth_code_for_api_key(code=code.id, code_verifier=verifier)

        assert given.key.startswith("sk-hg-v1-")

    @drives(
        "listExternalUsers",
        "createExternalUser",
        "getExternalUser",
        "updateExternalUser",
        "deleteExternalUser",
    )
    def test_external_users(self, manager: OpenRouter):
        name = f"customer-{secrets.token_hex(4)}"

        manager.external_users.create(user=name)
        changed = manager.external_users.update(user=name, is_active=False).data
        found = manager.external_users.get(user=name).data
        listed = manager.external_users.list(user=name, include_inactive=True).result
        manager.external_users.delete(user=name)

        assert (changed.is_active, found.user, [row.user for row in listed.data]) == (False, name, [name])


class TestTheCatalog:
    @drives("getModels", "listModelsCount", "getModel", "listEndpoints", "listEndpointsZdr", "listProviders")
    def test_of_everybody(self, live_stack: LiveStack, recorder: Recorder):
        with recorder.client(live_stack.demo["base_url"], None) as nobody:
            models = nobody.models.list(limit=5).result
            count = nobody.models.count().data
            model = nobody.models.get(author="simulator", slug="echo").data
            endpoints = nobody.endpoints.list(author="simulator", slug="echo").data
            zdr = nobody.endpoints.list_zdr_endpoints().data
            providers = nobody.providers.list().data

        assert (len(models.data), models.total_count) == (5, count.count)
        assert model.id == endpoints.id == "simulator/echo"
        assert {row.provider_name for row in zdr} <= {row.name for row in providers}

    @drives("listModelsUser", "listEmbeddingsModels")
    def test_of_a_key(self, live_stack: LiveStack, recorder: Recorder, key: Any):
        with recorder.client(live_stack.demo["base_url"], key.key) as own:
            models = own.models.list_for_user(
                security=operations.ListModelsUserSecurity(bearer=key.key)
            ).result
            embedders = own.embeddings.list_models().result

        assert "simulator/echo" in {row.id for row in models.data}
        assert "simulator/embed" in {row.id for row in embedders.data}


class TestTheTableOfOperations:
    def test_leaves_none_of_the_contract_out(self):
        assert operations_of_the_contract().keys() <= CLAIMS.keys()

    def test_stands_in_the_docs(self):
        wanted = table(CLAIMS)
        written = API_PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()

        if operations_of_the_contract():
            assert written == wanted, f"put this into docs/api.md:\n{wanted}"
