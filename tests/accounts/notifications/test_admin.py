"""Channels and rules in the Django admin: through the domain functions, and without their secrets."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core import mail

from accounts.models import NotificationChannel, NotificationRule, Revision
from config.lib.scoping import tenant
from tests.admin_pages import Doors, errors_of, page
from tests.cast import Acme

pytestmark = pytest.mark.django_db

TO = '{"to": ["ops@acme.example"]}'


def add(doors: Doors, acme: Acme, kind: str = "email", config: str = TO, who: str = "alice"):
    """Add a channel of acme's."""
    values = {"organization": acme.organization.pk, "type": kind, "name": "Ops", "config": config}
    return doors[who].post(page(NotificationChannel, "add"), values)


def the_channel(acme: Acme) -> NotificationChannel:
    """The only one."""
    with tenant(acme.organization.pk):
        found: NotificationChannel = NotificationChannel.objects.get()
        return found


class TestAChannel:
    def test_is_added_and_recorded(self, doors: Doors, acme: Acme):
        add(doors, acme)

        assert the_channel(acme).config == {"to": ["ops@acme.example"]}
        with tenant(acme.organization.pk):
            recorded = Revision.objects.get(object_type="notificationchannel")
        assert (recorded.door, recorded.user) == ("admin", acme.alice.user)

    def test_shows_no_secret(self, doors: Doors, acme: Acme):
        add(doors, acme, "slack", '{"url": "https://hooks.slack.com/services/T/B/secretpart"}')

        shown = doors["alice"].get(page(NotificationChannel, "change", the_channel(acme).pk))

        assert "secretpart" not in shown.content.decode()
        assert "hooks.slack.com" in shown.content.decode()

    def test_shows_a_signing_secret_once(self, doors: Doors, acme: Acme):
        made = add(doors, acme, "webhook", '{"url": "https://a.example/"}').content.decode()
        address = page(NotificationChannel, "change", the_channel(acme).pk)

        [secret] = set(re.findall(r"whsec_[A-Za-z0-9+/]{40,}=", made))
        assert secret not in doors["alice"].get(address).content.decode()

    def test_gets_no_secret_that_nobody_sees(self, doors: Doors, acme: Acme):
        add(doors, acme, "webhook", '{"url": "https://a.example/"}')
        address = page(NotificationChannel, "change", the_channel(acme).pk)

        refused = doors["alice"].post(address, {"name": "Ops", "config": '{"url": "https://b.example/"}'})

        assert "signing_secret" in str(errors_of(refused)["config"])
        assert the_channel(acme).config == {"url": "https://a.example/"}

    def test_keeps_its_secret_when_its_name_changes(self, doors: Doors, acme: Acme):
        add(doors, acme, "webhook", '{"url": "https://a.example/"}')
        before = the_channel(acme)

        doors["alice"].post(
            page(NotificationChannel, "change", before.pk),
            {"name": "Other", "config": '{"url": "https://a.example/"}'},
        )

        after = the_channel(acme)
        assert (after.name, after.sealed_secret) == ("Other", before.sealed_secret)

    @pytest.mark.parametrize("config", ['{"to": []}', "[]", "{", '{"url": "https://a.example/"}'])
    def test_with_a_wrong_configuration_is_an_error_of_the_form(self, doors: Doors, acme: Acme, config: str):
        assert "config" in errors_of(add(doors, acme, config=config))

    def test_of_somebody_elses_is_refused(self, doors: Doors, acme: Acme):
        assert "organization" in errors_of(add(doors, acme, who="mallory"))

    def test_is_disabled_and_enabled_by_a_test(self, doors: Doors, acme: Acme):
        add(doors, acme)
        channel = the_channel(acme)

        seen = []
        for action in ("disable", "test_and_enable"):
            chosen = {"action": action, ACTION_CHECKBOX_NAME: [channel.pk]}
            doors["alice"].post(page(NotificationChannel, "changelist"), chosen)
            seen.append(the_channel(acme).is_disabled)

        assert seen == [True, False]
        assert len(mail.outbox) == 1

    def test_is_wiped_when_it_is_deleted(self, doors: Doors, acme: Acme):
        add(doors, acme, "webhook", '{"url": "https://a.example/"}')

        doors["alice"].post(page(NotificationChannel, "delete", the_channel(acme).pk), {"post": "yes"})

        assert (the_channel(acme).sealed_secret, the_channel(acme).deleted_at is None) == ("", False)


class TestARule:
    def test_is_set_and_changed(self, doors: Doors, acme: Acme):
        values = {"organization": acme.organization.pk, "kind": "key_limit", "thresholds": "[90, 50]"}
        doors["alice"].post(page(NotificationRule, "add"), values)
        with tenant(acme.organization.pk):
            rule = NotificationRule.objects.get()

        doors["alice"].post(
            page(NotificationRule, "change", rule.pk), {"thresholds": "[75]", "is_disabled": "on"}
        )

        with tenant(acme.organization.pk):
            changed = NotificationRule.objects.get()
        assert (rule.thresholds, rule.is_disabled) == ([50, 90], False)
        assert (changed.thresholds, changed.is_disabled) == ([75], True)

    @pytest.mark.parametrize("thresholds", ["[0]", "[]", '["80"]', "[1.5]", "80", "[true]"])
    def test_with_wrong_thresholds_is_an_error_of_the_form(self, doors: Doors, acme: Acme, thresholds: str):
        values = {"organization": acme.organization.pk, "kind": "key_limit", "thresholds": thresholds}

        assert "thresholds" in errors_of(doors["alice"].post(page(NotificationRule, "add"), values))
