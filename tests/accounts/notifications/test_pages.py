"""The page of notifications."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import NotificationChannel, NotificationRule
from accounts.notifications import channels
from accounts.notifications.reporting import report
from config.lib.scoping import tenant
from tests.accounts.notifications.receiver import Receiver
from tests.cast import STAGE, Acme
from tests.dashboard_pages import HTMX, text_of

pytestmark = pytest.mark.django_db

PAGE = "/o/acme/notifications"


def add(acme: Acme, kind: str = "email", **config: Any) -> NotificationChannel:
    """A channel of acme's."""
    with tenant(acme.organization.pk):
        return channels.create(
            organization=acme.organization,
            kind=kind,
            name="Ops",
            config=config or {"to": ["ops@acme.example"]},
            by=STAGE,
        ).channel


class TestThePage:
    def test_says_what_is_told_when_and_how(self, acme: Acme, viewers: dict[str, Client]):
        text = text_of(viewers["alice"].get(PAGE))

        assert "Low balance" in text
        assert "below $5.00" in text
        assert "80 %, 100 %" in text
        assert "Administrators' mail" in text
        assert "No channels yet" in text

    def test_shows_what_was_told_page_by_page(self, acme: Acme, viewers: dict[str, Client]):
        for number in range(30):
            report(
                organization_id=acme.organization.pk,
                kind="destination_failing",
                subject=f"destination:{number}",
                facts={"name": f"<b>{number}</b>"},
            )

        first = viewers["alice"].get(PAGE)
        [cursor] = set(re.findall(r"before=([0-9-]+)", first.content.decode()))
        rest = viewers["alice"].get(PAGE, {"before": cursor}, headers=HTMX)

        assert "Destination “<b>29</b>” is failing" in text_of(first)
        assert b"<b>29</b>" not in first.content
        assert "Destination “<b>4</b>” is failing" in text_of(rest)
        assert viewers["alice"].get(PAGE, {"before": "x"}).status_code == 404


class TestARule:
    def test_is_changed(self, acme: Acme, viewers: dict[str, Client]):
        channel = add(acme)

        answer = viewers["alice"].post(
            f"{PAGE}/rules/workspace_budget",
            {
                "is_on": "on",
                "thresholds": "90 %, 60",
                "channels": [str(channel.public_id)],
                "workspaces": [str(acme.production.public_id)],
            },
        )

        assert answer.status_code == 302
        with tenant(acme.organization.pk):
            rule = NotificationRule.objects.get()
        assert (rule.thresholds, rule.channel_ids) == ([60, 90], [channel.pk])
        assert rule.workspaces == [str(acme.production.public_id)]
        assert not rule.is_mailed_to_administrators

    @pytest.mark.parametrize("thresholds", ["", "a", "0", "5000", "1.5", "1,2,3,4,5,6,7,8,9,10,11"])
    def test_says_what_is_wrong_with_thresholds(self, viewers: dict[str, Client], thresholds: str):
        answer = viewers["alice"].post(
            f"{PAGE}/rules/workspace_budget", {"is_on": "on", "thresholds": thresholds}
        )

        assert answer.status_code == 422
        assert answer.context["form"].errors["thresholds"]

    def test_shows_amounts_in_dollars(self, viewers: dict[str, Client]):
        viewers["alice"].post(f"{PAGE}/rules/low_balance", {"is_on": "on", "thresholds": "$2.50, 10"})

        assert 'value="10, 2.5"' in viewers["alice"].get(f"{PAGE}/rules/low_balance").content.decode()


class TestAChannel:
    def test_is_added(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].post(
            f"{PAGE}/channels/new/email", {"name": "Team", "to": "a@acme.example\nb@acme.example"}
        )

        assert answer.status_code == 302
        with tenant(acme.organization.pk):
            assert NotificationChannel.objects.get().config == {"to": ["a@acme.example", "b@acme.example"]}

    def test_shows_its_signing_secret_once(self, viewers: dict[str, Client]):
        made = viewers["alice"].post(
            f"{PAGE}/channels/new/webhook", {"name": "Hook", "url": "https://a.example/hook"}
        )

        [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]{20,}", made.content.decode())
        assert secret not in viewers["alice"].get(PAGE).content.decode()

    def test_keeps_its_secret_unless_another_is_typed(self, acme: Acme, viewers: dict[str, Client]):
        channel = add(acme, "webhook", url="https://a.example/hook")
        page = f"{PAGE}/channels/{channel.public_id}"

        answer = viewers["alice"].post(page, {"name": "Renamed", "url": "https://a.example/hook"})

        assert answer.status_code == 302
        with tenant(acme.organization.pk):
            stored = NotificationChannel.objects.get()
        assert (stored.name, stored.hints) == ("Renamed", channel.hints)

    def test_never_shows_an_address_that_is_a_secret(self, acme: Acme, viewers: dict[str, Client]):
        channel = add(acme, "slack", url="https://hooks.slack.com/services/T/B/secretpart")

        shown = b"".join(
            viewers["alice"].get(page).content for page in (PAGE, f"{PAGE}/channels/{channel.public_id}")
        )

        assert b"secretpart" not in shown
        assert "https://hooks.slack.com/…part" in shown.decode()

    def test_says_which_field_is_refused(self, viewers: dict[str, Client]):
        answer = viewers["alice"].post(
            f"{PAGE}/channels/new/slack", {"name": "Ops", "url": "http://127.0.0.1/"}
        )

        assert answer.status_code == 422
        assert answer.context["form"].errors["url"] == ["Connections to 127.0.0.1 are not allowed."]

    def test_is_tested(self, acme: Acme, viewers: dict[str, Client]):
        channel = add(acme)

        page = viewers["alice"].post(f"{PAGE}/channels/{channel.public_id}/test", follow=True)

        assert "The test through “Ops” arrived." in text_of(page)
        assert [message.to for message in mail.outbox] == [["ops@acme.example"]]

    def test_is_enabled_when_a_test_arrives(self, acme: Acme, viewers: dict[str, Client], receiver: Receiver):
        channel = add(acme, "webhook", url=receiver.url)
        address = f"{PAGE}/channels/{channel.public_id}"
        viewers["alice"].post(f"{address}/disable")
        receiver.statuses.append(500)

        failed = text_of(viewers["alice"].post(f"{address}/enable", follow=True))
        enabled = text_of(viewers["alice"].post(f"{address}/enable", follow=True))

        assert "The test did not arrive: The receiver answered 500." in failed
        assert "“Ops” is enabled; a test has arrived." in enabled

    def test_is_deleted_by_its_name(self, acme: Acme, viewers: dict[str, Client]):
        channel = add(acme)

        viewers["alice"].post(f"{PAGE}/channels/{channel.public_id}/delete", {"name": "Ops"})

        assert "No channels yet" in text_of(viewers["alice"].get(PAGE))
