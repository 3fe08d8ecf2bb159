"""Trying a destination out: the connection, before and after it is kept, and a trace that says it is a test."""

from __future__ import annotations

import json
from typing import Any

import pytest

from observability.destination_probes import trial_place
from tests.cast import Acme
from tests.management_api import Api, data_of, error_of
from tests.observability.destination_kinds import NEW
from tests.observability.receiver import Receiver

pytestmark = pytest.mark.django_db

PATH = "/observability/destinations"


def config_of(receiver: Receiver, path: str = "/in") -> dict[str, Any]:
    """A configuration that leads to the receiver."""
    return NEW["config"] | {"endpoint": receiver.url + path}


def made(api: Api, receiver: Receiver, path: str = "/in", **fields: Any) -> str:
    """The address of a destination that leads to the receiver."""
    destination = data_of(api.post(PATH, NEW | {"config": config_of(receiver, path)} | fields), status=201)
    return f"{PATH}/{destination['id']}"


class TestTheConnection:
    def test_is_tried_before_anything_is_kept(self, api: Api, receiver: Receiver):
        tried = data_of(api.post(f"{PATH}/test", {"type": NEW["type"], "config": config_of(receiver)}))

        assert tried == {"success": True, "message": None}
        assert receiver.requests[0][2]["X-Api-Key"] == NEW["config"]["apiKey"]
        assert data_of(api.get(PATH)) == []

    def test_is_tried_as_it_is_kept(self, api: Api, receiver: Receiver):
        assert data_of(api.post(f"{made(api, receiver)}/test"))["success"] is True

    def test_is_tried_with_changes_that_are_not_kept(self, api: Api, receiver: Receiver):
        address = made(api, receiver)

        data_of(api.post(f"{address}/test", {"config": {"apiKey": "sk-another-key-7890"}}))

        assert receiver.requests[0][2]["X-Api-Key"] == "sk-another-key-7890"
        assert data_of(api.get(address))["config"]["apiKey"] == "sk-N...AbCd"

    def test_that_is_refused_says_so(self, api: Api, receiver: Receiver):
        assert data_of(api.post(f"{made(api, receiver, '/refused')}/test")) == {
            "success": False,
            "message": "HTTP 401",
        }

    @pytest.mark.parametrize(
        "endpoint", ["http://169.254.169.254/latest", "http://10.0.0.1/", "nonsense", "\n"]
    )
    def test_goes_nowhere_that_is_forbidden(self, api: Api, receiver: Receiver, endpoint: str):
        config = NEW["config"] | {"endpoint": endpoint}

        tried = data_of(api.post(f"{PATH}/test", {"type": NEW["type"], "config": config}))

        assert tried["success"] is False

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"type": "nobody", "config": {}}, "type"),
            ({"type": NEW["type"]}, "config"),
            ({"type": NEW["type"], "config": {"endpoint": "e"}}, "config.apiKey"),
            ({"type": NEW["type"], "config": NEW["config"] | {"apiKey": "********"}}, "config.apiKey"),
        ],
    )
    def test_needs_a_whole_configuration(self, api: Api, body: dict[str, Any], named: str):
        status, message = error_of(api.post(f"{PATH}/test", body))

        assert (status, message.partition(":")[0]) == (400, named)


class TestTheTestTrace:
    def test_is_the_documented_one(self, api: Api, receiver: Receiver):
        tried = data_of(api.post(f"{made(api, receiver)}/test-trace"))

        ((name, said, custom),) = json.loads(receiver.requests[0][3])
        assert tried == {"success": True, "message": None}
        assert name == "Test Trace - OpenRouter Observability"
        assert said["messages"]
        assert (custom["environment"], custom["source"], custom["test"]) == (
            "test",
            "observability-test-button",
            True,
        )

    def test_has_no_content_in_privacy_mode(self, api: Api, receiver: Receiver):
        data_of(api.post(f"{made(api, receiver, privacy_mode=True)}/test-trace"))

        ((_, said, _),) = json.loads(receiver.requests[0][3])
        assert said is None

    def test_that_does_not_arrive_says_so(self, api: Api, receiver: Receiver):
        assert data_of(api.post(f"{made(api, receiver, '/refused')}/test-trace"))["success"] is False


class TestManyAtOnce:
    def test_cannot_take_the_control_planes_threads(self, api: Api, receiver: Receiver, acme: Acme):
        address = made(api, receiver)
        wanted = {"type": NEW["type"], "config": config_of(receiver)}

        with trial_place(acme.organization.pk), trial_place(acme.organization.pk):
            answers = [
                api.post(f"{PATH}/test", wanted),
                api.post(f"{address}/test"),
                api.post(f"{address}/test-trace"),
            ]

        assert [answer.status_code for answer in answers] == [429, 429, 429]
        assert receiver.requests == []
        assert data_of(api.post(f"{address}/test"))["success"] is True

    def test_of_one_organization_leave_places_to_others(self, api: Api, receiver: Receiver, acme: Acme):
        with trial_place(acme.organization.pk + 1), trial_place(acme.organization.pk + 1):
            assert data_of(api.post(f"{made(api, receiver)}/test"))["success"] is True
