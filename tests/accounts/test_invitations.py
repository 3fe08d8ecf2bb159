"""Accepting invitations: once, by the person whose address was invited, into what was promised."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core import mail
from django.db import connections

from accounts.invitations import (
    AnotherPerson,
    InvitationGone,
    PersonalOrganization,
    accept,
    invite,
    resend,
    revoke,
)
from accounts.models import Invitation, Membership, Revision, User
from accounts.organizations import change_role, remove_member
from accounts.people import vouch_for_address
from accounts.personal import found_personal
from accounts.restoring import CannotRestore, Recorded, restorers
from accounts.revisions import Actor
from config.lib.scoping import tenant, unscoped
from tests.cast import STAGE, Acme, acting
from workspaces.members import is_member
from workspaces.workspaces import delete

DORA = "dora@example.com"


@pytest.fixture
def dora(db: None) -> User:
    """Somebody with an account and a proved address, who belongs nowhere."""
    dora = User.objects.create_user(DORA, None)
    vouch_for_address(dora)
    return dora


def invited(acme: Acme, email: str = DORA, **how: Any) -> Invitation:
    """Invite somebody to acme."""
    with tenant(acme.organization.pk):
        return invite(
            organization=acme.organization, email=email, by=acting(acme.alice), **{"role": "member", **how}
        )


def taken_up(invitation: Invitation, user: User) -> Membership:
    """Accept it as the person himself would."""
    return accept(invitation=invitation, user=user, by=Actor(door="dashboard", user=user))


@pytest.mark.django_db
class TestAccepting:
    def test_makes_a_member_with_the_promised_role_and_seats(self, acme: Acme, dora: User):
        invitation = invited(acme, workspaces=["production", "default"])

        membership = taken_up(invitation, dora)

        with tenant(acme.organization.pk):
            assert membership.role == Membership.MEMBER
            assert is_member(membership, acme.production)
            assert not is_member(membership, acme.research)

    def test_passes_over_workspaces_that_are_gone(self, acme: Acme, dora: User):
        invitation = invited(acme, workspaces=["research", "production"])
        with tenant(acme.organization.pk):
            for key in (acme.carol_key.key, acme.research_key.key):
                key.deleted_at = key.created_at
                key.save()
            delete(workspace=acme.research, by=STAGE)

        membership = taken_up(invitation, dora)

        with tenant(acme.organization.pk):
            assert is_member(membership, acme.production)

    def test_again_finds_the_same_person_in_already(self, acme: Acme, dora: User):
        invitation = invited(acme)

        assert taken_up(invitation, dora) == taken_up(invitation, dora)

    def test_brings_nobody_back_who_was_removed_since(self, acme: Acme, dora: User):
        invitation = invited(acme)
        membership = taken_up(invitation, dora)
        with tenant(acme.organization.pk):
            remove_member(membership=membership, by=STAGE)

        with pytest.raises(InvitationGone):
            taken_up(invitation, dora)

    def test_is_refused_to_another_person(self, acme: Acme, globex: Any):
        with pytest.raises(AnotherPerson):
            taken_up(invited(acme), globex.mallory.user)

    def test_is_refused_to_whoever_has_not_proved_the_address(self, acme: Acme):
        pretender = User.objects.create_user(DORA, None)

        with pytest.raises(AnotherPerson):
            taken_up(invited(acme), pretender)

    def test_leaves_the_role_of_a_member_alone(self, acme: Acme):
        invitation = invited(acme, "bobs-other@acme.example")
        with tenant(acme.organization.pk):
            change_role(membership=acme.bob, role=Membership.ADMIN, by=STAGE)
        vouch_for_address(acme.bob.user)
        acme.bob.user.emailaddress_set.update(email=invitation.email)

        assert taken_up(invitation, acme.bob.user).role == Membership.ADMIN

    def test_is_too_late_after_seven_days(self, acme: Acme, dora: User):
        invitation = invited(acme)
        with tenant(acme.organization.pk):
            assert invitation.expires_at - invitation.sent_at == timedelta(days=7)
            Invitation.objects.filter(pk=invitation.pk).update(expires_at=invitation.sent_at)

        with pytest.raises(InvitationGone):
            taken_up(invitation, dora)

    def test_is_refused_once_it_is_revoked(self, acme: Acme, dora: User):
        invitation = invited(acme)
        with tenant(acme.organization.pk):
            revoke(invitation=invitation, by=STAGE)

        with pytest.raises(InvitationGone):
            taken_up(invitation, dora)

    def test_as_an_administrator_is_refused_once_the_inviter_administers_no_more(
        self, acme: Acme, dora: User
    ):
        invitation = invited(acme, role="admin")
        with tenant(acme.organization.pk):
            change_role(membership=acme.bob, role="admin", by=STAGE)
            remove_member(membership=acme.alice, by=acting(acme.bob))

        with pytest.raises(InvitationGone):
            taken_up(invitation, dora)

    def test_as_an_administrator_works_again_once_another_one_sends_it(self, acme: Acme, dora: User):
        invitation = invited(acme, role="admin")
        with tenant(acme.organization.pk):
            change_role(membership=acme.bob, role="admin", by=STAGE)
            remove_member(membership=acme.alice, by=acting(acme.bob))
            Invitation.objects.filter(pk=invitation.pk).update(
                sent_at=invitation.sent_at - timedelta(hours=1)
            )
            resend(invitation=invitation, by=acting(acme.bob))

        assert taken_up(invitation, dora).role == "admin"

    def test_is_recorded_with_who_and_without_the_secret(self, acme: Acme, dora: User):
        taken_up(invited(acme), dora)

        with tenant(acme.organization.pk):
            rows = list(Revision.objects.filter(object_type="invitation").order_by("pk"))
        assert [(row.action, row.user) for row in rows] == [("create", acme.alice.user), ("update", dora)]
        assert all("token_hash" not in (row.after or {}) for row in rows)


@pytest.mark.django_db(transaction=True)
class TestTwoClicksAtOnce:
    def test_make_one_member(self, acme: Acme, dora: User):
        invitation, both = invited(acme), Barrier(2)

        def click() -> int:
            try:
                both.wait()
                return taken_up(invitation, dora).pk
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as threads:
            members = {future.result() for future in [threads.submit(click) for _ in range(2)]}

        assert len(members) == 1
        with unscoped(reason="the test counts"):
            assert Membership.objects.filter(user=dora).count() == 1
            assert Revision.objects.filter(object_type="invitation", action="update").count() == 1


@pytest.mark.django_db
class TestInviting:
    def test_into_a_personal_organization_is_refused(self, dora: User):
        own = found_personal(user=dora, by=STAGE)

        with tenant(own.pk), pytest.raises(PersonalOrganization):
            invite(organization=own, email="friend@example.com", role="member", by=STAGE)


@pytest.mark.django_db
class TestTheMail:
    def test_is_ours_whatever_the_inviter_and_the_organization_are_called(self, acme: Acme):
        User.objects.filter(pk=acme.alice.user.pk).update(name="Your account is locked.\n\nGo to x\n\n")
        acme.alice.user.refresh_from_db()

        invited(acme)

        [message] = mail.outbox
        assert "Your account is locked. Go to x invites you to join" in str(message.body)


@pytest.mark.django_db
class TestRollingBack:
    def restored(self, acme: Acme, invitation: Invitation, state: dict[str, Any] | None) -> None:
        with tenant(acme.organization.pk):
            restorers.at("invitation")(Recorded(acme.organization.pk, str(invitation.pk), state), STAGE)

    def test_to_before_an_invitation_revokes_it(self, acme: Acme):
        invitation = invited(acme)

        self.restored(acme, invitation, None)

        with tenant(acme.organization.pk):
            assert Invitation.objects.get(pk=invitation.pk).state == Invitation.REVOKED

    def test_to_any_other_state_is_refused(self, acme: Acme, dora: User):
        invitation = invited(acme)
        taken_up(invitation, dora)

        for state in (None, {"email": DORA}):
            with pytest.raises(CannotRestore):
                self.restored(acme, invitation, state)
