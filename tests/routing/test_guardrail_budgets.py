"""Guardrails' budgets: whose purses follow them, and what their purses say when several limits stand on one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module

import pytest

from accounts import organizations
from accounts.models import Membership, Revision
from accounts.rolling_back import roll_back
from config.lib.scoping import tenant
from config.lib.subjects import (
    api_key_subject,
    member_subject,
    workspace_member_subject,
    workspace_subject,
)
from observability.reconcile import reconcile
from routing import guardrail_assignments, guardrail_settings
from routing.models import Guardrail
from routing.policies import load_policy
from tests.cast import STAGE, Acme
from tests.observability.books import connect
from tests.workspaces.api.test_budgets import in_threads
from workspaces import api_keys, budgets, key_transfer, members, workspaces
from workspaces.models import ApiKey, Purse
from workspaces.purse_limits import follow_limits

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

DAY = {"limit_nano": 50, "limit_interval": "d"}


@pytest.fixture(autouse=True)
def in_order(acme: Acme) -> Iterator[None]:
    """In the end each purse says what the settings say."""
    yield
    assert disagreeing() == []


def disagreeing() -> list[dict[str, object]]:
    """The purses of which reconcile says that they do not follow the settings, and limits without a purse."""
    with connect() as connection:
        return next(outcome.violations for outcome in reconcile(connection) if outcome.check.code == "R12")


def said(acme: Acme, subject: int) -> dict[str, tuple[int | None, int | None, bool]]:
    """What the subject's purses are compared with: plain limit, limit with BYOK, strictness."""
    with tenant(acme.organization.pk):
        rows = Purse.objects.filter(subject=subject)
        return {row.interval: (row.limit_nano, row.limit_with_byok_nano, row.is_strict) for row in rows}


def of_key(acme: Acme, key: ApiKey) -> dict[str, tuple[int | None, int | None, bool]]:
    return said(acme, api_key_subject(key.pk))


def limit_workspace(acme: Acme, **limit: object) -> Guardrail:
    """Give production's default guardrail a budget."""
    with tenant(acme.organization.pk):
        default = Guardrail.default_of(acme.production)
        return guardrail_settings.change(guardrail=default, by=STAGE, **limit)


def make(acme: Acme, **limit: object) -> Guardrail:
    """A guardrail of the Default workspace."""
    with tenant(acme.organization.pk):
        return guardrail_settings.create(workspace=acme.default, name="Made", by=STAGE, **limit)


def change(acme: Acme, guardrail: Guardrail, **limit: object) -> None:
    with tenant(acme.organization.pk):
        guardrail_settings.change(guardrail=guardrail, by=STAGE, **limit)


def spend(acme: Acme, key: ApiKey, *, at: datetime, nano: int, byok_nano: int) -> None:
    """Usage of a key and its owner, as ingest books it."""
    with connect() as connection:
        connection.execute(
            "INSERT INTO usage_hour (organization_id, workspace_id, api_key_id, member_id, model, provider, hour,"
            " cost_nano, byok_nano) VALUES (%s, %s, %s, %s, 'm', 'p', %s, %s, %s)",
            [acme.organization.pk, key.workspace_id, key.pk, key.owner_id, at, nano, byok_nano],
        )


def assign(acme: Acme, guardrail: Guardrail, *holders: ApiKey | Membership) -> None:
    with tenant(acme.organization.pk):
        keys = [holder for holder in holders if isinstance(holder, ApiKey)]
        memberships = [holder for holder in holders if isinstance(holder, Membership)]
        if keys:
            guardrail_assignments.assign_keys(guardrail=guardrail, keys=keys, by=STAGE)
        if memberships:
            guardrail_assignments.assign_members(guardrail=guardrail, memberships=memberships, by=STAGE)


