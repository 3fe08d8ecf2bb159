"""What administrators and staff change in the Django admin goes through the domain functions."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.sessions.models import Session
from django.core import mail

from accounts.models import Invitation, ManagementKey, Membership, Organization, Revision, User
from accounts.revisions import Actor
from config.lib.keys import hash_of
from config.lib.scoping import tenant, unscoped
from tests.admin_pages import errors_of, page, text_of
from workspaces import members
from workspaces.models import ApiKey, ExternalUser, Purse, Workspace, WorkspaceBudget, WorkspaceMember

pytestmark = pytest.mark.django_db

BY = Actor(door="shell")
SETTINGS = {"name": "Production", "slug": "production", "io_logging_sampling_rate": "1"}


def newest_revision(organization):
    with tenant(organization.pk):
        return Revision.objects.for_organization(organization).order_by("-pk").first()


def messages_of(client, path):
    return [str(message) for message in client.get(path).context["messages"]]


class TestIssuingAKey:
    def issue(self, client, acme, **fields):
        values = {"workspace": acme.production.pk, "name": "new", "limit_interval": "m"}
        return client.post(page(ApiKey, "add"), values | fields)

    def test_shows_the_secret_once_and_keeps_it_nowhere(self, doors, acme):
        answer = self.issue(doors["alice"], acme)

        secret = re.search(r"sk-hg-v1-[0-9a-f]{64}", text_of(answer)).group()
        with tenant(acme.organization.pk):
            key = ApiKey.objects.get(name="new")
        assert key.hash == hash_of(secret)
        assert secret not in str(answer.cookies)
        assert all(secret not in str(row.get_decoded()) for row in Session.objects.all())
        assert secret not in text_of(doors["alice"].get(page(ApiKey, "change", key.pk)))

    def test_is_recorded_with_its_door_and_address(self, doors, acme):
        self.issue(doors["alice"], acme)

        revision = newest_revision(acme.organization)
        assert (revision.door, revision.user_id, revision.address) == (
            "admin",
            acme.alice.user_id,
            "127.0.0.1",
        )

    def test_takes_the_limit_in_dollars(self, doors, acme):
        self.issue(doors["alice"], acme, limit_nano="12.5")

        with tenant(acme.organization.pk):
            key = ApiKey.objects.get(name="new")
            assert key.limit_nano == 12_500_000_000
            assert Purse.objects.filter(interval="m", limit_nano=12_500_000_000).count() == 1
        assert 'value="12.5"' in text_of(doors["alice"].get(page(ApiKey, "change", key.pk)))

    @pytest.mark.parametrize("limit", ["-1", "0.0000000001", "1e30", "NaN", "much"])
    def test_refuses_what_is_no_amount(self, doors, acme, limit):
        assert "limit_nano" in errors_of(self.issue(doors["alice"], acme, limit_nano=limit))


class TestChangingAKey:
    def test_changes_what_differs_and_keeps_the_rest(self, doors, acme):
        key = acme.production_key.key

        doors["alice"].post(
            page(ApiKey, "change", key.pk),
            {
                "workspace": acme.production.pk,
                "name": "renamed",
                "limit_interval": "t",
                "requests_per_minute": "7",
            },
        )

        revision = newest_revision(acme.organization)
        assert {name for name in revision.after if revision.after[name] != revision.before[name]} == {
            "name",
            "requests_per_minute",
            "updated_at",
        }

    def test_moving_it_away_from_its_owner_is_an_error_of_the_form(self, doors, acme):
        key = acme.bob_key.key

        answer = doors["alice"].post(
            page(ApiKey, "change", key.pk),
            {"workspace": acme.research.pk, "owner": acme.bob.pk, "name": key.name, "limit_interval": "t"},
        )

        assert "not a member of this workspace" in str(errors_of(answer)["owner"])

    def test_of_many_disables_them(self, doors, acme):
        keys = [acme.bob_key.key.pk, acme.production_key.key.pk]

        doors["alice"].post(
            page(ApiKey, "changelist"), {"action": "disable", ACTION_CHECKBOX_NAME: keys, "index": "0"}
        )

        with tenant(acme.organization.pk):
            assert set(ApiKey.objects.filter(is_disabled=True).values_list("pk", flat=True)) == set(keys)


class TestDeletingAKey:
    def test_ends_it_and_keeps_its_row(self, doors, acme):
        key = acme.production_key.key

        doors["alice"].post(page(ApiKey, "delete", key.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert ApiKey.objects.get(pk=key.pk).deleted_at is not None
        assert doors["alice"].get(page(ApiKey, "change", key.pk)).status_code == 404

    def test_of_many_asks_first(self, doors, acme):
        selected = {"action": "delete_selected", ACTION_CHECKBOX_NAME: [acme.production_key.key.pk]}

        asked = doors["alice"].post(page(ApiKey, "changelist"), selected)
        doors["alice"].post(page(ApiKey, "changelist"), selected | {"post": "yes"})

        assert "production system key" in text_of(asked)
        with tenant(acme.organization.pk):
            assert ApiKey.objects.get(pk=acme.production_key.key.pk).deleted_at is not None


class TestAWorkspace:
    def test_is_created(self, doors, acme):
        doors["alice"].post(
            page(Workspace, "add"),
            {
                "organization": acme.organization.pk,
                "name": "New",
                "slug": "new",
                "io_logging_sampling_rate": "1",
            },
        )

        with tenant(acme.organization.pk):
            assert Workspace.objects.get(slug="new").created_by_id == acme.alice.user_id

    def test_with_a_slug_that_is_taken_is_an_error_of_the_form(self, doors, acme):
        answer = doors["alice"].post(
            page(Workspace, "change", acme.production.pk), SETTINGS | {"slug": "research"}
        )

        assert "slug" in errors_of(answer)

    def test_with_active_keys_is_not_deleted(self, doors, acme):
        answer = doors["alice"].post(page(Workspace, "delete", acme.production.pk), {"post": "yes"})

        assert "production system key" in messages_of(doors["alice"], answer["Location"])[0]
        with tenant(acme.organization.pk):
            assert Workspace.objects.get(pk=acme.production.pk).deleted_at is None

    def test_among_many_that_is_refused_saves_the_others_too(self, doors, acme):
        with tenant(acme.organization.pk):
            empty = Workspace.objects.create(organization=acme.organization, name="Empty", slug="empty")

        answer = doors["alice"].post(
            page(Workspace, "changelist"),
            {
                "action": "delete_selected",
                "post": "yes",
                ACTION_CHECKBOX_NAME: [empty.pk, acme.production.pk],
            },
        )

        assert answer.status_code == 302
        with tenant(acme.organization.pk):
            assert Workspace.objects.get(pk=empty.pk).deleted_at is None

    def test_shows_what_was_recorded_of_it(self, doors, acme):
        doors["alice"].post(
            page(Workspace, "change", acme.production.pk), SETTINGS | {"description": "Where it counts"}
        )

        text = text_of(doors["alice"].get(page(Workspace, "history", acme.production.pk)))

        assert "Where it counts" in text
        assert "alice@acme.example" in text


class TestASeat:
    def test_is_taken_and_left(self, doors, acme):
        doors["alice"].post(
            page(WorkspaceMember, "add"), {"workspace": acme.research.pk, "membership": acme.bob.pk}
        )
        with tenant(acme.organization.pk):
            seat = WorkspaceMember.objects.get(workspace=acme.research, membership=acme.bob)

        doors["alice"].post(page(WorkspaceMember, "delete", seat.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert not members.is_member(acme.bob, acme.research)

    def test_in_the_default_workspace_is_an_error_of_the_form(self, doors, acme):
        answer = doors["alice"].post(
            page(WorkspaceMember, "add"), {"workspace": acme.default.pk, "membership": acme.bob.pk}
        )

        assert "Default workspace" in str(errors_of(answer)["workspace"])

    def test_of_somebody_with_keys_is_not_taken_away(self, doors, acme):
        with tenant(acme.organization.pk):
            seat = WorkspaceMember.objects.get(workspace=acme.production, membership=acme.bob)

        answer = doors["alice"].post(page(WorkspaceMember, "delete", seat.pk), {"post": "yes"})

        assert "bob's key" in messages_of(doors["alice"], answer["Location"])[0]


class TestABudget:
    def test_is_set_in_dollars(self, doors, acme):
        doors["alice"].post(
            page(WorkspaceBudget, "add"),
            {"workspace": acme.production.pk, "interval": "d", "limit_nano": "5"},
        )

        with tenant(acme.organization.pk):
            assert WorkspaceBudget.objects.get(workspace=acme.production).limit_nano == 5_000_000_000

    @pytest.mark.parametrize("limit", ["0", "-1"])
    def test_of_nothing_is_refused(self, doors, acme, limit):
        answer = doors["alice"].post(
            page(WorkspaceBudget, "add"),
            {"workspace": acme.production.pk, "interval": "d", "limit_nano": limit},
        )

        assert "limit_nano" in errors_of(answer)


class TestAMembership:
    def test_changes_its_role(self, doors, acme):
        doors["alice"].post(page(Membership, "change", acme.bob.pk), {"role": "admin"})

        assert doors["bob"].get("/admin/").status_code == 200

    def test_of_the_last_administrator_keeps_its_role(self, doors, acme):
        answer = doors["alice"].post(page(Membership, "change", acme.alice.pk), {"role": "member"})

        assert "at least one administrator" in str(errors_of(answer)["__all__"])

    def test_of_the_last_administrator_is_not_ended(self, doors, acme):
        answer = doors["alice"].post(page(Membership, "delete", acme.alice.pk), {"post": "yes"})

        assert "at least one administrator" in messages_of(doors["alice"], answer["Location"])[0]

    def test_is_ended_and_kept(self, doors, acme):
        doors["alice"].post(page(Membership, "delete", acme.carol.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert Membership.objects.get(pk=acme.carol.pk).removed_at is not None


class TestAnOrganization:
    def test_is_renamed_by_its_administrator_who_cannot_change_its_address(self, doors, acme):
        doors["alice"].post(
            page(Organization, "change", acme.organization.pk), {"name": "Acme Ltd", "slug": "elsewhere"}
        )

        with tenant(acme.organization.pk):
            organization = Organization.objects.get()
        assert (organization.name, organization.slug) == ("Acme Ltd", "acme")

    def test_is_founded_by_staff_with_an_administrator(self, doors, acme):
        doors["staff"].post(
            page(Organization, "add"),
            {"name": "Initech", "slug": "initech", "kind": "team", "administrator": acme.bob.user_id},
        )

        with unscoped(reason="the test founds an organization"):
            organization = Organization.objects.get(slug="initech")
            assert organization.workspaces.get().is_default
        assert doors["bob"].get("/admin/").status_code == 200

    def test_with_an_address_that_is_taken_is_an_error_of_the_form(self, doors, acme):
        answer = doors["staff"].post(
            page(Organization, "add"),
            {"name": "Acme", "slug": "ACME", "kind": "team", "administrator": acme.bob.user_id},
        )

        assert answer.status_code == 200
        assert errors_of(answer)


class TestAManagementKey:
    def test_is_shown_once_and_revoked(self, doors, acme):
        answer = doors["alice"].post(
            page(ManagementKey, "add"), {"organization": acme.organization.pk, "name": "robot"}
        )
        secret = re.search(r"sk-hg-mgmt-v1-[0-9a-f]{64}", text_of(answer)).group()
        with tenant(acme.organization.pk):
            key = ManagementKey.objects.get(hash=hash_of(secret))

        doors["alice"].post(page(ManagementKey, "delete", key.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert not ManagementKey.objects.live().filter(pk=key.pk).exists()


class TestARevision:
    def test_reads_as_a_difference(self, doors, acme):
        doors["alice"].post(page(Organization, "change", acme.organization.pk), {"name": "Acme Ltd"})
        revision = newest_revision(acme.organization)

        text = text_of(doors["alice"].get(page(Revision, "change", revision.pk)))

        assert re.search(r"Acme</td>\s*<td[^>]*>Acme Ltd</td>", text)

    def test_has_no_form(self, doors, acme):
        answer = doors["staff"].post(page(Revision, "change", newest_revision(acme.organization).pk), {})

        assert answer.status_code == 403


class TestAUser:
    def test_is_created_by_staff_without_a_password(self, doors):
        doors["staff"].post(page(User, "add"), {"email": "Dave@Example.com", "name": "Dave"})

        dave = User.objects.get(email="dave@example.com")
        assert not dave.has_usable_password()
        assert not dave.is_superuser

    def test_is_deactivated_by_staff(self, doors, acme):
        doors["staff"].post(
            page(User, "change", acme.alice.user_id), {"email": acme.alice.user.email, "name": "A"}
        )

        assert not User.objects.get(pk=acme.alice.user_id).is_active
        assert doors["alice"].get("/admin/").status_code == 302

    def test_of_the_staff_cannot_lock_himself_out(self, doors, staff):
        answer = doors["staff"].post(page(User, "change", staff.pk), {"email": staff.email, "name": "S"})

        assert "yourself" in str(errors_of(answer)["__all__"])

    def test_with_an_address_that_is_taken_is_an_error_of_the_form(self, doors, acme):
        answer = doors["staff"].post(page(User, "add"), {"email": "ALICE@acme.example", "name": "Again"})

        assert "email" in errors_of(answer) or "__all__" in errors_of(answer)


class TestExternalUsers:
    def test_are_registered_once_and_deactivated(self, doors, acme):
        values = {"organization": acme.organization.pk, "identifier": "customer-7"}
        doors["alice"].post(page(ExternalUser, "add"), values)
        with tenant(acme.organization.pk):
            user = ExternalUser.objects.get(identifier="customer-7")

        again = doors["alice"].post(page(ExternalUser, "add"), values)
        doors["alice"].post(page(ExternalUser, "change", user.pk), {})

        assert errors_of(again)
        with tenant(acme.organization.pk):
            assert not ExternalUser.objects.get(pk=user.pk).is_active
        assert newest_revision(acme.organization).object_type == "externaluser"

    def test_are_not_registered_for_another_organization(self, doors, acme):
        values = {"organization": acme.organization.pk, "identifier": "customer-7"}

        answer = doors["mallory"].post(page(ExternalUser, "add"), values)

        assert "organization" in errors_of(answer)


class TestAnInvitation:
    def test_is_for_a_member_unless_somebody_says_otherwise(self, doors):
        form = doors["alice"].get(page(Invitation, "add")).context["adminform"].form

        assert form["role"].value() == Membership.MEMBER

    def invite(self, client, acme, email="dora@x.example"):
        return client.post(
            page(Invitation, "add"), {"organization": acme.organization.pk, "email": email, "role": "member"}
        )

    def test_is_sent(self, doors, acme):
        self.invite(doors["alice"], acme)

        assert [message.to for message in mail.outbox] == [["dora@x.example"]]
        assert newest_revision(acme.organization).door == "admin"

    def test_of_a_member_is_an_error_of_the_form(self, doors, acme):
        answer = self.invite(doors["alice"], acme, "bob@acme.example")

        assert "a member already" in str(errors_of(answer)["email"])

    def test_into_another_organization_is_not_one_of_the_choices(self, doors, acme):
        answer = self.invite(doors["mallory"], acme)

        assert "organization" in errors_of(answer)
        assert mail.outbox == []

    def test_is_revoked(self, doors, acme):
        self.invite(doors["alice"], acme)
        with tenant(acme.organization.pk):
            invitation = Invitation.objects.get()

        doors["alice"].post(page(Invitation, "delete", invitation.pk), {"post": "yes"})

        with tenant(acme.organization.pk):
            assert Invitation.objects.get().state == "revoked"
