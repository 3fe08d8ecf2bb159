"""A key's policy is compiled from one snapshot of the database: who, which purses, which versions, and why not."""

from __future__ import annotations

import gc
import json
from datetime import timedelta

import psycopg
import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import privacy
from accounts.credits import deposit
from accounts.management_keys import revoke as revoke_management_key
from accounts.models import LedgerEntry
from accounts.organizations import remove_member
from accounts.revisions import Change, record, snapshot
from config.lib.keys import hash_of
from config.lib.money import NANO_PER_USD
from config.lib.scoping import tenant
from config.lib.subjects import (
    api_key_subject,
    member_subject,
    organization_subject,
    workspace_member_subject,
    workspace_subject,
)
from routing import guardrail_settings, plugin_settings, presets, routing_defaults
from routing.guardrail_assignments import assign_keys, assign_members
from routing.models import Guardrail
from routing.policies import load_policy, read_versions
from routing.policy import PluginDefault, RateLimits
from routing.preset_config import Content
from tests.cast import STAGE, Acme
from workspaces import api_keys, workspaces
from workspaces.budgets import set_budget
from workspaces.models import WorkspaceMember
from workspaces.rotation import rotate

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def policy_of(issued):
    found = load_policy(hash_of(issued.secret))
    assert found is not None
    return found


class TestWhoAsks:
    def test_is_the_key_its_workspace_its_organization_and_its_owner(self, acme: Acme):
        key = acme.bob_key.key

        principal = policy_of(acme.bob_key).principal

        assert (principal.kind, principal.api_key_id, principal.workspace_id) == (
            "api_key",
            key.pk,
            acme.production.pk,
        )
        assert (principal.organization_id, principal.member_id) == (acme.organization.pk, acme.bob.pk)

    def test_counts_on_everyone_who_can_have_a_limit(self, acme: Acme):
        key, bob, production = acme.bob_key.key, acme.bob, acme.production

        assert policy_of(acme.bob_key).subjects == (
            organization_subject(acme.organization.pk),
            workspace_subject(production.pk),
            api_key_subject(key.pk),
            member_subject(bob.pk),
            workspace_member_subject(production.pk, bob.pk),
        )
        assert len(policy_of(acme.production_key).subjects) == 3

    def test_is_nobody_for_a_hash_that_no_key_has(self, acme: Acme):
        assert load_policy("0" * 64) is None
        assert load_policy(hash_of(acme.bob_key.key.hash)) is None

    def test_is_the_same_key_with_either_secret_and_says_which(self, acme: Acme):
        assert policy_of(acme.bob_key).principal.secret is None
        with tenant(acme.organization.pk):
            second = rotate(key=acme.bob_key.key, by=STAGE, grace_seconds=60)

        old, new = policy_of(acme.bob_key), policy_of(second)

        assert (old.principal.secret, new.principal.secret) == (1, 2)
        assert (old.principal.api_key_id, old.subjects, old.purses) == (
            new.principal.api_key_id,
            new.subjects,
            new.purses,
        )
        assert old.versions == new.versions

    def test_is_let_in_with_the_old_secret_until_its_grace_or_the_key_ends(self, acme: Acme):
        soon, late = timezone.now() + timedelta(seconds=30), timezone.now() + timedelta(days=9)
        with tenant(acme.organization.pk):
            second = rotate(key=acme.bob_key.key, by=STAGE, grace_seconds=60)
        grace = policy_of(acme.bob_key).expires_at

        for end, expected in ((soon, soon), (late, grace)):
            with tenant(acme.organization.pk):
                api_keys.change(key=second.key, by=STAGE, expires_at=end)
            assert policy_of(acme.bob_key).expires_at == expected
            assert policy_of(second).expires_at == end

    def test_may_be_a_management_key(self, acme: Acme):
        policy = policy_of(acme.management_key)

        assert (policy.principal.kind, policy.principal.organization_id) == (
            "management_key",
            acme.organization.pk,
        )
        assert (policy.purses, policy.refusal) == ((), None)


class TestPurses:
    def test_are_credits_and_every_limit_of_the_principals(self, acme: Acme):
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.bob_key.key, by=STAGE, limit_nano=5 * NANO_PER_USD, limit_interval="m")
            set_budget(workspace=acme.production, interval="d", limit_nano=7, by=STAGE, is_byok_included=True)
            workspaces.change(workspace=acme.production, by=STAGE, is_strict=True)
            deposit(
                organization=acme.organization,
                kind=LedgerEntry.PURCHASE,
                amount_nano=9,
                description="",
                by=STAGE,
            )

        purses = {purse.layer: purse for purse in policy_of(acme.bob_key).purses}

        assert set(purses) == {"credits", "key", "workspace"}
        assert (purses["credits"].interval, purses["credits"].limit_nano) == ("t", 9)
        assert (purses["key"].interval, purses["key"].limit_nano, purses["key"].counts_byok) == (
            "m",
            5 * NANO_PER_USD,
            False,
        )
        assert (purses["workspace"].interval, purses["workspace"].limit_nano) == ("d", 7)
        assert (purses["workspace"].is_strict, purses["workspace"].counts_byok) == (True, True)

    def test_that_only_count_are_left_out(self, acme: Acme):
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.bob_key.key, by=STAGE, limit_nano=5)
            api_keys.change(key=acme.bob_key.key, by=STAGE, limit_nano=None)

        assert [purse.layer for purse in policy_of(acme.bob_key).purses] == ["credits"]

    def test_of_others_are_never_among_them(self, acme: Acme):
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.carol_key.key, by=STAGE, limit_nano=5)

        assert [purse.layer for purse in policy_of(acme.bob_key).purses] == ["credits"]