class TestTheBudgetOfAWorkspacesDefaultGuardrail:
    def test_limits_each_key_there_and_each_of_their_owners_in_the_workspace(self, acme: Acme):
        limit_workspace(acme, **DAY)

        limited = {"d": (50, None, False)}
        assert of_key(acme, acme.bob_key.key) == of_key(acme, acme.production_key.key) == limited
        assert said(acme, workspace_member_subject(acme.production.pk, acme.bob.pk)) == limited

    def test_limits_nobody_else_and_never_the_workspace_as_a_whole(self, acme: Acme):
        limit_workspace(acme, **DAY)

        others = [api_key_subject(acme.carol_key.key.pk), member_subject(acme.bob.pk)]
        others += [workspace_subject(acme.production.pk)]
        others += [workspace_member_subject(acme.production.pk, acme.carol.pk)]
        assert [said(acme, subject) for subject in others] == [{}, {}, {}, {}]

    def test_waits_for_a_key_that_is_issued_later(self, acme: Acme):
        limit_workspace(acme, **DAY)

        with tenant(acme.organization.pk):
            issued = api_keys.issue(workspace=acme.production, name="alice's", owner=acme.alice, by=STAGE)

        assert of_key(acme, issued.key) == {"d": (50, None, False)}
        seat = workspace_member_subject(acme.production.pk, acme.alice.pk)
        assert said(acme, seat) == {"d": (50, None, False)}

    def test_meets_a_key_that_is_moved_in_and_lets_go_of_one_that_is_moved_out(self, acme: Acme):
        limit_workspace(acme, **DAY)

        with tenant(acme.organization.pk):
            key_transfer.move(keys=[acme.default_key.key], workspace=acme.production, by=STAGE)
            key_transfer.move(keys=[acme.production_key.key], workspace=acme.default, by=STAGE)

        assert of_key(acme, acme.default_key.key) == {"d": (50, None, False)}
        assert of_key(acme, acme.production_key.key) == {"d": (None, None, False)}

    def test_meets_whom_a_key_is_given_to(self, acme: Acme):
        limit_workspace(acme, **DAY)

        with tenant(acme.organization.pk):
            members.add(workspace=acme.production, membership=acme.carol, by=STAGE)
            key_transfer.give(keys=[acme.production_key.key], owner=acme.carol, by=STAGE)

        seat = workspace_member_subject(acme.production.pk, acme.carol.pk)
        assert said(acme, seat) == {"d": (50, None, False)}

    def test_that_is_changed_reaches_owners_who_have_no_key_there_any_more(self, acme: Acme):
        limit_workspace(acme, **DAY)
        with tenant(acme.organization.pk):
            key_transfer.give(keys=[acme.bob_key.key], owner=None, by=STAGE)

        limit_workspace(acme, limit_nano=70)

        seat = workspace_member_subject(acme.production.pk, acme.bob.pk)
        assert said(acme, seat) == {"d": (70, None, False)}

    def test_is_strict_where_the_workspace_is(self, acme: Acme):
        limit_workspace(acme, **DAY)

        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.production, by=STAGE, is_strict=True)

        assert of_key(acme, acme.bob_key.key) == {"d": (50, None, True)}
        seat = workspace_member_subject(acme.production.pk, acme.bob.pk)
        assert said(acme, seat) == {"d": (50, None, True)}

    def test_that_is_removed_or_deleted_leaves_the_count(self, acme: Acme):
        guardrail = limit_workspace(acme, **DAY)
        limit_workspace(acme, limit_nano=None, limit_interval=None)
        after_removal = of_key(acme, acme.bob_key.key)
        limit_workspace(acme, **DAY)

        with tenant(acme.organization.pk):
            guardrail_settings.delete(guardrail=guardrail, by=STAGE)

        assert after_removal == of_key(acme, acme.bob_key.key) == {"d": (None, None, False)}

    def test_that_moves_to_another_interval_frees_the_old_one(self, acme: Acme):
        limit_workspace(acme, **DAY)

        limit_workspace(acme, limit_interval="m")

        assert of_key(acme, acme.bob_key.key) == {"d": (None, None, False), "m": (50, None, False)}

    def test_ends_with_the_workspace(self, acme: Acme):
        limit_workspace(acme, **DAY)
        with tenant(acme.organization.pk):
            key_transfer.delete(keys=[acme.bob_key.key, acme.production_key.key], by=STAGE)

            workspaces.delete(workspace=acme.production, by=STAGE)

        seat = workspace_member_subject(acme.production.pk, acme.bob.pk)
        assert said(acme, seat) == {"d": (None, None, False)}

    def test_misses_no_key_that_is_issued_at_the_same_moment(self, acme: Acme):
        def issue() -> None:
            with tenant(acme.organization.pk):
                api_keys.issue(workspace=acme.production, name="new", owner=acme.alice, by=STAGE)

        in_threads([lambda: limit_workspace(acme, **DAY), issue, issue])

        with tenant(acme.organization.pk):
            keys = list(ApiKey.objects.for_workspace(acme.production))
        assert [of_key(acme, key) for key in keys] == [{"d": (50, None, False)}] * 4


