"""A destination's secrets are nowhere: in no column of any table, no answer, no page and no log, however they came."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.cast import Acme
from tests.management_api import Api, data_of
from tests.observability.destination_kinds import NEW, use_mailbox
from tests.routing.test_no_secret import rows_with

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

SENTINEL = "NeverToBeSeenAgain"
PATH = "/observability/destinations"
SECRETS = {
    "apiKey": f"sk-{SENTINEL}-AbCd",
    "password": SENTINEL,
    "headers": {"Authorization": f"Bearer {SENTINEL}-EfGh"},
}
CONFIG = NEW["config"] | SECRETS


@pytest.fixture
def api(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Acme's management API, with mailboxes."""
    use_mailbox(monkeypatch)
    return Api(acme.management_key.secret)


class TestASecret:
    def test_is_in_no_table_answer_or_log(self, api: Api, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.DEBUG)
        body = NEW | {"config": CONFIG, "all_workspaces": True}
        made = api.post(PATH, body, Idempotency_Key="k1")
        address = f"{PATH}/{data_of(made, status=201)['id']}"
        answers: list[Any] = [
            made,
            api.patch(address, {"config": {"apiKey": f"{SENTINEL}-2"}}),
            api.patch(address, {"config": {"endpoint": "https://192.0.2.2/", "apiKey": SENTINEL}}),
            api.patch(address, {"config": {"apiKey": [SENTINEL]}}),
            api.patch(address, {"config": {"headers": {"X": f"{SENTINEL}\r\n"}}}),
            api.post(f"{PATH}/test", {"type": NEW["type"], "config": CONFIG}),
            api.post(f"{address}/test", {"config": {"password": f"{SENTINEL}-3"}}),
            api.post(f"{address}/test-trace"),
            api.post(PATH, NEW | {"config": CONFIG, "type": "nobody"}),
            api.post(PATH, NEW | {"config": CONFIG | {"strange": SENTINEL}}),
            api.get(PATH),
            api.get(PATH, workspace_id="production"),
            api.get(address),
            api.get("/revisions"),
            api.get("/audit-log"),
            api.delete(address),
        ]

        assert rows_with((SENTINEL,)) == []
        assert [answer.content for answer in answers if SENTINEL.encode() in answer.content] == []
        assert SENTINEL not in caplog.text

    def test_would_be_found(self, api: Api):
        api.post(PATH, NEW | {"name": SENTINEL})

        assert rows_with((SENTINEL,)) == ["destination", "revision"]
