"""Object permissions repeat what memberships and seats say, whichever way those change."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from guardian.models import UserObjectPermission

from accounts import organizations, people
from accounts.models import Membership
from accounts.object_permissions import compare_all
from accounts.revisions import Actor
from config.lib.scoping import tenant
from workspaces import members, workspaces
from workspaces.models import WorkspaceMember

pytestmark = pytest.mark.django_db

BY = Actor(door="shell")


def held(user):
    rows = UserObjectPermission.objects.filter(user=user).order_by("pk")
    return {(row.permission.codename, int(row.object_pk)) for row in rows}


@pytest.fixture(autouse=True)
def _nothing_differs_in_the_end(db):
    yield
    assert not compare_all()


class TestAnAdministrator:
    def test_holds_his_organization_from_its_founding_on(self, acme):
        assert held(acme.alice.user) == {("administer_organization", acme.organization.pk)}

    def test_is_made_by_a_change_of_role(self, acme):
        with tenant(acme.organization.pk):
            organizations.change_role(membership=acme.bob, role=Membership.ADMIN, by=BY)

        assert held(acme.bob.user) == {("administer_organization", acme.organization.pk)}

    def test_loses_it_with_the_role(self, acme):
        with tenant(acme.organization.pk):
            organizations.change_role(membership=acme.bob, role=Membership.ADMIN, by=BY)
            organizations.change_role(membership=acme.bob, role=Membership.MEMBER, by=BY)

        assert held(acme.bob.user) == set()

    def test_loses_it_with_the_membership(self, acme):
        with tenant(acme.organization.pk):
            organizations.change_role(membership=acme.bob, role=Membership.ADMIN, by=BY)
            organizations.remove_member(membership=acme.alice, by=BY)

        assert held(acme.alice.user) == set()

    def test_keeps_what_he_holds_elsewhere(self, acme, globex):
        with tenant(globex.organization.pk):
            organizations.add_member(
                organization=globex.organization, user=acme.alice.user, role="admin", by=BY
            )
            membership = Membership.objects.get(user=acme.alice.user)
            organizations.change_role(membership=membership, role=Membership.MEMBER, by=BY)

        assert held(acme.alice.user) == {("administer_organization", acme.organization.pk)}

    def test_holds_nothing_while_he_is_deactivated(self, acme):
        people.change(user=acme.alice.user, is_active=False, by=BY)

        assert held(acme.alice.user) == set()


class TestAPlainMember:
    def test_holds_nothing(self, acme):
        assert held(acme.bob.user) == set()


class TestAWorkspaceAdministrator:
    @pytest.fixture
    def seat(self, acme):
        with tenant(acme.organization.pk):
            members.remove(workspace=acme.research, membership=acme.bob, by=BY)
            seat = members.add(workspace=acme.research, membership=acme.bob, by=BY)
            # What the mapping of an identity provider will do.
            WorkspaceMember.objects.for_workspace(acme.research).filter(pk=seat.pk).update(role="admin")
            members.derive([acme.bob.user_id])
        return seat

    def test_holds_the_workspace(self, acme, seat):
        assert held(acme.bob.user) == {("administer_workspace", acme.research.pk)}

    def test_loses_it_with_the_seat(self, acme, seat):
        with tenant(acme.organization.pk):
            members.remove(workspace=acme.research, membership=acme.bob, by=BY)

        assert held(acme.bob.user) == set()

    def test_loses_it_with_the_organization(self, acme, seat):
        with tenant(acme.organization.pk):
            organizations.remove_member(membership=acme.bob, by=BY)

        assert held(acme.bob.user) == set()

    def test_loses_it_with_the_workspace(self, acme, seat):
        with tenant(acme.organization.pk):
            empty = workspaces.create(organization=acme.organization, name="Empty", slug="empty", by=BY)
            other = members.add(workspace=empty, membership=acme.bob, by=BY)
            WorkspaceMember.objects.for_workspace(empty).filter(pk=other.pk).update(role="admin")
            members.derive([acme.bob.user_id])
            workspaces.delete(workspace=empty, by=BY)

        assert held(acme.bob.user) == {("administer_workspace", acme.research.pk)}


class TestCheckPermissions:
    @pytest.fixture
    def _tampered(self, acme, globex):
        permission = Permission.objects.get(codename="administer_organization")
        UserObjectPermission.objects.filter(user=acme.alice.user).delete()
        UserObjectPermission.objects.create(
            user=acme.bob.user,
            permission=permission,
            content_type=permission.content_type,
            object_pk=str(globex.organization.pk),
            content_object=globex.organization,
        )
        yield
        call_command("check_permissions", "--repair")

    def test_is_content_with_what_domain_functions_wrote(self, cast, capsys):
        call_command("check_permissions")

        assert "All object permissions are what memberships say." in capsys.readouterr().out

    @pytest.mark.usefixtures("_tampered")
    def test_names_every_difference_and_fails(self, acme, globex, capsys):
        with pytest.raises(SystemExit) as stop:
            call_command("check_permissions")

        assert stop.value.code == 1
        printed = capsys.readouterr().out
        name = "accounts.administer_organization"
        assert f"missing: user {acme.alice.user_id} {name} on {acme.organization.pk}" in printed
        assert f"unexpected: user {acme.bob.user_id} {name} on {globex.organization.pk}" in printed

    @pytest.mark.usefixtures("_tampered")
    def test_repairs_when_told_to(self, acme):
        call_command("check_permissions", "--repair")

        assert held(acme.alice.user) == {("administer_organization", acme.organization.pk)}
        assert held(acme.bob.user) == set()
