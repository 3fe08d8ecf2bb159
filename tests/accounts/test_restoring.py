"""Rolling settings back: through the domain functions, so that today's rules hold for yesterday's settings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts import management_keys, organizations, privacy
from accounts.models import Membership, Organization, Revision
from accounts.restoring import CannotRestore, restorers
from accounts.revisions import Actor
from accounts.rolling_back import ChangedSince, Side, roll_back
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme
from workspaces import api_keys, budgets, members, workspaces
from workspaces.models import ApiKey, Purse, WorkspaceBudget, WorkspaceMember

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def inside(acme: Acme) -> Iterator[None]:
    """Everything here happens in acme's scope."""
    with tenant(acme.organization.pk):
        yield


def newest(object_type: str) -> Revision:
    """The newest revision of this kind of object."""
    found: Revision = Revision.objects.filter(object_type=object_type).latest("pk")
    return found


def rolled_back(object_type: str, to: Side = "before", **options: Any) -> Revision:
    """Roll the newest revision of this kind back."""
    return roll_back(revision=newest(object_type), to=to, by=Actor(door="shell"), **options)


def again(row: Any) -> Any:
    """The object as it is stored."""
    return type(row).objects.get(pk=row.pk)


class TestRollingBack:
    def test_is_a_revision_that_names_the_one_it_restores(self, acme: Acme) -> None:
        workspaces.change(workspace=acme.production, by=STAGE, name="Live")
        changed = newest("workspace")

        made = rolled_back("workspace", reason="it was a mistake")

        assert made.reason == f"restores revision {changed.pk}: it was a mistake"
        assert (made.restores, made.action) == (changed.pk, "update")
        assert (made.before["name"], made.after["name"]) == ("Live", "Production")
        assert made.versions

    def test_can_bring_back_what_a_revision_made_of_the_object(self, acme: Acme) -> None:
        workspaces.change(workspace=acme.production, by=STAGE, name="Live")
        live = newest("workspace")
        workspaces.change(workspace=acme.production, by=STAGE, name="Dead")

        roll_back(revision=live, to="after", by=STAGE)

        assert again(acme.production).name == "Live"

    def test_is_refused_when_nothing_would_change(self, acme: Acme) -> None:
        workspaces.change(workspace=acme.production, by=STAGE, name="Live")

        with pytest.raises(CannotRestore, match="already"):
            rolled_back("workspace", to="after")

    def test_can_ask_that_nothing_was_changed_since(self, acme: Acme) -> None:
        workspaces.change(workspace=acme.production, by=STAGE, name="Live")
        live = newest("workspace")
        workspaces.change(workspace=acme.production, by=STAGE, description="new")

        with pytest.raises(ChangedSince, match=str(live.pk)):
            roll_back(revision=live, to="before", by=STAGE, is_newest_required=True)

        assert again(acme.production).name == "Live"

    def test_of_the_newest_revision_passes_that_question(self, acme: Acme) -> None:
        workspaces.change(workspace=acme.production, by=STAGE, name="Live")

        rolled_back("workspace", is_newest_required=True)

        assert again(acme.production).name == "Production"

    def test_leaves_nothing_behind_when_it_is_refused(self, acme: Acme) -> None:
        workspaces.change(workspace=acme.production, by=STAGE, slug="live")
        workspaces.create(organization=acme.organization, name="New", slug="production", by=STAGE)
        count = Revision.objects.count()
        revision = Revision.objects.filter(object_type="workspace", object_id=str(acme.production.pk)).latest(
            "pk"
        )

        with pytest.raises(CannotRestore, match="slug"):
            roll_back(revision=revision, to="before", by=STAGE)

        assert Revision.objects.count() == count

    def test_is_known_for_every_kind_that_a_tenants_revisions_are_about(self) -> None:
        kinds = set(Revision.objects.values_list("object_type", flat=True))

        assert kinds <= set(restorers.keys)


class TestAWorkspace:
    def test_takes_all_its_settings_back(self, acme: Acme) -> None:
        workspaces.change(workspace=acme.production, by=STAGE, is_strict=True, disabled_server_tools=["web"])

        rolled_back("workspace")

        restored = again(acme.production)
        assert (restored.is_strict, restored.disabled_server_tools) == (False, None)

    def test_counts_byok_as_it_did(self, acme: Acme) -> None:
        production = acme.production
        budgets.set_budget(workspace=production, interval="d", limit_nano=5, by=STAGE, is_byok_included=True)

        rolled_back("workspace")

        assert again(acme.production).is_byok_in_budgets is False
        assert Purse.objects.filter(interval="d", limit_nano=5).exists()

    def test_logs_no_content_again_once_the_account_forbids_it(self, acme: Acme) -> None:
        workspaces.change(workspace=acme.production, by=STAGE, is_io_logging_enabled=True)
        workspaces.change(workspace=acme.production, by=STAGE, is_io_logging_enabled=False)
        privacy.change(organization=acme.organization, by=STAGE, is_io_logging_allowed=False)

        with pytest.raises(CannotRestore, match="do not allow I/O logging"):
            rolled_back("workspace")

        assert not again(acme.production).is_io_logging_enabled

    def test_whose_beginning_is_rolled_back_is_deleted(self, acme: Acme) -> None:
        made = workspaces.create(organization=acme.organization, name="New", slug="new", by=STAGE)

        rolled_back("workspace")

        assert again(made).deleted_at is not None

    def test_is_not_deleted_that_way_while_it_has_keys(self, acme: Acme) -> None:
        beginning = Revision.objects.get(
            object_type="workspace", object_id=str(acme.production.pk), action="create"
        )

        with pytest.raises(CannotRestore, match="active API keys"):
            roll_back(revision=beginning, to="before", by=STAGE)

    def test_that_was_deleted_stays_deleted(self, acme: Acme) -> None:
        made = workspaces.create(organization=acme.organization, name="New", slug="new", by=STAGE)
        workspaces.delete(workspace=made, by=STAGE)

        with pytest.raises(CannotRestore, match="guardrails"):
            rolled_back("workspace")


