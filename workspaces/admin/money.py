"""Budgets, the purses that enforce them, and the processes that hold leases on purses."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from accounts.doors import through_admin
from accounts.models import Organization
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_fields import NanoField, choice
from config.lib.admin_lists import KeysetModelAdmin, by_name, one_of
from config.lib.display import exact_money_text
from config.lib.subjects import KIND_BITS, MEMBER_BITS, SubjectKind, kind_of
from workspaces import budgets
from workspaces.locking import WorkspaceGone
from workspaces.models import GatewayProcess, Purse, WorkspaceBudget

INTERVALS = (("d", "Daily"), ("w", "Weekly"), ("m", "Monthly"), ("t", "Lifetime"))


class BudgetForm(forms.ModelForm):
    """A limit in dollars for an interval."""

    interval = choice(INTERVALS)
    limit_nano = NanoField(label="Limit in US dollars")

    class Meta:
        model = WorkspaceBudget
        fields = ("workspace", "interval", "limit_nano")

    def clean_limit_nano(self):
        """Above nothing, as the database asks too."""
        if self.cleaned_data["limit_nano"] <= 0:
            raise forms.ValidationError("The limit must be more than nothing.")
        return self.cleaned_data["limit_nano"]


@admin.register(WorkspaceBudget)
class WorkspaceBudgetAdmin(ScopedModelAdmin):
    """One budget per workspace and interval."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    refusals = {budgets.NotDecreasing: "limit_nano", WorkspaceGone: "workspace"}
    form = BudgetForm
    list_display = ("workspace", "interval_name", "limit", "organization", "updated_at")
    list_select_related = ("workspace", "organization")
    list_filter = ("organization", "workspace", one_of("interval", ("d", "w", "m", "t")))
    autocomplete_fields = ("workspace",)

    def get_fields(self, request, obj=None):
        return ("workspace", "interval" if obj is None else "interval_name", "limit_nano")

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("workspace", "interval_name")

    @admin.display(description="Limit")
    def limit(self, budget):
        """In dollars."""
        return exact_money_text(budget.limit_nano)

    def create_row(self, request, values):
        return budgets.set_budget(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        limit = {"limit_nano": row.limit_nano} | changes
        return budgets.set_budget(
            workspace=row.workspace, interval=row.interval, **limit, by=through_admin(request)
        )

    def remove_row(self, request, row):
        budgets.delete_budget(workspace=row.workspace, interval=row.interval, by=through_admin(request))


@admin.register(Purse)
class PurseAdmin(KeysetModelAdmin):
    """What was spent and what is held; written by ingest and leases alone."""

    administrators_may = frozenset({"view"})
    list_display = ("whose", "interval", "limit", "spent", "byok", "leased", "window_start", "organization")
    list_select_related = ("organization",)
    list_filter = (by_name(Organization, "organization_id"), one_of("interval", ("d", "w", "m", "t")))
    fields = (
        "organization",
        ("whose", "subject", "interval"),
        ("window_start", "is_strict", "is_tight"),
        ("limit", "limit_with_byok", "limit_on_byok"),
        ("spent", "byok", "leased"),
        ("unit_nano", "loose", "holders"),
    )
    readonly_fields = ("whose", "limit", "limit_with_byok", "limit_on_byok", "spent", "byok", "leased")

    @admin.display(description="Whose")
    def whose(self, purse):
        """The subject in words, with its id."""
        kind, identity = kind_of(purse.subject), purse.subject >> KIND_BITS
        if kind == SubjectKind.WORKSPACE_MEMBER:
            member = identity & ((1 << MEMBER_BITS) - 1)
            return f"member {member} in workspace {identity >> MEMBER_BITS}"
        return f"{kind.name.replace('_', ' ').lower()} {identity}"

    @admin.display(description="Limit")
    def limit(self, purse):
        """Compared with credits alone."""
        return _money(purse.limit_nano)

    @admin.display(description="Limit with BYOK")
    def limit_with_byok(self, purse):
        """Compared with credits and BYOK together."""
        return _money(purse.limit_with_byok_nano)

    @admin.display(description="Free of the BYOK fee")
    def limit_on_byok(self, purse):
        """Compared with BYOK alone."""
        return _money(purse.limit_on_byok_nano)

    @admin.display(description="Spent")
    def spent(self, purse):
        """In the present window."""
        return _money(purse.spent_nano)

    @admin.display(description="BYOK")
    def byok(self, purse):
        """In the present window, at list price."""
        return _money(purse.byok_nano)

    @admin.display(description="Leased")
    def leased(self, purse):
        """Held by processes."""
        return _money(purse.leased_nano)


@admin.register(GatewayProcess)
class GatewayProcessAdmin(ScopedModelAdmin):
    """For platform staff: who may hold leases."""

    list_display = ("id", "host", "epoch", "heartbeat_at", "started_at")
    ordering = ("-heartbeat_at", "pk")


def _money(nano):
    return "–" if nano is None else exact_money_text(nano)
