"""Rolling rules and channels back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import NotificationChannel, NotificationRule, Revision
from accounts.notifications import channels, rules
from accounts.restoring import CannotRestore
from accounts.revisions import Actor
from accounts.rolling_back import Side, roll_back
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def inside(acme: Acme) -> Iterator[None]:
    """Everything here happens in acme's scope."""
    with tenant(acme.organization.pk):
        yield


@pytest.fixture
def channel(acme: Acme) -> NotificationChannel:
    """Mail to somebody."""
    to = {"to": ["ops@acme.example"]}
    return channels.create(
        organization=acme.organization, kind="email", name="Ops", config=to, by=STAGE
    ).channel


def rolled_back(object_type: str, to: Side = "before", **options: Any) -> Revision:
    """Roll the newest revision of this kind back."""
    newest = Revision.objects.filter(object_type=object_type).latest("pk")
    return roll_back(revision=newest, to=to, by=Actor(door="shell"), **options)


def again(channel: NotificationChannel) -> NotificationChannel:
    """As it is stored."""
    found: NotificationChannel = NotificationChannel.objects.get(pk=channel.pk)
    return found


class TestARule:
    def test_goes_back_to_what_it_said(self, acme: Acme, channel: NotificationChannel):
        kind, organization = "workspace_budget", acme.organization
        rules.change(
            organization=organization,
            kind=kind,
            by=STAGE,
            thresholds=[70],
            channels=[channel.public_id],
            workspaces=["production"],
        )
        rules.change(
            organization=organization, kind=kind, by=STAGE, thresholds=[50], channels=[], workspaces=None
        )

        rolled_back("notificationrule")

        rule = NotificationRule.objects.get()
        assert (rule.thresholds, rule.channel_ids) == ([70], [channel.pk])
        assert rule.workspaces == [str(acme.production.public_id)]

    def test_goes_back_to_its_defaults(self, acme: Acme):
        rules.change(organization=acme.organization, kind="key_limit", by=STAGE, is_disabled=False)

        rolled_back("notificationrule")

        rule = NotificationRule.objects.get()
        assert (rule.is_disabled, rule.thresholds) == (True, [80, 100])

    def test_does_without_a_channel_that_is_gone(self, acme: Acme, channel: NotificationChannel):
        rules.change(
            organization=acme.organization, kind="low_balance", by=STAGE, channels=[channel.public_id]
        )
        channels.delete(channel=channel, by=STAGE)

        rolled_back("notificationrule")

        assert NotificationRule.objects.get().channel_ids == []


class TestAChannel:
    def test_gets_its_name_and_addresses_back(self, channel: NotificationChannel):
        channels.change(channel=channel, by=STAGE, name="Other", config={"to": ["other@acme.example"]})

        rolled_back("notificationchannel")

        assert (again(channel).name, again(channel).config) == ("Ops", {"to": ["ops@acme.example"]})

    def test_is_deleted_when_its_beginning_is_rolled_back(self, channel: NotificationChannel):
        rolled_back("notificationchannel")

        assert again(channel).deleted_at is not None

    def test_stays_deleted(self, channel: NotificationChannel):
        channels.delete(channel=channel, by=STAGE)

        with pytest.raises(CannotRestore, match="wiped"):
            rolled_back("notificationchannel")

    def test_is_enabled_by_a_test_alone(self, channel: NotificationChannel):
        channels.switch(channel=channel, is_disabled=True, by=STAGE)

        with pytest.raises(CannotRestore, match="sends a test"):
            rolled_back("notificationchannel")

    def test_keeps_an_address_that_its_secret_was_made_for(self, acme: Acme):
        made = channels.create(
            organization=acme.organization,
            kind="webhook",
            name="Hook",
            config={"url": "https://a.example/"},
            by=STAGE,
        )
        channels.change(channel=made.channel, by=STAGE, config={"url": "https://b.example/"})

        with pytest.raises(CannotRestore, match="secret"):
            rolled_back("notificationchannel")