class TestTheBudgetOfAMembersGuardrail:
    def test_limits_him_in_all_workspaces_together(self, acme: Acme):
        assign(acme, make(acme, **DAY), acme.bob, acme.carol)

        assert said(acme, member_subject(acme.bob.pk)) == {"d": (50, None, False)}
        assert said(acme, member_subject(acme.carol.pk)) == {"d": (50, None, False)}
        assert of_key(acme, acme.bob_key.key) == {}

    def test_is_not_strict_in_a_strict_workspace(self, acme: Acme):
        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.production, by=STAGE, is_strict=True)

        assign(acme, make(acme, **DAY), acme.bob)

        assert said(acme, member_subject(acme.bob.pk)) == {"d": (50, None, False)}

    def test_follows_changes_and_another_guardrail_in_its_place(self, acme: Acme):
        guardrail, other = make(acme, **DAY), make(acme, limit_nano=9, limit_interval="w")
        assign(acme, guardrail, acme.bob)

        change(acme, guardrail, limit_nano=60, is_byok_in_budgets=True)
        changed = said(acme, member_subject(acme.bob.pk))
        assign(acme, other, acme.bob)

        assert changed == {"d": (None, 60, False)}
        after = {"d": (None, None, False), "w": (9, None, False)}
        assert said(acme, member_subject(acme.bob.pk)) == after

    def test_ends_when_he_is_released_or_leaves_and_is_restored_with_the_assignment(self, acme: Acme):
        guardrail = make(acme, **DAY)
        assign(acme, guardrail, acme.bob, acme.carol)

        with tenant(acme.organization.pk):
            guardrail_assignments.unassign_members(guardrail=guardrail, memberships=[acme.bob], by=STAGE)
            organizations.remove_member(membership=acme.carol, by=STAGE)
        ended = [said(acme, member_subject(who.pk)) for who in (acme.bob, acme.carol)]
        with tenant(acme.organization.pk):
            assigned = Revision.objects.filter(object_type="memberassignment", action="create")
            roll_back(revision=assigned.order_by("pk")[0], to="after", by=STAGE)

        assert ended == [{"d": (None, None, False)}] * 2
        assert said(acme, member_subject(acme.bob.pk)) == {"d": (50, None, False)}


class TestTheBudgetOfAKeysGuardrail:
    def test_limits_each_key_by_itself(self, acme: Acme):
        assign(acme, make(acme, **DAY), acme.bob_key.key, acme.carol_key.key)

        assert of_key(acme, acme.bob_key.key) == of_key(acme, acme.carol_key.key) == {"d": (50, None, False)}
        assert said(acme, member_subject(acme.bob.pk)) == {}

    def test_ends_when_the_guardrail_is_deleted_or_lets_go(self, acme: Acme):
        guardrail = make(acme, **DAY)
        assign(acme, guardrail, acme.bob_key.key, acme.carol_key.key)

        with tenant(acme.organization.pk):
            guardrail_assignments.unassign_keys(guardrail=guardrail, keys=[acme.bob_key.key], by=STAGE)
            guardrail_settings.delete(guardrail=guardrail, by=STAGE)

        freed = {"d": (None, None, False)}
        assert of_key(acme, acme.bob_key.key) == of_key(acme, acme.carol_key.key) == freed


