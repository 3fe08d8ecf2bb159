"""Getting notifications to where they go: real receivers, tries and refusals, and what is told of failing ones."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts.models import Notification, NotificationChannel, NotificationDelivery, Revision
from accounts.notifications import channels, rules
from accounts.notifications.channel_types import channel_type
from accounts.notifications.delivering import LEASE, RETRY_SECONDS, claim_due, deliver
from accounts.notifications.reporting import report, resolve
from accounts.notifications.standard_webhooks import signed_headers
from accounts.notifications.trying import TestFailed, TooManyTests, enable, send_test
from config.lib.scoping import tenant
from tests.accounts.notifications.receiver import Receiver
from tests.cast import STAGE, Acme

pytestmark = pytest.mark.django_db

FAILING = "destination_failing"
FACTS = {"name": "Traces", "error": "It answered 500."}


@pytest.fixture(autouse=True)
def inside(acme: Acme) -> Iterator[None]:
    """Everything here happens in acme's scope."""
    with tenant(acme.organization.pk):
        yield


def add(acme: Acme, kind: str, **config: Any) -> channels.Made:
    """A channel that the rule about failing destinations uses, besides no mail."""
    made = channels.create(organization=acme.organization, kind=kind, name="Ops", config=config, by=STAGE)
    rules.change(
        organization=acme.organization,
        kind=FAILING,
        by=STAGE,
        channels=[made.channel.public_id],
        is_mailed_to_administrators=False,
    )
    return made


def happen(acme: Acme, number: int = 1) -> bool:
    """A destination begins to fail."""
    return report(
        organization_id=acme.organization.pk, kind=FAILING, subject=f"destination:{number}", facts=FACTS
    )


def work(*, again: int = 1) -> None:
    """What the tasks do, as if every waiting time were over."""
    for _ in range(again):
        NotificationDelivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
        for delivery_id, attempt in claim_due():
            deliver(delivery_id=delivery_id, attempt=attempt)


def the_delivery() -> NotificationDelivery:
    """The only one."""
    found: NotificationDelivery = NotificationDelivery.objects.get()
    return found


