"""Settings that change take effect everywhere in time, and a database that is away makes nobody a stranger."""

from __future__ import annotations

import os
import threading
import time

import psycopg
import pytest

from benchmarks.patterns import PRESET
from benchmarks.realistic_policy import furnish
from config.lib.keys import INFERENCE_PREFIX, new_key
from config.lib.scoping import tenant
from tests.cast import STAGE
from tests.own_database import own_database
from tests.routing.gateway.process import GatewayProcess
from tests.routing.simulator.process import wait_until
from workspaces import api_keys

pytestmark = pytest.mark.usefixtures("shell")


@pytest.fixture
def fresh(stage):
    """A key of acme's Default workspace that a test may spoil."""
    with tenant(stage.acme.organization.pk):
        return api_keys.issue(workspace=stage.acme.default, name="to be spoiled", by=STAGE)


def change(stage, issued, **fields):
    with tenant(stage.acme.organization.pk):
        api_keys.change(key=issued.key, by=STAGE, **fields)


def seconds_until(condition, what):
    began = time.monotonic()
    wait_until(condition, what=what)
    return time.monotonic() - began


class TestADisabledKey:
    def test_is_refused_within_a_second_by_every_process(self, gateway, start_gateway, fresh, stage):
        other = start_gateway()
        assert [each.ask(fresh.secret, "test/echo").status for each in (gateway, other)] == [200, 200]

        change(stage, fresh, is_disabled=True)

        for each in (gateway, other):
            took = seconds_until(
                lambda each=each: each.ask(fresh.secret, "test/echo").status == 401, "a refusal"
            )
            assert took < 1

    def test_is_refused_within_five_seconds_without_notifications(self, start_gateway, fresh, stage):
        gateway = start_gateway(HEADGATE_LISTEN_DATABASE_URL="postgres://nobody@127.0.0.1:9/nowhere")
        assert gateway.ask(fresh.secret, "test/echo").status == 200

        change(stage, fresh, is_disabled=True)

        assert seconds_until(lambda: gateway.ask(fresh.secret, "test/echo").status == 401, "a refusal") < 5

    def test_is_enabled_again_as_quickly(self, gateway, fresh, stage):
        change(stage, fresh, is_disabled=True)
        wait_until(lambda: gateway.ask(fresh.secret, "test/echo").status == 401, what="a refusal")

        change(stage, fresh, is_disabled=False)

        assert seconds_until(lambda: gateway.ask(fresh.secret, "test/echo").status == 200, "an answer") < 1

    def test_leaves_its_open_stream_alone(self, gateway, fresh, stage):
        stream = gateway.stream(
            fresh.secret, "test/echo", "one two three four", simulator={"chunk_delay_ms": 500}
        )
        stream.line()

        change(stage, fresh, is_disabled=True)
        wait_until(lambda: gateway.ask(fresh.secret, "test/echo").status == 401, what="a refusal")
        lines = stream.rest()
        stream.close()

        assert lines[-1] == "data: [DONE]"
        assert any("four" in line for line in lines)


class TestAnUnknownKey:
    def test_is_asked_for_once(self, start_gateway):
        gateway = start_gateway()
        secret = new_key(INFERENCE_PREFIX).secret
        gateway.ask(secret, "test/echo")

        before = transactions()
        statuses = {gateway.ask(secret, "test/echo").status for _ in range(50)}

        assert statuses == {401}
        assert transactions() - before < 40


class TestTheHotPath:
    @pytest.fixture(params=["a plain key", "a key with guardrails, budgets, a preset and BYOK"])
    def asking(self, request, stage, key):
        """A key, and the model that it asks for."""
        if request.param == "a plain key":
            return key, "test/echo"
        name = stage.acme.organization.slug
        secret = furnish(name, "alpha", [("", "test/echo")], workspace=stage.acme.research.slug)
        return secret, f"@preset/{PRESET}"

    def test_makes_no_database_call(self, start_gateway, asking):
        gateway = start_gateway()
        key, model = asking
        assert gateway.ask(key, model).status == 200
        settle_statistics()
        idle = transactions_within(3.0)

        rounds = (
            transactions_of(gateway, key, model, requests=300, idle_per_second=idle / 3.0) for _ in range(3)
        )

        # Renewing leases takes a few, whatever the number of requests. What else the database counts meanwhile
        # only adds, so one quiet round proves it; a call per request would show in every round.
        assert any(made < 30 for made in rounds)