class TestASeat:
    def test_is_taken_again(self, acme: Acme) -> None:
        members.add(workspace=acme.research, membership=acme.bob, by=STAGE)
        members.remove(workspace=acme.research, membership=acme.bob, by=STAGE)

        rolled_back("workspacemember")

        assert members.is_member(acme.bob, acme.research)

    def test_is_given_up_again(self, acme: Acme) -> None:
        members.add(workspace=acme.research, membership=acme.bob, by=STAGE)

        rolled_back("workspacemember")

        assert not members.is_member(acme.bob, acme.research)

    def test_is_kept_by_whoever_owns_keys_there(self, acme: Acme) -> None:
        seat = WorkspaceMember.objects.get(membership=acme.bob)
        beginning = Revision.objects.get(object_type="workspacemember", object_id=str(seat.pk))

        with pytest.raises(CannotRestore, match="owns active API keys"):
            roll_back(revision=beginning, to="before", by=STAGE)

    def test_is_not_taken_by_whoever_left_the_organization(self, acme: Acme) -> None:
        members.add(workspace=acme.research, membership=acme.bob, by=STAGE)
        members.remove(workspace=acme.research, membership=acme.bob, by=STAGE)
        organizations.remove_member(membership=acme.bob, by=STAGE)

        with pytest.raises(CannotRestore, match="no member of the organization"):
            rolled_back("workspacemember")


class TestABudget:
    def test_that_was_deleted_comes_back(self, acme: Acme) -> None:
        budgets.set_budget(workspace=acme.production, interval="d", limit_nano=5, by=STAGE)
        budgets.delete_budget(workspace=acme.production, interval="d", by=STAGE)

        rolled_back("workspacebudget")

        assert WorkspaceBudget.objects.get().limit_nano == 5
        assert Purse.objects.get(interval="d", limit_nano__isnull=False).limit_nano == 5

    def test_takes_its_limit_back(self, acme: Acme) -> None:
        budgets.set_budget(workspace=acme.production, interval="d", limit_nano=5, by=STAGE)
        budgets.set_budget(workspace=acme.production, interval="d", limit_nano=6, by=STAGE)

        rolled_back("workspacebudget")

        assert WorkspaceBudget.objects.get().limit_nano == 5

    def test_whose_beginning_is_rolled_back_is_deleted(self, acme: Acme) -> None:
        budgets.set_budget(workspace=acme.production, interval="d", limit_nano=5, by=STAGE)

        rolled_back("workspacebudget")

        assert not WorkspaceBudget.objects.exists()

    def test_keeps_to_the_order_of_todays_budgets(self, acme: Acme) -> None:
        budgets.set_budget(workspace=acme.production, interval="d", limit_nano=50, by=STAGE)
        budgets.set_budget(workspace=acme.production, interval="d", limit_nano=5, by=STAGE)
        shrunk = newest("workspacebudget")
        budgets.set_budget(workspace=acme.production, interval="w", limit_nano=20, by=STAGE)

        with pytest.raises(CannotRestore, match="must be larger"):
            roll_back(revision=shrunk, to="before", by=STAGE)

    def test_is_not_set_in_a_workspace_that_is_gone(self, acme: Acme) -> None:
        made = workspaces.create(organization=acme.organization, name="New", slug="new", by=STAGE)
        budgets.set_budget(workspace=made, interval="d", limit_nano=5, by=STAGE)
        workspaces.delete(workspace=made, by=STAGE)

        with pytest.raises(CannotRestore, match="workspace was deleted"):
            rolled_back("workspacebudget")


