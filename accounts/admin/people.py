"""Users: everybody for platform staff, the people of their own organizations for administrators."""

from __future__ import annotations

from django.contrib import admin

from accounts import people
from accounts.doors import through_admin
from accounts.models import Membership, User
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_scope import is_platform_staff


@admin.register(User)
class UserAdmin(ScopedModelAdmin):
    """A person; passwords are set by their owners alone."""

    may = frozenset({"view", "add", "change"})
    administrators_may = frozenset({"view"})
    refusals = {people.EmailTaken: "email", people.LockedOut: None}
    list_display = ("email", "name", "is_active", "created_at")
    search_fields = ("email", "name")
    ordering = ("email",)
    readonly_fields = ("belongs_to", "created_at", "last_login")

    def get_queryset(self, request):
        users = User.objects.order_by(*self.ordering)
        if is_platform_staff(request):
            return users
        return users.filter(pk__in=Membership.objects.live().values("user_id"))

    def get_fields(self, request, obj=None):
        if not is_platform_staff(request):
            return ("email", "name", "belongs_to")
        if obj is None:
            return ("email", "name", "is_superuser")
        return ("email", "name", "is_active", "is_superuser", "belongs_to", "created_at", "last_login")

    def get_list_filter(self, request):
        return ("is_active", "is_superuser") if is_platform_staff(request) else ()

    @admin.display(description="Organizations")
    def belongs_to(self, user):
        """Those in the scope of whoever asks."""
        memberships = Membership.objects.live().filter(user=user).select_related("organization", "user")
        return ", ".join(f"{row.organization} ({row.role})" for row in memberships.order_by("pk")) or "–"

    def create_row(self, request, values):
        return people.create(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return people.change(user=row, **changes, by=through_admin(request))
