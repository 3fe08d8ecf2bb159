"""The pages of notifications: what the organization is told of, through which channels, and what it was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.dashboard.forms import ConfirmForm
from accounts.dashboard.notification_forms import ChannelForm, RuleForm
from accounts.dashboard.pages import OrganizationView
from accounts.invitations import UnknownWorkspaces, places
from accounts.models import NotificationChannel, NotificationDelivery, NotificationRule
from accounts.models.notification import NotificationChannelQuerySet
from accounts.notifications import channels, rules, trying
from accounts.notifications.channel_types import CHANNEL_TYPES, TYPES
from accounts.notifications.history import last_deliveries, told
from accounts.notifications.kinds import DAYS, KINDS, PERCENT, USD, Kind
from accounts.permissions import Permission
from config.lib.dashboard import INVALID_FORM
from config.lib.declared import NotValid
from config.lib.display import exact_money_text
from config.lib.keyset import UnknownCursor, newest_first

PAGE_SIZE = 25


@dataclass(frozen=True)
class RuleRow:
    """A rule as the page shows it."""

    kind: Kind
    rule: NotificationRule
    at: str
    ways: list[str]


@dataclass(frozen=True)
class ChannelRow:
    """A channel as the page shows it."""

    channel: NotificationChannel
    type: str
    where: str
    last: NotificationDelivery | None


class NotificationsPage(OrganizationView):
    """What the pages share."""

    permission = Permission.ACCOUNT_MANAGE
    section = "notifications"

    def channels(self) -> NotificationChannelQuerySet:
        """The live channels, by name."""
        rows: NotificationChannelQuerySet = NotificationChannel.objects.for_organization(self.organization)
        return rows.live().select_related("organization").order_by("name", "pk")

    def to_page(self) -> HttpResponse:
        """Go back to the page."""
        return redirect("dashboard:notifications", organization=self.organization.slug)


class NotificationsView(NotificationsPage):
    """`/o/{organization}/notifications`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Rules, channels, and what was told, the newest first."""
        try:
            page = newest_first(told(self.organization.pk), before=self.asked("before"), size=PAGE_SIZE)
        except UnknownCursor as error:
            raise Http404 from error
        if self.is_continuation:
            return self.page("accounts/_notification_rows.html", page=page)
        known = list(self.channels())
        return self.page(
            "accounts/notifications.html",
            page=page,
            is_first_page=not self.asked("before"),
            rules=_rule_rows(rules.rules_of(self.organization.pk), known),
            channels=_channel_rows(known),
            types=TYPES,
        )


class RuleView(NotificationsPage):
    """`…/notifications/rules/{kind}`."""

    rule: NotificationRule

    def enter(self) -> None:
        super().enter()
        if self.kwargs["kind"] not in KINDS:
            raise Http404
        self.rule = rules.rules_of(self.organization.pk)[self.kwargs["kind"]]

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The form as things are."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Change the rule."""
        form = self._form(request.POST)
        if form.is_valid():
            try:
                rules.change(
                    organization=self.organization, kind=self.rule.kind, by=self.actor, **form.changes()
                )
            except (rules.NotARule, UnknownWorkspaces, rules.UnknownChannels) as error:
                form.add_error("thresholds" if str(error).startswith("thresholds") else None, _said(error))
            else:
                messages.success(request, f"“{KINDS[self.rule.kind].label}” is saved.")
                return self.to_page()
        return self._form_page(form, status=INVALID_FORM)

    def _form(self, *args: Any) -> RuleForm:
        offered = places(self.organization)
        return RuleForm(*args, rule=self.rule, channels=list(self.channels()), places=offered)

    def _form_page(self, form: RuleForm, **options: Any) -> HttpResponse:
        kind = KINDS[self.rule.kind]
        return self.page("accounts/notification_rule.html", form=form, kind=kind, rule=self.rule, **options)


class NewChannelView(NotificationsPage):
    """`…/notifications/channels/new/{type}`: the form, and then its signing secret, once, if it has one."""

    def enter(self) -> None:
        super().enter()
        if self.kwargs["type"] not in CHANNEL_TYPES:
            raise Http404

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The empty form."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Add the channel."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._form_page(form, status=INVALID_FORM)
        try:
            made = channels.create(
                organization=self.organization,
                kind=self.kwargs["type"],
                name=form.cleaned_data["name"],
                config=form.config(),
                by=self.actor,
            )
        except (NotValid, channels.TooManyChannels) as error:
            form.add_error(field_of(form, error), _said(error))
            return self._form_page(form, status=INVALID_FORM)
        if made.issued:
            return self.page("accounts/notification_channel_made.html", made=made)
        messages.success(request, f"“{made.channel.name}” is added. Choose it in a rule, and send a test.")
        return self.to_page()

    def _form(self, *args: Any) -> ChannelForm:
        return ChannelForm(*args, type_=CHANNEL_TYPES[self.kwargs["type"]])

    def _form_page(self, form: ChannelForm, **options: Any) -> HttpResponse:
        return self.page("accounts/notification_channel.html", form=form, type=form.type, **options)


class ChannelPage(NotificationsPage):
    """A page about one channel."""

    channel: NotificationChannel

    def enter(self) -> None:
        super().enter()
        found = self.channels().filter(public_id=self.kwargs["channel"]).first()
        if found is None:
            raise Http404
        self.channel = found


