"""Channels and rules of notifications; and, to be read, what organizations were told."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.doors import through_admin
from accounts.models import (
    AlertState,
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationRule,
    Organization,
)
from accounts.notifications import channels, rules, trying
from accounts.notifications.channel_types import TYPES
from accounts.notifications.kinds import KINDS
from config.lib.admin import ScopedModelAdmin
from config.lib.admin_declared import JSONTextField
from config.lib.admin_fields import choice
from config.lib.admin_lists import KeysetModelAdmin, by_name
from config.lib.admin_secrets import IssuesSecrets
from config.lib.declared import NotValid

TYPE_CHOICES = [(each.slug, each.label) for each in TYPES]
KIND_CHOICES = [(kind.slug, kind.label) for kind in KINDS.values()]
SHOWN = ("disabled_reason", "hints", "public_id", "created_by", "created_at", "updated_at")


class ChannelForm(forms.ModelForm):
    """The configuration is JSON, as the API takes it; what is secret in it is sealed, and only hinted at then."""

    type = choice(TYPE_CHOICES)
    config = JSONTextField(
        label="Configuration",
        help_text="Such as {“to”: [“ops@acme.example”]}. Secrets that are there stay unless they are given.",
    )

    class Meta:
        model = NotificationChannel
        fields = ("organization", "type", "name", "config")


@admin.register(NotificationChannel)
class NotificationChannelAdmin(IssuesSecrets):
    """Deleting wipes the secrets. A signing secret that is made with a channel is shown once."""

    may = administrators_may = frozenset({"view", "add", "change", "delete"})
    shown = {"deleted_at": None}
    refusals = {
        NotValid: "config",
        channels.TooManyChannels: None,
        channels.ChannelGone: None,
        trying.TestFailed: None,
        trying.TooManyTests: None,
    }
    form = ChannelForm
    list_display = ("name", "type", "organization", "is_disabled", "disabled_reason")
    list_select_related = ("organization",)
    list_filter = ("organization", "type", "is_disabled")
    search_fields = ("name",)
    autocomplete_fields = ("organization",)
    actions = ("test_and_enable", "disable")

    def get_fields(self, request, obj=None):
        base = ("organization", "type", "name", "config")
        return base if obj is None else (*base, "is_disabled", *SHOWN)

    def get_readonly_fields(self, request, obj=None):
        return () if obj is None else ("organization", "type", "is_disabled", *SHOWN)

    @admin.action(description="Send a test, and enable", permissions=["change"])
    def test_and_enable(self, request, queryset):
        """What the test does not reach stays disabled."""
        for channel in queryset.select_related("organization"):
            trying.enable(channel=channel, by=through_admin(request))

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request, queryset):
        """Nothing is sent through them."""
        for channel in queryset:
            channels.switch(channel=channel, is_disabled=True, by=through_admin(request))

    def create_row(self, request, values):
        made = channels.create(
            organization=values["organization"],
            kind=values["type"],
            name=values["name"],
            config=values["config"],
            by=through_admin(request),
        )
        for secret in made.issued.values():
            self.show_once(request, secret)
        return made.channel

    def response_add(self, request, obj, post_url_continue=None):
        """The secret that was made, or the list where there is none."""
        if hasattr(request, "issued_secret"):
            return super().response_add(request, obj, post_url_continue)
        return ScopedModelAdmin.response_add(self, request, obj, post_url_continue)

    def change_row(self, request, row, changes):
        given = {name: changes[name] for name in ("name", "config") if name in changes}
        made = channels.change(channel=row, by=through_admin(request), **given)
        if made.issued:  # nothing is changed: nobody would see it
            raise NotValid("config", "another address needs a signing_secret beside it.")
        return made.channel

    def remove_row(self, request, row):
        channels.delete(channel=row, by=through_admin(request))


class RuleForm(forms.ModelForm):
    """Thresholds as they are kept: percentages, nano-dollars or days."""

    kind = choice(KIND_CHOICES)
    thresholds = JSONTextField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="A list of whole numbers: percentages, nano-dollars or days.",
    )

    class Meta:
        model = NotificationRule
        fields = ("organization", "kind", "thresholds", "is_mailed_to_administrators", "is_disabled")

    def clean_thresholds(self):
        """Numbers and nothing else."""
        value = self.cleaned_data["thresholds"]
        numbers = [] if value is None else value
        is_list = isinstance(numbers, list) and all(type(each) is int for each in numbers)
        if not is_list:
            raise forms.ValidationError("A list of whole numbers, please.")
        return numbers


@admin.register(NotificationRule)
class NotificationRuleAdmin(ScopedModelAdmin):
    """One for each kind; adding one again changes it. Channels and workspaces are chosen in the dashboard."""

    may = administrators_may = frozenset({"view", "add", "change"})
    refusals = {rules.NotARule: "thresholds"}
    form = RuleForm
    list_display = ("kind", "organization", "thresholds", "is_mailed_to_administrators", "is_disabled")
    list_select_related = ("organization",)
    list_filter = ("organization", "kind", "is_disabled")
    autocomplete_fields = ("organization",)

    def get_fields(self, request, obj=None):
        base = ("organization", "kind", "thresholds", "is_mailed_to_administrators", "is_disabled")
        return base if obj is None else (*base, "channel_ids", "workspaces", "created_at", "updated_at")

    def get_readonly_fields(self, request, obj=None):
        fixed = ("organization", "kind", "channel_ids", "workspaces", "created_at", "updated_at")
        return () if obj is None else fixed

    def create_row(self, request, values):
        return rules.change(**values, by=through_admin(request))

    def change_row(self, request, row, changes):
        return rules.change(
            organization=row.organization, kind=row.kind, **changes, by=through_admin(request)
        )


@admin.register(Notification)
class NotificationAdmin(KeysetModelAdmin):
    """As they were told."""

    administrators_may = frozenset({"view"})
    list_display = ("created_at", "organization", "kind", "title")
    list_select_related = ("organization",)
    list_filter = (by_name(Organization, "organization_id"),)


@admin.register(NotificationDelivery)
class NotificationDeliveryAdmin(ScopedModelAdmin):
    """What became of them."""

    administrators_may = frozenset({"view"})
    list_display = ("notification", "channel", "organization", "status", "attempts", "error")
    list_select_related = ("notification", "channel", "organization")
    list_filter = ("organization", "status")


@admin.register(AlertState)
class AlertStateAdmin(ScopedModelAdmin):
    """Thresholds that were told of and are not armed."""

    administrators_may = frozenset({"view"})
    list_display = ("kind", "subject", "threshold", "organization", "window_start", "fired_at")
    list_select_related = ("organization",)
    list_filter = ("organization", "kind")
