"""Invitations: administrators send and revoke them; the link is in the mail alone."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from accounts import invitations
from accounts.admin.organizations import ROLES
from accounts.doors import through_admin
from accounts.invitation_mail import MailNotSent
from accounts.models import Invitation, Membership
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_fields import choice


class InvitationForm(forms.ModelForm):
    """Whom to invite, whereto, and as what; seats in workspaces are promised in the dashboard."""

    role = choice(ROLES, initial=Membership.MEMBER)

    class Meta:
        model = Invitation
        fields = ("organization", "email", "role")


@admin.register(Invitation)
class InvitationAdmin(ScopedModelAdmin):
    """Open ones. Adding one sends the mail, deleting one revokes it."""

    may = administrators_may = frozenset({"view", "add", "delete"})
    shown = {"accepted_at": None, "revoked_at": None}
    refusals = {
        invitations.PersonalOrganization: "organization",
        invitations.AlreadyMember: "email",
        invitations.AlreadyInvited: "email",
        invitations.TooManyMails: None,
        invitations.NotOpen: None,
        MailNotSent: None,
    }
    form = InvitationForm
    list_display = ("email", "organization", "role", "state", "invited_by", "sent_at")
    list_select_related = ("organization", "invited_by")
    list_filter = ("organization",)
    search_fields = ("email",)
    autocomplete_fields = ("organization",)
    actions = ("send_again",)

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("organization", "email", "role")
        return ("organization", "email", "role", "state", "invited_by", "created_at", "sent_at", "expires_at")

    @admin.display(description="State")
    def state(self, invitation):
        """`pending` or `expired`."""
        return invitation.state

    @admin.action(description="Send a new link", permissions=["add"])
    def send_again(self, request, queryset):
        """The old links end."""
        for invitation in queryset:
            invitations.resend(invitation=invitation, by=through_admin(request))

    def create_row(self, request, values):
        return invitations.invite(**values, by=through_admin(request))

    def remove_row(self, request, row):
        invitations.revoke(invitation=row, by=through_admin(request))