class TestAKey:
    def test_takes_its_settings_back(self, acme: Acme) -> None:
        later = datetime(2030, 1, 1, tzinfo=UTC)
        api_keys.change(key=acme.bob_key.key, by=STAGE, expires_at=later)
        api_keys.change(key=acme.bob_key.key, by=STAGE, expires_at=None, limit_nano=5, name="x")

        rolled_back("apikey")

        key = again(acme.bob_key.key)
        assert (key.expires_at, key.limit_nano, key.name) == (later, None, "bob's key")

    def test_moves_back(self, acme: Acme) -> None:
        api_keys.change(key=acme.production_key.key, by=STAGE, workspace=acme.research)

        rolled_back("apikey")

        assert again(acme.production_key.key).workspace_id == acme.production.pk

    def test_is_not_given_to_an_owner_who_left_its_workspace(self, acme: Acme) -> None:
        api_keys.change(key=acme.bob_key.key, by=STAGE, owner=None)
        given_up = newest("apikey")
        members.remove(workspace=acme.production, membership=acme.bob, by=STAGE)

        with pytest.raises(CannotRestore, match="not a member of this workspace"):
            roll_back(revision=given_up, to="before", by=STAGE)

    def test_that_was_disabled_since_is_not_enabled_by_the_way(self, acme: Acme) -> None:
        api_keys.change(key=acme.bob_key.key, by=STAGE, name="x")
        renamed = newest("apikey")
        api_keys.change(key=acme.bob_key.key, by=STAGE, is_disabled=True)

        with pytest.raises(CannotRestore, match="disabled since"):
            roll_back(revision=renamed, to="before", by=STAGE)

        assert again(acme.bob_key.key).is_disabled

    def test_that_was_disabled_since_is_not_enabled_by_going_back_to_its_beginning(self, acme: Acme) -> None:
        rows = Revision.objects.filter(object_type="apikey", object_id=str(acme.bob_key.key.pk))
        issued = rows.get(action="create")
        api_keys.change(key=acme.bob_key.key, by=STAGE, is_disabled=True)

        with pytest.raises(CannotRestore, match="disabled since"):
            roll_back(revision=issued, to="after", by=STAGE)

        assert again(acme.bob_key.key).is_disabled

    def test_is_enabled_by_rolling_back_that_it_was_disabled(self, acme: Acme) -> None:
        api_keys.change(key=acme.bob_key.key, by=STAGE, is_disabled=True)

        rolled_back("apikey")

        assert not again(acme.bob_key.key).is_disabled

    def test_that_was_deleted_stays_deleted(self, acme: Acme) -> None:
        api_keys.delete(key=acme.bob_key.key, by=STAGE)

        with pytest.raises(CannotRestore, match="stays deleted"):
            rolled_back("apikey")

        assert again(acme.bob_key.key).deleted_at is not None

    def test_whose_issue_is_rolled_back_is_deleted(self, acme: Acme) -> None:
        issued = api_keys.issue(workspace=acme.production, name="new", by=STAGE)

        rolled_back("apikey")

        assert not ApiKey.objects.active().filter(pk=issued.key.pk).exists()


class TestAMembership:
    def test_takes_its_role_back(self, acme: Acme) -> None:
        organizations.change_role(membership=acme.bob, role=Membership.ADMIN, by=STAGE)

        rolled_back("membership")

        assert again(acme.bob).role == Membership.MEMBER

    def test_keeps_the_last_administrator(self, acme: Acme) -> None:
        organizations.change_role(membership=acme.bob, role=Membership.ADMIN, by=STAGE)
        risen = newest("membership")
        organizations.change_role(membership=acme.alice, role=Membership.MEMBER, by=STAGE)

        with pytest.raises(CannotRestore, match="at least one administrator"):
            roll_back(revision=risen, to="before", by=STAGE)

        assert again(acme.bob).role == Membership.ADMIN

    def test_lets_nobody_in_again(self, acme: Acme) -> None:
        organizations.remove_member(membership=acme.bob, by=STAGE)

        with pytest.raises(CannotRestore, match="lets nobody in"):
            rolled_back("membership")

    def test_shows_nobody_out(self, acme: Acme) -> None:
        with pytest.raises(CannotRestore, match="takes nobody out"):
            rolled_back("membership")


class TestAnOrganization:
    def test_takes_its_name_and_slug_back(self, acme: Acme) -> None:
        organizations.rename(organization=acme.organization, by=STAGE, name="Other", slug="other")

        rolled_back("organization")

        stored: Organization = Organization.objects.get()
        assert (stored.name, stored.slug) == ("Acme", "acme")

    def test_takes_no_slug_that_another_has_now(self, acme: Acme) -> None:
        organizations.rename(organization=acme.organization, by=STAGE, name="Other", slug="other")
        organizations.found(name="Acme", slug="acme", kind="team", administrator=acme.bob.user, by=STAGE)
        renamed = Revision.objects.get(object_type="organization", action="update")

        with pytest.raises(CannotRestore, match="slug"):
            roll_back(revision=renamed, to="before", by=STAGE)

    def test_is_not_deleted(self, acme: Acme) -> None:
        with pytest.raises(CannotRestore, match="not deleted"):
            rolled_back("organization")


class TestAManagementKey:
    def test_that_was_revoked_stays_revoked(self, acme: Acme) -> None:
        management_keys.revoke(key=acme.management_key.key, by=STAGE)

        with pytest.raises(CannotRestore, match="stays revoked"):
            rolled_back("managementkey")

    def test_whose_issue_is_rolled_back_is_revoked(self, acme: Acme) -> None:
        rolled_back("managementkey")

        assert again(acme.management_key.key).deleted_at is not None