class TestSettings:
    def test_of_key_and_workspace_are_carried(self, acme: Acme):
        tomorrow = timezone.now() + timedelta(days=1)
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.bob_key.key, by=STAGE, expires_at=tomorrow, requests_per_minute=7)
            workspaces.change(
                workspace=acme.production, by=STAGE, default_text_model="a/b", default_provider_sort="latency"
            )

        policy = policy_of(acme.bob_key)

        assert (policy.expires_at, policy.key_rates) == (tomorrow, RateLimits(requests_per_minute=7))
        assert (policy.default_text_model, policy.routing.preferences.sort) == ("a/b", "latency")


class TestPresets:
    @pytest.fixture
    def saved(self, acme: Acme):
        content = Content({"model": "a/b", "seed": 7}, "Be brief.")
        with tenant(acme.organization.pk):
            return presets.save_version(workspace=acme.production, slug="brief", content=content, by=STAGE)

    def test_are_carried_with_their_designated_version(self, acme: Acme, saved):
        entry = policy_of(acme.bob_key).presets["brief"]

        assert (entry.public_id, entry.status) == (str(saved.public_id), "active")
        assert (entry.content.number, entry.content.system_prompt) == (1, "Be brief.")
        assert json.loads(entry.content.config_text) == {"model": "a/b", "seed": 7}

    def test_of_other_workspaces_and_deleted_ones_are_not(self, acme: Acme, saved):
        assert policy_of(acme.carol_key).presets == {}
        with tenant(acme.organization.pk):
            presets.delete(preset=saved, by=STAGE)
        assert policy_of(acme.bob_key).presets == {}

    def test_that_may_not_be_used_are_named_without_content(self, acme: Acme, saved):
        with tenant(acme.organization.pk):
            presets.change(preset=saved, by=STAGE, status="disabled")

        entry = policy_of(acme.bob_key).presets["brief"]
        assert (entry.status, entry.content) == ("disabled", None)

    def test_are_shared_by_the_keys_of_a_workspace(self, acme: Acme, saved):
        one, other = policy_of(acme.bob_key), policy_of(acme.production_key)

        assert one.presets["brief"].content is other.presets["brief"].content

    def test_are_read_once_and_not_kept_for_nobody(self, acme: Acme, saved):
        def reads() -> int:
            with CaptureQueriesContext(connections["owner"]) as captured:
                policies.append(policy_of(acme.bob_key))
            return sum("config_text" in query["sql"] for query in captured)

        policies = []
        assert [reads(), reads()] == [1, 0]
        policies.clear()
        gc.collect()
        assert reads() == 1


class TestRefusalReasons:
    def test_there_is_none_for_a_live_key(self, acme: Acme):
        live = (acme.alice_key, acme.bob_key, acme.carol_key, acme.default_key, acme.production_key)

        assert {policy_of(issued).refusal for issued in live} == {None}

    def test_a_disabled_key(self, acme: Acme):
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.bob_key.key, by=STAGE, is_disabled=True)

        assert policy_of(acme.bob_key).refusal == "disabled"

    def test_a_deleted_key(self, acme: Acme):
        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)

        assert policy_of(acme.bob_key).refusal == "deleted"

    def test_an_owner_who_left_the_organization(self, acme: Acme):
        with tenant(acme.organization.pk):
            remove_member(membership=acme.bob, by=STAGE)

        assert policy_of(acme.bob_key).refusal is not None
        assert policy_of(acme.production_key).refusal is None

    def test_an_owner_who_is_not_in_the_keys_workspace(self, acme: Acme):
        with tenant(acme.organization.pk):
            seat = WorkspaceMember.objects.for_workspace(acme.production).get(membership=acme.bob)
            change = Change(
                "delete", seat, snapshot(seat), None, (), acme.organization.pk, acme.production.pk
            )
            record(change, by=STAGE)
            seat.delete()

        assert policy_of(acme.bob_key).refusal == "owner_left"

    def test_an_owner_whose_account_was_closed(self, acme: Acme):
        acme.bob.user.is_active = False
        acme.bob.user.save(update_fields=["is_active"])

        assert policy_of(acme.bob_key).refusal == "owner_left"

    def test_an_administrator_is_in_every_workspace_without_being_listed(self, acme: Acme):
        with tenant(acme.organization.pk):
            issued = api_keys.issue(
                workspace=acme.research, name="alice's second", owner=acme.alice, by=STAGE
            )

        assert policy_of(issued).refusal is None

    def test_a_revoked_management_key(self, acme: Acme):
        with tenant(acme.organization.pk):
            revoke_management_key(key=acme.management_key.key, by=STAGE)

        assert policy_of(acme.management_key).refusal == "deleted"