class EditChannelView(ChannelPage):
    """`…/notifications/channels/{id}`."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """The form as things are."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Change the channel."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._form_page(form, status=INVALID_FORM)
        try:
            made = channels.change(
                channel=self.channel,
                by=self.actor,
                name=form.cleaned_data["name"],
                config=self._changed(form),
            )
        except NotValid as error:
            form.add_error(field_of(form, error), _said(error))
            return self._form_page(form, status=INVALID_FORM)
        if made.issued:
            return self.page("accounts/notification_channel_made.html", made=made)
        messages.success(request, f"“{made.channel.name}” is saved.")
        return self.to_page()

    def _changed(self, form: ChannelForm) -> dict[str, Any]:
        """What differs: an address that is sent again as it is makes no new secret."""
        return {
            name: value for name, value in form.config().items() if self.channel.config.get(name) != value
        }

    def _form(self, *args: Any) -> ChannelForm:
        return ChannelForm(*args, type_=CHANNEL_TYPES[self.channel.type], channel=self.channel)

    def _form_page(self, form: ChannelForm, **options: Any) -> HttpResponse:
        return self.page(
            "accounts/notification_channel.html", form=form, type=form.type, channel=self.channel, **options
        )


class TestChannelView(ChannelPage):
    """`…/notifications/channels/{id}/test`."""

    __test__ = False

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Send a test, and say what became of it."""
        try:
            delivery = trying.send_test(channel=self.channel)
        except trying.TooManyTests as error:
            messages.error(request, str(error))
            return self.to_page()
        if delivery.status == NotificationDelivery.DELIVERED:
            messages.success(request, f"The test through “{self.channel.name}” arrived.")
        else:
            messages.error(
                request, f"The test through “{self.channel.name}” did not arrive. {delivery.error}"
            )
        return self.to_page()


class SwitchChannelView(ChannelPage):
    """`…/notifications/channels/{id}/enable` and `…/disable`."""

    is_disabled = False

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Disable it, or enable it if a test arrives."""
        try:
            if self.is_disabled:
                channels.switch(channel=self.channel, is_disabled=True, by=self.actor)
            else:
                trying.enable(channel=self.channel, by=self.actor)
        except (trying.TestFailed, trying.TooManyTests) as error:
            messages.error(request, str(error))
        else:
            state = "disabled" if self.is_disabled else "enabled; a test has arrived"
            messages.success(request, f"“{self.channel.name}” is {state}.")
        return self.to_page()


class DeleteChannelView(ChannelPage):
    """`…/notifications/channels/{id}/delete`."""

    def get(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Ask for the name."""
        return self._form_page(self._form())

    def post(self, request: HttpRequest, **names: Any) -> HttpResponse:
        """Delete it if the name is right."""
        form = self._form(request.POST)
        if not form.is_valid():
            return self._form_page(form, status=INVALID_FORM)
        channels.delete(channel=self.channel, by=self.actor)
        messages.success(request, f"“{self.channel.name}” is deleted.")
        return self.to_page()

    def _form(self, *args: Any) -> ConfirmForm:
        return ConfirmForm(*args, expected=self.channel.name, what="the channel's name")

    def _form_page(self, form: ConfirmForm, **options: Any) -> HttpResponse:
        return self.page(
            "accounts/notification_channel_delete.html", channel=self.channel, form=form, **options
        )


def field_of(form: ChannelForm, error: Exception) -> str | None:
    """The field that a refusal is about, if it is one of the form's."""
    name = error.path.rpartition(".")[2] if isinstance(error, NotValid) else None
    return name if name in form.fields else None


def _said(error: Exception) -> str:
    """A refusal without the API's name of the field."""
    text = error.fault if isinstance(error, NotValid) else str(error).partition(": ")[2] or str(error)
    return text[:1].upper() + text[1:]


def _rule_rows(known: dict[str, NotificationRule], through: list[NotificationChannel]) -> list[RuleRow]:
    return [
        RuleRow(
            kind=KINDS[slug],
            rule=rule,
            at=", ".join(_threshold_text(KINDS[slug].unit, each) for each in rule.thresholds),
            ways=(["Administrators' mail"] if rule.is_mailed_to_administrators else [])
            + [channel.name for channel in through if channel.pk in rule.channel_ids],
        )
        for slug, rule in known.items()
    ]


def _threshold_text(unit: str | None, threshold: int) -> str:
    texts = {
        PERCENT: f"{threshold} %",
        USD: f"below {exact_money_text(threshold)}",
        DAYS: f"{threshold} day{'' if threshold == 1 else 's'}",
    }
    return texts[unit or ""]


def _channel_rows(known: list[NotificationChannel]) -> list[ChannelRow]:
    last = last_deliveries(known)
    return [
        ChannelRow(
            channel=channel,
            type=CHANNEL_TYPES[channel.type].label,
            where=", ".join(_where(channel)),
            last=last.get(channel.pk),
        )
        for channel in known
    ]


def _where(channel: NotificationChannel) -> list[str]:
    """Addresses; of what else is set nobody asks in a list."""
    found = channel.config.get("to") or channel.config.get("url") or channel.hints.get("url") or ""
    return found if isinstance(found, list) else [found]
