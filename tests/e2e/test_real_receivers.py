"""Servers that others wrote take our traces, and give back what was sent when they are asked in their own ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from config.lib.outbound import OutboundRules
from observability.destinations import DESTINATIONS
from observability.destinations.clickhouse import table_statement
from observability.destinations.exchange import Outcome
from observability.door import OutboundDoor
from tests.e2e.receivers import servers
from tests.e2e.receivers.asking import AWS, BUCKET, PASSWORD, USER, ClickHouse, Received, settled
from tests.observability.destinations.traces import a_trace

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

HERE = OutboundRules((ip_network("127.0.0.0/8"),))
SESSIONS = frozenset(f"session-{number}" for number in range(7))


def sent(slug: str, given: Mapping[str, Any], count: int, at_once: int = 50) -> list[Outcome]:
    """What became of traces, each sent twice as after a lost answer."""
    kind = DESTINATIONS[slug]
    config = kind.read_config(given)
    outcomes = []
    with OutboundDoor(HERE, total_seconds=120) as door:
        shown = kind.probe(config, door)
        assert shown.is_ok, shown.message
        for first in range(0, count, at_once):
            batch = [a_trace(number) for number in range(first, min(first + at_once, count))]
            outcomes += [kind.send(config, batch, door), kind.send(config, batch, door)]
    return outcomes


def expected(count: int, *, parents: int) -> Received:
    """What `count` of our traces sum up to."""
    return Received(count, 150 * count, pytest.approx(0.02 * count), SESSIONS, parents)  # type: ignore[arg-type]


class TestARealReceiver:
    def received(
        self,
        folder: Path,
        start: Callable[[Path], AbstractContextManager[Any]],
        slug: str,
        config_of: Callable[[Any], dict[str, Any]],
        count: int,
    ) -> Received:
        with start(folder) as server:
            config = config_of(server)
            outcomes = sent(slug, config, count)

            assert [each.error for each in outcomes if each.error] == []
            return settled(server, count)

    def test_phoenix_gets_each_generation_once(self, tmp_path):
        found = self.received(
            tmp_path, servers.phoenix, "otel-collector", lambda server: {"endpoint": server.endpoint}, 200
        )

        assert found == expected(200, parents=200)

    def test_mlflow_gets_each_generation_once(self, tmp_path):
        found = self.received(
            tmp_path,
            servers.mlflow,
            "otel-collector",
            lambda server: {"endpoint": server.endpoint, "headers": server.headers},
            40,
        )

        assert found == expected(40, parents=40)

    def test_s3_gets_an_object_for_each_generation(self, tmp_path):
        found = self.received(
            tmp_path,
            servers.moto,
            "s3",
            lambda server: {
                "bucketName": BUCKET,
                "endpoint": server.endpoint,
                "accessKeyId": AWS.access_key_id,
                "secretAccessKey": AWS.secret_access_key,
            },
            200,
        )

        assert found == expected(200, parents=200)

    def test_clickhouse_gets_a_row_for_each_generation(self, tmp_path):
        def config_of(server: ClickHouse) -> dict[str, Any]:
            config = {"host": server.host, "database": "traces", "username": USER, "password": PASSWORD}
            server.run(table_statement(DESTINATIONS["clickhouse"].read_config(config)))
            return config

        found = self.received(tmp_path, servers.clickhouse, "clickhouse", config_of, 200)

        assert found == expected(200, parents=200)