class TestSeveralLimitsOnOnePurse:
    def test_leave_the_strictest_of_each_kind(self, acme: Acme):
        key = acme.bob_key.key
        limit_workspace(acme, limit_nano=40, limit_interval="d", is_byok_in_budgets=True)
        assign(acme, make(acme, limit_nano=60, limit_interval="d", is_byok_in_budgets=True), key)
        assign(acme, make(acme, **DAY), acme.bob)
        with tenant(acme.organization.pk):
            api_keys.change(key=key, by=STAGE, limit_nano=30, limit_interval="d")

        both = of_key(acme, key)
        with tenant(acme.organization.pk):
            api_keys.change(key=key, by=STAGE, limit_nano=None)

        assert both == {"d": (30, 40, False)}
        assert of_key(acme, key) == {"d": (None, 40, False)}

    def test_are_all_known_to_the_policy_in_the_order_in_which_they_are_checked(self, acme: Acme):
        key = acme.bob_key.key
        limit_workspace(acme, limit_nano=40, limit_interval="d", is_byok_in_budgets=True)
        assign(acme, make(acme, limit_nano=60, limit_interval="d"), key, acme.bob)
        with tenant(acme.organization.pk):
            api_keys.change(key=key, by=STAGE, limit_nano=50, limit_interval="d")
            budgets.set_budget(workspace=acme.production, interval="m", limit_nano=500, by=STAGE)

        policy = load_policy(key.hash)

        assert policy is not None
        by_layer = {purse.layer: purse for purse in policy.purses}
        on_key = by_layer["workspace_default_key"]
        assert [(limit.layer, limit.limit_nano, limit.counts_byok) for limit in on_key.each] == [
            ("workspace_default_key", 40, True),
            ("api_key", 60, False),
            ("key", 50, False),
        ]
        assert (on_key.limit_nano, on_key.counts_byok) == (40, True)
        assert by_layer.keys() == {
            *("credits", "workspace_default_member", "workspace_default_key", "member", "workspace")
        }
        assert len({purse.purse_id for purse in policy.purses}) == 5

    def test_that_are_set_at_the_same_moment_are_both_seen(self, acme: Acme):
        key, guardrail = acme.bob_key.key, make(acme, **DAY)
        assign(acme, guardrail, key)

        def limit_key() -> None:
            with tenant(acme.organization.pk):
                api_keys.change(key=key, by=STAGE, limit_nano=45, limit_interval="d")

        in_threads([limit_key, lambda: change(acme, guardrail, limit_nano=70)])

        assert of_key(acme, key) == {"d": (45, None, False)}


class TestTheCount:
    def test_of_a_budget_that_is_set_late_is_what_was_spent_in_its_window(self, acme: Acme):
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        spend(acme, acme.bob_key.key, at=hour, nano=30, byok_nano=7)
        spend(acme, acme.bob_key.key, at=hour.replace(year=hour.year - 1), nano=1000, byok_nano=0)

        limit_workspace(acme, **DAY)
        assign(acme, make(acme, **DAY), acme.bob)

        with tenant(acme.organization.pk):
            counts = {
                row.subject: (row.spent_nano, row.byok_nano) for row in Purse.objects.filter(interval="d")
            }
        assert counts[api_key_subject(acme.bob_key.key.pk)] == (30, 7)
        assert counts[member_subject(acme.bob.pk)] == (30, 7)
        assert counts[workspace_member_subject(acme.production.pk, acme.bob.pk)] == (30, 7)
        assert counts[api_key_subject(acme.production_key.key.pk)] == (0, 0)


class TestReconcile:
    @pytest.mark.parametrize(
        "damage",
        ["limit_nano = 51", "limit_with_byok_nano = 1", "is_strict = true", "interval = 'w'"],
    )
    def test_finds_a_purse_that_says_something_else(self, acme: Acme, damage: str):
        assign(acme, make(acme, **DAY), acme.bob)
        subject = member_subject(acme.bob.pk)

        with connect() as connection:
            connection.execute(f"UPDATE purse SET {damage} WHERE subject = {subject}")
        found = {violation["subject"] for violation in disagreeing()}
        with tenant(acme.organization.pk):
            follow_limits(acme.organization.pk, [subject])

        assert found == {subject}


class TestTheMigration:
    def test_gives_earlier_budgets_the_purses_that_they_would_have_now(self, acme: Acme):
        limit_workspace(acme, limit_nano=40, limit_interval="d", is_byok_in_budgets=True)
        assign(acme, make(acme, limit_nano=60, limit_interval="d"), acme.bob_key.key, acme.bob)
        spend(acme, acme.bob_key.key, at=datetime.now(UTC).replace(minute=0), nano=30, byok_nano=7)
        fill = import_module("routing.migrations.0016_fill_guardrail_purses").BUDGETS

        with connect() as connection, connection.transaction():
            connection.execute("DELETE FROM purse WHERE interval = 'd'")
            connection.execute(fill)

        with tenant(acme.organization.pk):
            purse = Purse.objects.get(subject=member_subject(acme.bob.pk))
        assert (purse.spent_nano, purse.byok_nano, purse.limit_nano) == (30, 7, 60)
        assert disagreeing() == []