class TestADatabaseThatIsAway:
    """The gateway's connections are refused and cut, as when the database is down."""

    @pytest.fixture
    def outage(self, stage):
        """Cuts the gateways off the database and lets them in again."""
        with psycopg.connect(admin_url(), autocommit=True) as connection:
            yield Outage(connection)
            Outage(connection).end()

    def test_is_no_reason_to_refuse_who_is_known(self, start_gateway, key, outage):
        gateway = start_gateway()
        assert answers_for(gateway, key, 2.0) == {
            200
        }  # until it holds a lease for its rate, not just a first hold

        outage.begin()
        statuses = answers_for(gateway, key, 7.0)
        outage.end()

        assert statuses == {200}

    def test_is_503_and_never_401_for_who_is_not(self, start_gateway, key, outage):
        gateway = start_gateway()
        outage.begin()

        answer = gateway.ask(key, "test/echo")

        assert answer.status == 503
        assert int(answer.headers["retry-after"]) >= 1

    def test_is_503_after_the_stated_time_and_over_when_it_returns(self, start_gateway, key, outage):
        gateway = start_gateway(HEADGATE_STALE_POLICY_SECONDS="2")
        assert gateway.ask(key, "test/echo").status == 200
        outage.begin()

        wait_until(lambda: gateway.ask(key, "test/echo").status == 503, what="503")
        assert answers_for(gateway, key, 1.0) == {503}
        assert gateway.status("/readyz") == 503
        outage.end()

        assert seconds_until(lambda: gateway.ask(key, "test/echo").status == 200, "an answer") < 10
        assert gateway.status("/readyz") == 200

    def test_at_the_start_is_waited_for(self, stage, key, outage, tmp_path):
        outage.begin()
        gateway = GatewayProcess(tmp_path)
        try:
            wait_until(lambda: gateway.status("/healthz") == 200, what="a gateway that lives")
            assert gateway.status("/readyz") == 503
            assert gateway.ask(key, "test/echo").status == 503
            outage.end()
            gateway.wait_until_ready()
            assert gateway.ask(key, "test/echo").status == 200
        finally:
            gateway.stop()


class Outage:
    """Lets nobody but the administrator into the tests' database."""

    def __init__(self, connection):
        self._connection = connection

    def begin(self):
        self._connection.execute(f'ALTER DATABASE "{own_database().name}" WITH ALLOW_CONNECTIONS false')
        self._connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [own_database().name],
        )

    def end(self):
        self._connection.execute(f'ALTER DATABASE "{own_database().name}" WITH ALLOW_CONNECTIONS true')


def admin_url():

    return os.environ["HEADGATE_TEST_ADMIN_URL"]


def answers_for(gateway, key, seconds):
    """The statuses of requests made for so long."""
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.start()
    statuses = set()
    while not over.is_set():
        statuses.add(gateway.ask(key, "test/echo").status)
    return statuses


def transactions():
    """How many transactions the tests' database has seen."""
    with psycopg.connect(admin_url(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s",
            [own_database().name],
        ).fetchone()
    return row[0]


def transactions_of(gateway, key, model, *, requests, idle_per_second):
    """How many more transactions than an idle gateway's there were while it served so many requests."""
    began, before = time.monotonic(), transactions()
    assert {gateway.ask(key, model).status for _ in range(requests)} == {200}
    settle_statistics()
    return transactions() - before - idle_per_second * (time.monotonic() - began)


def settle_statistics():
    """Wait until the database's sessions have reported what they did; they do so at most once a second."""
    deadline = time.monotonic() + 1.5
    wait_until(lambda: time.monotonic() > deadline, what="statistics")


def transactions_within(seconds):
    before, deadline = transactions(), time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > deadline, what="time to pass")
    return transactions() - before