class TestAWebhook:
    def test_is_signed_as_standard_webhooks_says(self, acme: Acme, receiver: Receiver):
        secret = add(acme, "webhook", url=f"{receiver.url}/hook").issued["signing_secret"]

        happen(acme)
        work()

        [came] = receiver.came
        signed = f"{came.headers['webhook-id']}.{came.headers['webhook-timestamp']}.".encode() + came.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert came.headers["webhook-signature"] == f"v1,{expected}"
        assert abs(int(came.headers["webhook-timestamp"]) - time.time()) < 60
        assert the_delivery().status == "delivered"

    def test_says_what_happened(self, acme: Acme, receiver: Receiver):
        add(acme, "webhook", url=f"{receiver.url}/hook")

        happen(acme)
        work()

        said = receiver.came[0].json
        notification = Notification.objects.get()
        assert (receiver.came[0].path, said["type"]) == ("/hook", "notification.destination_failing")
        assert said["data"] == {
            "id": str(notification.public_id),
            "title": "Destination “Traces” is failing",
            "organization": "acme",
            "workspace_id": None,
            "link": "http://testserver/o/acme/notifications",
            "facts": FACTS,
        }

    def test_signs_the_examples_of_the_specification(self):
        """https://github.com/standard-webhooks/standard-webhooks, the libraries' own vector."""
        signed = signed_headers(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            identifier="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp=1614265330,
            body=b'{"test": 2432232314}',
        )

        assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    def test_gets_another_secret_with_another_address(self, acme: Acme, receiver: Receiver):
        made = add(acme, "webhook", url=f"{receiver.url}/hook")

        renamed = channels.change(channel=made.channel, by=STAGE, name="Other")
        moved = channels.change(channel=made.channel, by=STAGE, config={"url": f"{receiver.url}/other"})

        assert not renamed.issued
        assert moved.issued["signing_secret"] != made.issued["signing_secret"]

    def test_is_sent_again_with_the_same_identifier_and_body(self, acme: Acme, receiver: Receiver):
        receiver.statuses.extend([500, 429, 503])
        add(acme, "webhook", url=receiver.url)

        happen(acme)
        work(again=5)

        assert len({came.headers["webhook-id"] for came in receiver.came}) == 1
        assert len({came.body for came in receiver.came}) == 1
        assert (len(receiver.came), the_delivery().status, the_delivery().attempts) == (4, "delivered", 4)

    def test_waits_as_long_as_it_is_asked_to(self, acme: Acme, receiver: Receiver):
        receiver.statuses.append(429)
        receiver.headers["Retry-After"] = "1800"
        add(acme, "webhook", url=receiver.url)

        happen(acme)
        work()

        assert the_delivery().next_attempt_at > timezone.now() + timedelta(seconds=1700)
        assert not claim_due()

    def test_is_sent_again_when_no_answer_comes(
        self, acme: Acme, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(channel_type, "SECONDS", 0.2)
        receiver.silent_seconds = 0.6
        add(acme, "webhook", url=receiver.url)

        happen(acme)
        work()
        first = the_delivery()
        receiver.silent_seconds = 0
        work()

        assert (first.status, first.error) == ("pending", "No answer came.")
        assert the_delivery().status == "delivered"

    def test_that_never_answers_is_dead_in_the_end(self, acme: Acme, receiver: Receiver):
        receiver.statuses.extend([500] * 20)
        channel = add(acme, "webhook", url=receiver.url).channel

        happen(acme)
        work(again=20)

        assert len(receiver.came) == len(RETRY_SECONDS)
        assert (the_delivery().status, the_delivery().error) == ("dead", "The receiver answered 500.")
        assert not NotificationChannel.objects.get(pk=channel.pk).is_disabled

    def test_may_not_lead_into_the_operators_network(self, acme: Acme):
        with pytest.raises(
            channels.NotValid, match=r"config\.url: connections to 127\.0\.0\.1 are not allowed"
        ):
            add(acme, "webhook", url="http://127.0.0.1:9/hook")

    def test_follows_no_redirect(self, acme: Acme, receiver: Receiver):
        receiver.statuses.extend([302])
        receiver.headers["Location"] = f"{receiver.url}/elsewhere"
        add(acme, "webhook", url=receiver.url)

        happen(acme)
        work()

        assert [came.path for came in receiver.came] == ["/"]
        assert the_delivery().error == "The receiver answered 302."


class TestSlack:
    def test_gets_blocks_in_which_nobody_is_mentioned(self, acme: Acme, receiver: Receiver):
        add(acme, "slack", url=f"{receiver.url}/services/T0/B0/secretpart")

        report(
            organization_id=acme.organization.pk,
            kind=FAILING,
            subject="destination:1",
            facts={"name": "<!channel> & co", "error": "<@U1> failed"},
        )
        work()

        said = receiver.came[0].json
        assert receiver.came[0].path == "/services/T0/B0/secretpart"
        assert said["text"] == "Destination “&lt;!channel&gt; &amp; co” is failing"
        assert [block["type"] for block in said["blocks"]] == ["header", "section", "context"]
        assert said["blocks"][0]["text"]["type"] == "plain_text"
        assert said["blocks"][1]["fields"][0]["text"] == "*Error*\n&lt;@U1&gt; failed"

    def test_keeps_its_address_for_itself(self, acme: Acme, receiver: Receiver):
        channel = add(acme, "slack", url=f"{receiver.url}/services/T0/B0/secretpart").channel

        stored = NotificationChannel.objects.get(pk=channel.pk)
        assert stored.config == {}
        assert stored.hints == {"url": "http://127.0.0.1/…part"}
        assert "secretpart" not in stored.sealed_secret
        recorded = Revision.objects.filter(object_type="notificationchannel").values_list("after", flat=True)
        assert all("secretpart" not in str(after) and "sealed" not in str(after) for after in recorded)


class TestMail:
    def test_goes_to_the_administrators_with_text_and_html(self, acme: Acme):
        happen(acme)
        work()

        [message] = mail.outbox
        assert message.to == ["alice@acme.example"]
        assert message.subject == "[Acme] Destination “Traces” is failing"
        assert "Error: It answered 500." in str(message.body)
        [(html, kind)] = message.alternatives
        assert (kind, "It answered 500." in str(html)) == ("text/html", True)

    def test_has_one_message_id_however_often_it_is_sent(self, acme: Acme):
        add(acme, "email", to=["ops@acme.example", "on-call@acme.example"])
        happen(acme)
        work()
        NotificationDelivery.objects.update(status="pending", delivered_at=None)

        work()

        assert [message.to for message in mail.outbox] == [["ops@acme.example", "on-call@acme.example"]] * 2
        assert len({message.extra_headers["Message-ID"] for message in mail.outbox}) == 1

    def test_shows_names_as_text_in_one_line(self, acme: Acme):
        report(
            organization_id=acme.organization.pk,
            kind=FAILING,
            subject="destination:1",
            facts={"name": "a\r\nBcc: x@y.example <script>", "error": "<b>"},
        )
        work()

        [message] = mail.outbox
        assert message.subject == "[Acme] Destination “a Bcc: x@y.example <script>” is failing"
        assert "<script>" not in str(message.alternatives[0][0])

    def test_that_cannot_be_sent_is_tried_again(self, acme: Acme, settings: Settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        happen(acme)
        work()
        first = the_delivery()
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

        work()

        assert (first.status, first.error) == ("pending", "The mail could not be sent.")
        assert the_delivery().status == "delivered"

    @pytest.mark.parametrize("to", [[], ["nobody"], ["a@b.example\nBcc: c@d.example"], ["a@b.example"] * 11])
    def test_goes_to_a_handful_of_real_addresses_alone(self, acme: Acme, to: list[str]):
        with pytest.raises(channels.NotValid, match=r"config\.to"):
            add(acme, "email", to=to)


class TestARefusal:
    def test_is_tried_three_times(self, acme: Acme, receiver: Receiver):
        receiver.statuses.extend([404] * 9)
        add(acme, "webhook", url=receiver.url)

        happen(acme)
        work(again=9)

        assert (len(receiver.came), the_delivery().status) == (3, "dead")

    def test_of_three_in_a_row_disables_the_channel_and_is_told_elsewhere(
        self, acme: Acme, receiver: Receiver
    ):
        receiver.statuses.extend([404] * 9)
        channel = add(acme, "webhook", url=receiver.url).channel

        for number in (1, 2, 3):
            assert not NotificationChannel.objects.get(pk=channel.pk).is_disabled
            happen(acme, number)
            work(again=3)
        work()

        disabled = NotificationChannel.objects.get(pk=channel.pk)
        assert (disabled.is_disabled, disabled.disabled_reason) == (True, "The receiver answered 404.")
        assert Revision.objects.filter(object_type="notificationchannel", door="worker").count() == 1
        [message] = mail.outbox
        assert message.subject == "[Acme] Notification channel “Ops” was disabled"

    def test_for_good_disables_it_at_once(self, acme: Acme, receiver: Receiver):
        receiver.statuses.append(410)
        channel = add(acme, "webhook", url=receiver.url).channel

        happen(acme)
        work()

        assert NotificationChannel.objects.get(pk=channel.pk).is_disabled

    def test_is_told_once_for_each_time_the_channel_is_disabled(self, acme: Acme, receiver: Receiver):
        channel = add(acme, "webhook", url=receiver.url).channel
        for number in (1, 2):
            receiver.statuses.append(410)
            happen(acme, number)
            work()
            enable(channel=channel, by=STAGE)

        assert Notification.objects.filter(kind="channel_disabled").count() == 2


class TestADisabledChannel:
    def test_is_sent_nothing(self, acme: Acme, receiver: Receiver):
        channel = add(acme, "webhook", url=receiver.url).channel
        happen(acme, 1)
        channels.switch(channel=channel, is_disabled=True, by=STAGE)
        happen(acme, 2)

        work()

        assert not receiver.came
        assert the_delivery().error == "The channel is disabled."

    def test_is_enabled_by_a_test_that_arrives(self, acme: Acme, receiver: Receiver):
        channel = add(acme, "webhook", url=receiver.url).channel
        channels.switch(channel=channel, is_disabled=True, by=STAGE)

        enabled = enable(channel=channel, by=STAGE)

        assert not enabled.is_disabled
        assert receiver.came[0].json["type"] == "notification.test"

    def test_stays_disabled_when_the_test_fails(self, acme: Acme, receiver: Receiver):
        receiver.statuses.append(500)
        channel = add(acme, "webhook", url=receiver.url).channel
        channels.switch(channel=channel, is_disabled=True, by=STAGE)

        with pytest.raises(TestFailed, match=r"The receiver answered 500\."):
            enable(channel=channel, by=STAGE)

        assert NotificationChannel.objects.get(pk=channel.pk).is_disabled


class TestATest:
    def test_is_sent_once_and_stands_in_the_history(self, acme: Acme, receiver: Receiver):
        receiver.statuses.append(500)
        channel = add(acme, "webhook", url=receiver.url).channel

        delivery = send_test(channel=channel)
        work(again=3)

        assert (delivery.status, delivery.error) == ("dead", "The receiver answered 500.")
        assert len(receiver.came) == 1
        assert Notification.objects.get().title == "This is a test of “Ops”"

    def test_is_refused_after_thirty_in_an_hour(self, acme: Acme):
        channel = add(acme, "email", to=["ops@acme.example"]).channel
        for _ in range(30):
            send_test(channel=channel)

        with pytest.raises(TooManyTests):
            send_test(channel=channel)


class TestAWorkerThatDies:
    def test_before_it_sends_leaves_the_delivery_to_others(self, acme: Acme, receiver: Receiver):
        add(acme, "webhook", url=receiver.url)
        happen(acme)

        claimed = claim_due()  # … and then it dies

        assert claimed
        assert not claim_due()
        work()
        assert (len(receiver.came), the_delivery().status) == (1, "delivered")

    def test_after_it_has_sent_makes_others_send_the_same_identifier(self, acme: Acme, receiver: Receiver):
        add(acme, "webhook", url=receiver.url)
        happen(acme)
        work()
        NotificationDelivery.objects.update(status="pending", delivered_at=None)  # as it stood while it sent

        work()

        assert len({came.headers["webhook-id"] for came in receiver.came}) == 1
        assert (len(receiver.came), Notification.objects.count()) == (2, 1)

    def test_gives_others_time_to_come(self, acme: Acme, receiver: Receiver):
        add(acme, "webhook", url=receiver.url)
        happen(acme)
        claim_due()

        assert the_delivery().next_attempt_at > timezone.now() + LEASE / 2

    def test_leaves_no_try_that_two_make(self, acme: Acme, receiver: Receiver):
        add(acme, "webhook", url=receiver.url)
        happen(acme)
        [(delivery_id, attempt)] = claim_due()

        for _ in range(3):
            deliver(delivery_id=delivery_id, attempt=attempt)

        assert len(receiver.came) == 1


class TestAnEpisode:
    def test_is_told_once_however_often_it_is_reported(self, acme: Acme):
        assert [happen(acme) for _ in range(5)] == [True, False, False, False, False]

        assert Notification.objects.count() == 1

    def test_is_told_again_after_it_was_resolved(self, acme: Acme):
        happen(acme)
        resolve(organization_id=acme.organization.pk, kind=FAILING, subject="destination:1")
        resolve(organization_id=acme.organization.pk, kind=FAILING, subject="destination:2")

        assert happen(acme)

    def test_is_no_kind_with_thresholds(self, acme: Acme):
        with pytest.raises(TypeError):
            report(organization_id=acme.organization.pk, kind="low_balance", subject="x", facts={"name": "x"})
