"""The whole way: requests at the gateway, traces at servers that others wrote, which are asked in their own ways."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from observability.destinations import DESTINATIONS
from observability.destinations.clickhouse import table_statement
from tests.e2e.broadcasting import NANO, SESSIONS, WORD, Broadcasting, broadcasting
from tests.e2e.receivers import servers
from tests.e2e.receivers.asking import AWS, BUCKET, PASSWORD, USER, Received, settled
from tests.e2e.receivers.webhook import SECRET, webhook
from tests.live_stack import OPENED, LiveStack, running_stack, stack_folder

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

REQUESTS = int(os.environ.get("BROADCAST_REQUESTS", "1000"))
"""Fewer while somebody works on this."""
SECONDS = 900.0


@dataclass(frozen=True)
class Delivered:
    """Everything after the requests: who received them, under which name, and what Headgate says of them."""

    world: Broadcasting
    receivers: dict[str, Any]
    told: Received

    def found(self, name: str) -> Received:
        """What a receiver says; costs are compared in whole nano-dollars."""
        found = settled(self.receivers[name], self.told.count, 300.0)
        return replace(found, cost_usd=round(found.cost_usd * NANO) / NANO)


@pytest.fixture(scope="module")
def stack() -> Iterator[LiveStack]:
    """A stack of our own."""
    with stack_folder() as folder, running_stack(folder / "var", "--demo", given=OPENED) as stack:
        yield stack


@pytest.fixture(scope="module")
def world(stack: LiveStack) -> Iterator[Broadcasting]:
    """Who broadcasts."""
    with broadcasting(stack) as world:
        world.switch_on()
        yield world


@pytest.fixture(scope="module")
def delivered(world: Broadcasting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivered]:
    """The requests, at five receivers."""
    with ExitStack() as opened:
        receivers = started(opened, tmp_path_factory.mktemp("receivers"))
        destinations = {name: at(world, name, receiver) for name, receiver in receivers.items()}
        began = time.monotonic()
        ids = world.ask(range(REQUESTS))
        print(f"{REQUESTS} requests in {time.monotonic() - began:.1f} s")
        for name, destination in destinations.items():
            world.wait_until_sent(destination, REQUESTS, SECONDS)
            print(f"all at {name} after {time.monotonic() - began:.1f} s")
        yield Delivered(world, receivers, world.told(ids))
        for destination in destinations.values():
            world.management.observability.delete(id=destination)


def started(opened: ExitStack, folder: Path) -> dict[str, Any]:
    """The five receivers."""
    return {
        "webhook": opened.enter_context(webhook()),
        "s3": opened.enter_context(servers.moto(folder / "moto")),
        "clickhouse": opened.enter_context(servers.clickhouse(folder / "clickhouse")),
        "phoenix": opened.enter_context(servers.phoenix(folder / "phoenix")),
        "mlflow": opened.enter_context(servers.mlflow(folder / "mlflow")),
    }


def at(world: Broadcasting, name: str, receiver: Any) -> str:
    """The destination that sends to a receiver; S3's is in privacy mode."""
    if name == "webhook":
        return world.destination("webhook", {"url": receiver.url, "signingSecret": SECRET})
    if name == "s3":
        config = {
            "bucketName": BUCKET,
            "endpoint": receiver.endpoint,
            "accessKeyId": AWS.access_key_id,
            "secretAccessKey": AWS.secret_access_key,
        }
        return world.destination("s3", config, privacy_mode=True)
    if name == "clickhouse":
        config = {"host": receiver.host, "database": "traces", "username": USER, "password": PASSWORD}
        receiver.run(table_statement(DESTINATIONS["clickhouse"].read_config(config)))
        return world.destination("clickhouse", config)
    headers = {"headers": receiver.headers} if name == "mlflow" else {}
    return world.destination("otel-collector", {"endpoint": receiver.endpoint, **headers})


class TestAThousandRequests:
    def test_are_what_was_asked(self, delivered: Delivered):
        told = delivered.told

        assert (told.count, len(told.sessions)) == (REQUESTS, min(REQUESTS, SESSIONS))
        assert told.tokens > REQUESTS
        assert told.cost_usd > 0

    @pytest.mark.parametrize("name", ["webhook", "s3", "clickhouse", "phoenix", "mlflow"])
    def test_are_at_each_receiver_once_with_tokens_costs_sessions_and_parents(
        self, delivered: Delivered, name: str
    ):
        assert delivered.found(name) == delivered.told

    def test_come_signed(self, delivered: Delivered):
        assert delivered.receivers["webhook"].unsigned == 0


class TestTheirContent:
    @pytest.mark.parametrize("name", ["webhook", "clickhouse", "phoenix", "mlflow"])
    def test_is_where_it_may_be(self, delivered: Delivered, name: str):
        assert WORD in delivered.receivers[name].text()

    def test_is_not_where_privacy_is_asked_for(self, delivered: Delivered):
        text = delivered.receivers["s3"].text()

        assert "gen-" in text
        assert WORD not in text

    def test_is_kept_nowhere_after_its_delivery(self, delivered: Delivered):
        environment = delivered.world.stack.environment()
        with psycopg.connect(environment["HEADGATE_OWNER_DATABASE_URL"]) as connection:
            [left] = connection.execute("SELECT count(*) FROM generation_content").fetchone() or [None]

        assert left == 0


class TestAReceiverThatGoesAway:
    def test_is_told_of_and_gets_everything_when_it_is_back(self, world: Broadcasting):
        with webhook() as known:
            destination = world.destination("webhook", {"url": known.url, "signingSecret": SECRET})
            world.ask(range(3))
            world.wait_until_sent(destination, 3, 30)
        asked = 3

        def is_told() -> bool:
            nonlocal asked
            asked += len(world.ask([asked]))
            told = world.managed("/notifications?kind=destination_failing")
            return any(each["facts"]["name"] == "webhook here" for each in told)

        world.stack.wait(is_told, 90, "a notification of a failing destination")
        assert world.state(destination)["breaker"] == "open"
        port = int(known.url.split(":")[2].split("/")[0])
        with webhook(port, known):
            world.wait_until_sent(destination, asked, 120)

        assert world.state(destination)["breaker"] == "closed"
        assert known.received().count == asked
        world.management.observability.delete(id=destination)
