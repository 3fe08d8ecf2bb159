"""The pages of an organization's people: who belongs to it, who is invited, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import invitations, organizations
from accounts.dashboard.forms import ConfirmForm, InviteForm
from accounts.dashboard.pages import OrganizationView
from accounts.invitation_mail import MailNotSent
from accounts.models import Invitation, Membership
from accounts.models.membership import MembershipQuerySet
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from config.lib.keyset import UnknownCursor, newest_first
from config.lib.registry import Slot


@dataclass(frozen=True)
class KeysLeftBehind:
    """How many keys somebody owns in a workspace, and the page that gives them to somebody else."""

    workspace: str
    count: int
    address: str


PAGE_SIZE = 50
LARGEST_ID = 2**63 - 1
keys_left_behind: Slot[[Membership], list[KeysLeftBehind]] = Slot("keys_left_behind")
"""Answers the active keys that a member owns, by workspace, for who is about to remove him."""
OTHER_ROLE = {Membership.ADMIN: Membership.MEMBER, Membership.MEMBER: Membership.ADMIN}


class MembersPage(OrganizationView):
    """What the pages of members share."""

    permission = Permission.ACCOUNT_MANAGE
    section = "members"

    def live_members(self) -> MembershipQuerySet:
        """Those who belong now."""
        members: MembershipQuerySet = Membership.objects.for_organization(self.organization).live()
        return members.select_related("user")

    def to_list(self) -> HttpResponse:
        """Go back to the list; who just gave up the right to see it starts anew."""
        if not self.live_members().administrators().filter(pk=self.membership.pk).exists():
            return redirect("dashboard:root")
        return redirect("dashboard:members", organization=self.organization.slug)


class MembersView(MembersPage):
    """`/o/{organization}/members`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The members, the newest first, and the open invitations."""
        sought = self.asked("q")
        rows = self.live_members()
        if sought:
            rows = rows.filter(Q(user__email__icontains=sought) | Q(user__name__icontains=sought))
        try:
            page = newest_first(rows, before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        if self.is_continuation:
            return self.page("accounts/_member_rows.html", page=page, sought=sought)
        pending = Invitation.objects.for_organization(self.organization).open().select_related("invited_by")
        return self.page(
            "accounts/members.html",
            page=page,
            sought=sought,
            is_first_page=not self.asked("before"),
            invitations=list(pending.order_by("-pk")[: invitations.DAILY]),
            is_personal=self.organization.kind == self.organization.PERSONAL,
        )


class InviteView(MembersPage):
    """`…/members/invite`."""

    refusals: ClassVar[dict[type[Exception], str | None]] = {
        invitations.PersonalOrganization: None,
        invitations.AlreadyMember: "email",
        invitations.AlreadyInvited: "email",
        invitations.UnknownWorkspaces: None,
        invitations.TooManyMails: None,
        MailNotSent: None,
    }

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """The empty form."""
        return self.page("accounts/member_invite.html", form=self._form())

    def post(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Invite, or say why not."""
        form = self._form(request.POST)
        if form.is_valid() and self._is_invited(form):
            messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
            return self.to_list()
        return self.page("accounts/member_invite.html", form=form, status=INVALID_FORM)

    def _form(self, *args: Any) -> InviteForm:
        return InviteForm(*args, places=invitations.places(self.organization))

    def _is_invited(self, form: InviteForm) -> bool:
        values = form.cleaned_data
        try:
            invitations.invite(
                organization=self.organization,
                email=values["email"],
                role=values["role"],
                workspaces=values.get("workspaces", ()),
                by=self.actor,
            )
        except tuple(self.refusals) as refusal:
            form.add_error(self.refusals[type(refusal)], str(refusal))
            return False
        return True


class OpenInvitationPage(MembersPage):
    """A button beside an open invitation, which the address names by its public id."""

    invitation: Invitation

    def enter(self) -> None:
        super().enter()
        rows = Invitation.objects.for_organization(self.organization).open()
        found = rows.filter(public_id=self.kwargs["invitation"]).first()
        if found is None:
            raise Http404
        self.invitation = found


class ResendInvitationView(OpenInvitationPage):
    """`…/invitations/{id}/resend`."""

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Send a new link."""
        try:
            invitations.resend(invitation=self.invitation, by=self.actor)
        except (invitations.NotOpen, invitations.TooManyMails, MailNotSent) as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"A new link is on its way to {self.invitation.email}.")
        return self.to_list()


class RevokeInvitationView(OpenInvitationPage):
    """`…/invitations/{id}/revoke`."""

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """End it."""
        try:
            invitations.revoke(invitation=self.invitation, by=self.actor)
        except invitations.NotOpen as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"The invitation of {self.invitation.email} is revoked.")
        return self.to_list()


class MemberPage(MembersPage):
    """A page about one member, whom the address names by his public id."""

    member: Membership

    def enter(self) -> None:
        super().enter()
        member = self.live_members().filter(user_id=min(self.kwargs["user"], LARGEST_ID)).first()
        if member is None:
            raise Http404
        self.member = member


class MemberRoleView(MemberPage):
    """`…/members/{user}/role`."""

    permission = Permission.ROLES_CHANGE

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Give him the role that was asked for."""
        role = request.POST.get("role", "")
        if role not in OTHER_ROLE:
            raise Http404
        try:
            organizations.change_role(membership=self.member, role=role, by=self.actor)
        except (organizations.LastAdministrator, organizations.NotAMember) as refusal:
            messages.error(request, str(refusal))
        else:
            said = "an administrator" if role == Membership.ADMIN else "a member"
            messages.success(request, f"{self.member.user} is {said} now.")
        return self.to_list()


class RemoveMemberView(MemberPage):
    """`…/members/{user}/remove`."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Say what ends with it, and ask for the address."""
        return self._page(self._form())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Remove him if the address is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._page(form, status=INVALID_FORM)
        try:
            organizations.remove_member(membership=self.member, by=self.actor)
        except (organizations.LastAdministrator, organizations.NotAMember) as refusal:
            form.add_error(None, str(refusal))
            return self._page(form, status=INVALID_FORM)
        messages.success(request, f"{self.member.user} is removed; his keys are disabled.")
        return self.to_list()

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.member.user.email, what="the member's address")

    def _page(self, form: ConfirmForm, status: int = 200) -> HttpResponse:
        return self.page(
            "accounts/member_remove.html",
            member=self.member,
            left_behind=[row for rows in keys_left_behind(self.member) for row in rows],
            form=form,
            status=status,
        )