class TestVersions:
    def test_are_those_of_every_scope_that_the_policy_was_made_from(self, acme: Acme):
        policy = policy_of(acme.bob_key)

        scopes = {(version.kind, version.object_id): version.value for version in policy.versions}
        assert scopes == read_versions(list(scopes))
        assert set(scopes) == {
            ("key", acme.bob_key.key.pk),
            ("workspace", acme.production.pk),
            ("organization", acme.organization.pk),
            ("user", acme.bob.user_id),
        }

    def test_move_on_with_a_change(self, acme: Acme):
        scope = ("key", acme.bob_key.key.pk)
        before = read_versions([scope])[scope]

        with tenant(acme.organization.pk):
            api_keys.change(key=acme.bob_key.key, by=STAGE, name="renamed")

        assert read_versions([scope])[scope] == before + 1

    def test_are_zero_of_what_was_never_changed(self, acme: Acme):
        assert read_versions([("workspace", 999_999)]) == {("workspace", 999_999): 0}
        assert read_versions([]) == {}

    def test_are_read_in_the_same_snapshot_as_the_settings(self, acme: Acme):
        """Every policy that is compiled while the key is changed again and again matches its own version."""
        key = acme.bob_key.key
        seen = {}
        for number in range(1, 6):
            with tenant(acme.organization.pk):
                api_keys.change(key=key, by=STAGE, requests_per_minute=number)
            policy = policy_of(acme.bob_key)
            version = next(version.value for version in policy.versions if version.kind == "key")
            seen[version] = policy.key_rates.requests_per_minute

        first = min(seen)
        assert seen == {first + number: number + 1 for number in range(5)}


class TestGuardrails:
    def test_are_the_accounts_the_workspaces_the_members_and_the_keys_in_this_order(self, acme: Acme):
        with tenant(acme.organization.pk):
            privacy.change(organization=acme.organization, by=STAGE, enforce_zdr_openai=True)
            default = guardrail_settings.change(
                guardrail=Guardrail.default_of(acme.production), by=STAGE, ignored_providers=["azure"]
            )
            members, keys = (
                guardrail_settings.create(workspace=acme.default, name=name, by=STAGE, allowed_models=["a/b"])
                for name in ("members", "keys")
            )
            assign_members(guardrail=members, memberships=[acme.bob], by=STAGE)
            assign_keys(guardrail=keys, keys=[acme.bob_key.key], by=STAGE)

        rules = policy_of(acme.bob_key).rules

        assert [(layer.layer.scope, layer.layer.guardrail_id) for layer in rules.layers] == [
            ("account", None),
            ("workspace", str(default.public_id)),
            ("member", str(members.public_id)),
            ("api-key", str(keys.public_id)),
        ]
        assert (rules.zdr_groups, rules.narrows) == ({"openai"}, True)

    def test_of_other_keys_members_and_workspaces_are_none_of_it(self, acme: Acme):
        with tenant(acme.organization.pk):
            guardrail_settings.change(
                guardrail=Guardrail.default_of(acme.production), by=STAGE, ignored_providers=["azure"]
            )
            own = guardrail_settings.create(workspace=acme.default, name="bob's", by=STAGE)
            assign_members(guardrail=own, memberships=[acme.bob], by=STAGE)

        assert policy_of(acme.default_key).rules.layers == ()

    def test_leave_the_active_phrases_of_the_allowlist_alone(self, acme: Acme):
        phrases = [{"phrase": "yes", "is_active": True}, {"phrase": "no", "is_active": False}]
        with tenant(acme.organization.pk):
            privacy.change(organization=acme.organization, by=STAGE, prompt_injection_allowlist=phrases)

        assert policy_of(acme.bob_key).allowlist == ("yes",)


class TestDefaults:
    def test_of_routing_and_plugins_are_the_workspaces(self, acme: Acme):
        with tenant(acme.organization.pk):
            routing_defaults.change(
                workspace=acme.production, by=STAGE, ignore=["azure"], zdr=True, is_stickiness_enabled=False
            )
            config = {"engine": "native", "max_results": 3}
            plugin_settings.change(
                workspace=acme.production, plugin="web", by=STAGE, is_enabled=True, config=config
            )

        policy = policy_of(acme.bob_key)

        assert (policy.routing.preferences.ignore, policy.routing.preferences.zdr) == (("azure",), True)
        assert (policy.routing.is_auto_exacto_enabled, policy.routing.is_stickiness_enabled) == (True, False)
        assert policy.plugins == {"web": PluginDefault(True, False, config)}
        assert policy_of(acme.default_key).plugins == {}


class TestTheSnapshot:
    def test_writes_nothing_and_leaves_the_connection_free(self, acme: Acme):
        policy_of(acme.bob_key)

        assert not connections["owner"].in_atomic_block
        assert connections["owner"].connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE

    def test_costs_few_queries(self, acme: Acme, django_assert_max_num_queries):
        with django_assert_max_num_queries(20, connection=connections["owner"]):
            policy_of(acme.bob_key)
