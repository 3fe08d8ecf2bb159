"""Organizations and who belongs to them."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect

from accounts import organizations
from accounts.doors import through_admin
from accounts.models import Membership, Organization, User
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_fields import choice
from config.lib.admin_lists import one_of
from config.lib.admin_scope import is_platform_staff
from config.lib.rated import RATES

KINDS = ((Organization.TEAM, "Team"), (Organization.PERSONAL, "Personal"))
ROLES = ((Membership.ADMIN, "Administrator"), (Membership.MEMBER, "Member"))


class OrganizationForm(forms.ModelForm):
    """A new organization comes with its first administrator."""

    kind = choice(KINDS)
    administrator = forms.ModelChoiceField(queryset=User.objects.none())

    class Meta:
        model = Organization
        fields = ("name", "slug", "kind")


@admin.register(Organization)
class OrganizationAdmin(ScopedModelAdmin):
    """Platform staff found organizations; administrators rename their own, but addresses stay."""

    may = frozenset({"view", "add", "change"})
    administrators_may = frozenset({"view", "change"})
    shown = {"deleted_at": None}
    refusals = {organizations.OrganizationSlugTaken: "slug"}
    list_display = ("name", "slug", "kind", "created_at")
    search_fields = ("name", "slug")
    ordering = ("name", "pk")

    def get_list_filter(self, request):
        return (
            (one_of("kind", (Organization.TEAM, Organization.PERSONAL)),)
            if is_platform_staff(request)
            else ()
        )

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("name", "slug", "kind", "administrator")
        return ("name", "slug", "kind", *RATES, "public_id", "created_at")

    def get_readonly_fields(self, request, obj=None):
        if obj is None:
            return ()
        fixed = ("kind", "public_id", "created_at")
        return fixed if is_platform_staff(request) else ("slug", *fixed)

    def get_form(self, request, obj=None, change=False, **kwargs):
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        form = super().get_form(request, obj, change, form=OrganizationForm, **kwargs)
        field = form.base_fields["administrator"]  # type: ignore[attr-defined]  # the stubs leave it out
        field.queryset = self.admin_site.get_model_admin(User).get_queryset(request)
        field.widget = AutocompleteSelect(
            Membership._meta.get_field("user"), self.admin_site, choices=field.widget.choices
        )
        return form

    def create_row(self, request, values):
        return organizations.found(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return organizations.change(organization=row, **changes, by=through_admin(request))


class MembershipForm(forms.ModelForm):
    """A person, an organization and a role."""

    role = choice(ROLES)

    class Meta:
        model = Membership
        fields = ("organization", "user", "role", *RATES)


@admin.register(Membership)
class MembershipAdmin(ScopedModelAdmin):
    """Administrators change roles and remove people; adding somebody needs him to agree, so only staff do it here."""

    may = frozenset({"view", "add", "change", "delete"})
    administrators_may = frozenset({"view", "change", "delete"})
    shown = {"removed_at": None}
    refusals = {organizations.LastAdministrator: None, organizations.NotAMember: None}
    form = MembershipForm
    list_display = ("user", "organization", "role", "created_at")
    list_select_related = ("user", "organization")
    list_filter = ("organization", one_of("role", (Membership.ADMIN, Membership.MEMBER)))
    search_fields = ("user__email", "user__name", "organization__name")
    autocomplete_fields = ("organization", "user")

    def get_fields(self, request, obj=None):
        first = ("organization", "user", "role")
        return first if obj is None else (*first, *RATES, "created_at")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("organization", "user", "created_at")

    def create_row(self, request, values):
        return organizations.add_member(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return (
            organizations.change_member(membership=row, **changes, by=through_admin(request))
            if changes
            else row
        )

    def remove_row(self, request, row):
        organizations.remove_member(membership=row, by=through_admin(request))
