"""/notifications: rules, channels and history, as programs see them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import NotificationChannel, NotificationDelivery
from accounts.notifications.reporting import report
from config.lib.scoping import tenant
from tests.accounts.notifications.receiver import Receiver
from tests.cast import Acme, Cast, Globex
from tests.management_api import Api, data_of, error_of

pytestmark = pytest.mark.django_db

RULES, CHANNELS = "/notifications/rules", "/notifications/channels"
MAIL = {"type": "email", "name": "Ops", "config": {"to": ["ops@acme.example"]}}


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def refusal(response: Any, *, status: int) -> str:
    """The message of an error that was expected."""
    code, message = error_of(response)
    assert code == status
    return message


def webhook(receiver: Receiver, **config: Any) -> dict[str, Any]:
    """A channel that leads to the receiver."""
    return {"type": "webhook", "name": "Hook", "config": {"url": receiver.url, **config}}


class TestRules:
    def test_come_with_defaults(self, api: Api):
        found = {rule["kind"]: rule for rule in data_of(api.get(RULES))}

        assert list(found)[:3] == ["low_balance", "workspace_budget", "key_limit"]
        assert found["low_balance"] == {
            "kind": "low_balance",
            "unit": "usd",
            "thresholds": [5],
            "workspace_ids": None,
            "channel_ids": [],
            "email_administrators": True,
            "disabled": False,
            "updated_at": None,
        }
        assert (found["workspace_budget"]["thresholds"], found["key_limit"]["disabled"]) == ([80, 100], True)

    def test_keep_what_they_are_told(self, acme: Acme, api: Api):
        channel = data_of(api.post(CHANNELS, MAIL), status=201)["id"]

        changed = data_of(
            api.patch(
                f"{RULES}/workspace_budget",
                {"thresholds": [90, 50, 90], "workspace_ids": ["production"], "channel_ids": [channel]},
            )
        )

        assert changed["thresholds"] == [50, 90]
        assert changed["workspace_ids"] == [str(acme.production.public_id)]
        assert changed["channel_ids"] == [channel]
        assert data_of(api.get(f"{RULES}/workspace_budget")) == changed

    def test_count_money_exactly(self, api: Api):
        changed = api.patch(f"{RULES}/low_balance", {"thresholds": [0.000000001, 25.5]})

        shown = json.loads(changed.content, parse_float=Decimal)["data"]["thresholds"]
        assert shown == [Decimal("25.5"), Decimal("0.000000001")]

    @pytest.mark.parametrize(
        ("kind", "thresholds"),
        [
            ("workspace_budget", [0]),
            ("workspace_budget", [-1]),
            ("workspace_budget", [1001]),
            ("workspace_budget", [50.5]),
            ("workspace_budget", [True]),
            ("workspace_budget", ["80"]),
            ("workspace_budget", []),
            ("workspace_budget", [1e300]),
            ("workspace_budget", list(range(1, 12))),
            ("low_balance", [0]),
            ("low_balance", [1e12]),
            ("low_balance", [0.0000000001]),
            ("model_deprecation", [366]),
            ("destination_failing", [1]),
        ],
    )
    def test_take_no_thresholds_that_make_no_sense(self, api: Api, kind: str, thresholds: list[Any]):
        assert "thresholds" in refusal(api.patch(f"{RULES}/{kind}", {"thresholds": thresholds}), status=400)

    def test_about_the_whole_organization_take_no_workspaces(self, api: Api):
        refused = api.patch(f"{RULES}/low_balance", {"workspace_ids": ["production"]})

        assert refusal(refused, status=400).startswith("workspace_ids: low_balance is about the whole")

    @pytest.mark.parametrize("field", ["workspace_ids", "channel_ids"])
    def test_name_nothing_of_somebody_elses(self, globex: Globex, api: Api, field: str):
        others = Api(globex.management_key.secret)
        channel = data_of(others.post(CHANNELS, MAIL), status=201)["id"]
        theirs = {"workspace_ids": str(globex.default.public_id), "channel_ids": channel}[field]

        answers = [
            refusal(api.patch(f"{RULES}/workspace_budget", {field: [each]}), status=400).replace(each, "…")
            for each in (theirs, "00000000-0000-0000-0000-000000000000")
        ]

        assert answers[0] == answers[1]

    def test_of_an_unknown_kind_are_not_there(self, api: Api):
        assert api.get(f"{RULES}/unheard").status_code == 404
        assert api.patch(f"{RULES}/unheard", {}).status_code == 404

    def test_let_go_of_a_channel_that_is_deleted(self, api: Api):
        channel = data_of(api.post(CHANNELS, MAIL), status=201)["id"]
        api.patch(f"{RULES}/low_balance", {"channel_ids": [channel]})

        api.delete(f"{CHANNELS}/{channel}")

        assert data_of(api.get(f"{RULES}/low_balance"))["channel_ids"] == []


class TestChannels:
    def test_show_a_signing_secret_once(self, api: Api, receiver: Receiver):
        made = json.loads(api.post(CHANNELS, webhook(receiver)).content)
        secret = made["secrets"]["signing_secret"]

        shown = api.get(f"{CHANNELS}/{made['data']['id']}").content.decode()

        assert secret.startswith("whsec_")
        assert secret not in json.dumps(made["data"]) + shown + api.get(CHANNELS).content.decode()
        assert made["data"]["config"]["signing_secret"] == f"whsec_…{secret[-4:]}"

    def test_take_a_secret_of_ones_own_and_never_show_it(self, api: Api, receiver: Receiver):
        own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

        made = api.post(CHANNELS, webhook(receiver, signing_secret=own))

        assert made.status_code == 201
        assert json.loads(made.content)["secrets"] == {}
        assert own not in made.content.decode()

    def test_keep_the_secrets_that_are_not_given(self, acme: Acme, api: Api, receiver: Receiver):
        made = json.loads(api.post(CHANNELS, webhook(receiver)).content)
        address = f"{CHANNELS}/{made['data']['id']}"

        same = json.loads(api.patch(address, {"name": "Other"}).content)
        rotated = json.loads(
            api.patch(address, {"config": {"signing_secret": "whsec_" + "QUJD" * 11}}).content
        )

        assert (same["secrets"], same["data"]["config"]) == ({}, made["data"]["config"])
        assert rotated["data"]["config"] == {"url": receiver.url, "signing_secret": "whsec_…QUJD"}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({**MAIL, "type": "pigeon"}, "type"),
            ({**MAIL, "name": ""}, "name"),
            ({**MAIL, "config": None}, "config"),
            ({**MAIL, "config": {}}, "config.to"),
            ({**MAIL, "config": {"to": ["ops@acme.example"], "cc": []}}, "config.cc"),
            ({**MAIL, "config": {"to": "ops@acme.example"}}, "config.to"),
            ({"type": "slack", "name": "S", "config": {"url": "hooks.slack.com"}}, "config.url"),
            ({"type": "slack", "name": "S", "config": {"url": "http://10.0.0.1/x"}}, "config.url"),
            ({"type": "slack", "name": "S", "config": {"url": "https://u:p@slack.example/"}}, "config.url"),
            ({"type": "slack", "name": "S", "config": {"url": "https://[::1"}}, "config.url"),
            ({"type": "slack", "name": "S", "config": {"url": "https://a.example:x/"}}, "config.url"),
            ({"type": "slack", "name": "S", "config": {"url": "https://a.example/\r\nX: y"}}, "config.url"),
            ({"type": "webhook", "name": "W", "config": {"signing_secret": "x"}}, "config.signing_secret"),
            ({**MAIL, "disabled": True}, "disabled"),
        ],
    )
    def test_are_refused_by_the_name_of_what_is_wrong(self, api: Api, body: Any, field: str):
        assert field in refusal(api.post(CHANNELS, body), status=400)

    def test_are_a_handful(self, api: Api):
        for _ in range(20):
            api.post(CHANNELS, MAIL)

        assert "20" in refusal(api.post(CHANNELS, MAIL), status=400)

    def test_say_what_became_of_the_last_delivery(self, api: Api, receiver: Receiver):
        receiver.statuses.append(403)
        made = json.loads(api.post(CHANNELS, webhook(receiver)).content)["data"]

        tested = data_of(api.post(f"{CHANNELS}/{made['id']}/test", None))

        assert tested == {"delivered": False, "error": "The receiver answered 403."}
        last = data_of(api.get(f"{CHANNELS}/{made['id']}"))["last_delivery"]
        assert (made["last_delivery"], last["status"], last["error"]) == (None, "dead", tested["error"])

    def test_are_enabled_by_a_test_that_arrives(self, api: Api, receiver: Receiver):
        made = json.loads(api.post(CHANNELS, webhook(receiver)).content)["data"]
        disabled = data_of(api.post(f"{CHANNELS}/{made['id']}/disable", None))
        receiver.statuses.append(500)

        refused = refusal(api.post(f"{CHANNELS}/{made['id']}/enable", None), status=409)
        enabled = data_of(api.post(f"{CHANNELS}/{made['id']}/enable", None))

        assert (disabled["disabled"], enabled["disabled"]) == (True, False)
        assert refused == "The test did not arrive: The receiver answered 500."

    def test_are_tested_once_by_a_repeated_request(self, api: Api):
        channel = data_of(api.post(CHANNELS, MAIL), status=201)["id"]

        answers = [api.post(f"{CHANNELS}/{channel}/test", None, Idempotency_Key="once").content for _ in "12"]

        assert answers[0] == answers[1]
        assert len(mail.outbox) == 1

    def test_are_wiped_when_they_are_deleted(self, acme: Acme, api: Api, receiver: Receiver):
        channel = json.loads(api.post(CHANNELS, webhook(receiver)).content)["data"]["id"]

        api.delete(f"{CHANNELS}/{channel}")

        with tenant(acme.organization.pk):
            assert NotificationChannel.objects.get().sealed_secret == ""
        assert api.get(f"{CHANNELS}/{channel}").status_code == 404

    def test_are_listed_with_as_many_queries_however_many_there_are(self, api: Api):
        counts = []
        for _ in range(2):
            api.post(CHANNELS, MAIL)
            api.post(CHANNELS, MAIL)
            with CaptureQueriesContext(connection) as asked:
                api.get(CHANNELS)
            counts.append(len(asked))

        assert counts[0] == counts[1]


class TestTheHistory:
    def test_says_what_was_told_and_what_became_of_it(self, cast: Cast, api: Api):
        for number in (1, 2):
            report(
                organization_id=cast.acme.organization.pk,
                kind="destination_failing",
                subject=f"destination:{number}",
                facts={"name": f"Traces {number}"},
                workspace=str(cast.acme.production.public_id),
            )

        answer = json.loads(api.get("/notifications?limit=1").content)

        assert answer["total_count"] == 2
        [newest] = answer["data"]
        assert (newest["kind"], newest["title"]) == (
            "destination_failing",
            "Destination “Traces 2” is failing",
        )
        assert newest["workspace_id"] == str(cast.acme.production.public_id)
        assert newest["deliveries"] == [
            {
                "channel_id": None,
                "channel_name": None,
                "status": NotificationDelivery.PENDING,
                "attempts": 0,
                "error": "",
                "delivered_at": None,
            }
        ]
        assert data_of(Api(cast.globex.management_key.secret).get("/notifications")) == []

    def test_is_narrowed_to_a_kind(self, api: Api):
        channel = data_of(api.post(CHANNELS, MAIL), status=201)["id"]
        api.post(f"{CHANNELS}/{channel}/test", None)

        assert len(data_of(api.get("/notifications?kind=test"))) == 1
        assert data_of(api.get("/notifications?kind=low_balance")) == []
        assert "kind" in refusal(api.get("/notifications?kind=%00"), status=400)
