"""How often the management API may be called."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.lib.environment import environment
from config.lib.shared import MinuteCounters
from tests.cast import Acme
from tests.management_api import Api, error_of

MINUTE = 29_000_000 * 60
UNKNOWN = "sk-hg-mgmt-v1-" + "0" * 64


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, int], None]]:
    """Set both limits: requests with a key, and unknown keys from an address."""

    def given(requests: int, failures: int) -> None:
        monkeypatch.setenv("HEADGATE_MANAGEMENT_REQUESTS_PER_MINUTE", str(requests))
        monkeypatch.setenv("HEADGATE_FAILED_KEYS_PER_MINUTE", str(failures))
        environment.cache_clear()

    yield given
    monkeypatch.undo()
    environment.cache_clear()


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    """Ten seconds into a minute."""
    with time_machine.travel(MINUTE + 10, tick=False) as traveller:
        yield traveller


def of_process(client: Client, secret: str) -> Api:
    """A key's view of the API at a process: a test client has middleware of its own."""
    api = Api(secret)
    api.client = client
    return api


def known(secret: str, client: Client | None = None) -> Api:
    """The same for a key that the process has let in before."""
    api = of_process(client or Client(), secret)
    assert api.get("/key").status_code == 200
    return api


class TestAKey:
    def test_may_call_so_often_in_a_minute(self, acme: Acme, limits, clock):
        limits(3, 0)
        api = known(acme.management_key.secret)

        answers = [api.get("/workspaces") for _ in range(4)]

        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert error_of(answers[3])[1] == "Rate limit exceeded: too many requests with this key."
        assert answers[3].json()["error"]["metadata"] == {"error_type": "rate_limit_exceeded"}
        assert {name: answers[3][name] for name in ("Retry-After", "X-RateLimit-Limit")} == {
            "Retry-After": "50",
            "X-RateLimit-Limit": "3",
        }
        assert (answers[3]["X-RateLimit-Remaining"], answers[3]["X-RateLimit-Reset"]) == (
            "0",
            "50",
        )

    def test_may_call_again_in_the_next_minute(self, acme: Acme, limits, clock):
        limits(1, 0)
        api = known(acme.management_key.secret)
        assert [api.get("/workspaces").status_code for _ in range(2)] == [200, 429]

        clock.move_to(MINUTE + 60)

        assert api.get("/workspaces").status_code == 200

    def test_is_counted_over_all_processes(self, acme: Acme, limits, clock):
        limits(3, 0)
        one, other = (known(acme.management_key.secret) for _ in range(2))

        answers = [api.get("/workspaces").status_code for api in (one, other, one, other)]

        assert answers == [200, 200, 200, 429]

    def test_of_either_kind_has_its_own_limit(self, acme: Acme, limits, clock):
        limits(1, 0)
        client = Client()
        keys = [
            known(issued.secret, client) for issued in (acme.management_key, acme.bob_key, acme.carol_key)
        ]

        answers = [[api.get("/key").status_code for _ in range(2)] for api in keys]

        assert answers == [[200, 429]] * 3

    def test_counts_also_what_is_refused(self, acme: Acme, limits, clock):
        limits(2, 0)
        api = known(acme.management_key.secret)

        answers = [
            api.post("/keys", {}).status_code,
            api.get("/keys/nonsense").status_code,
            api.get("/key").status_code,
        ]

        assert answers == [400, 404, 429]

    def test_costs_one_statement_more_whether_it_is_known_yet_or_not(self, acme: Acme, limits):
        limits(600, 600)
        api = Api(acme.management_key.secret)
        counted = []

        for _ in range(2):
            with CaptureQueriesContext(connection) as captured:
                api.get("/key")
            counted.append(sum("shared_counter" in query["sql"] for query in captured))

        assert counted == [1, 1]

    def test_has_no_limit_where_it_is_nought(self, acme: Acme, limits):
        limits(0, 0)
        api = Api(acme.management_key.secret)

        with CaptureQueriesContext(connection) as captured:
            answers = {api.get("/workspaces").status_code for _ in range(5)}

        assert answers == {200}
        assert [query for query in captured if "shared_counter" in query["sql"]] == []


class TestUnknownKeys:
    def test_shut_their_address_out_for_the_rest_of_the_minute(self, acme: Acme, limits, clock):
        limits(0, 3)
        api = Api(UNKNOWN)

        answers = [api.get("/workspaces") for _ in range(4)]

        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert answers[3]["Retry-After"] == "50"
        clock.move_to(MINUTE + 61)
        assert api.get("/workspaces").status_code == 401

    def test_cannot_be_tried_on_even_if_one_is_right(self, acme: Acme, limits, clock):
        limits(0, 2)
        client = Client()
        for _ in range(2):
            of_process(client, UNKNOWN).get("/workspaces")

        assert of_process(client, acme.management_key.secret).get("/workspaces").status_code == 429

    def test_do_not_shut_out_a_key_that_was_used_from_there_before(self, acme: Acme, limits, clock):
        limits(0, 2)
        client = Client()
        mine = known(acme.management_key.secret, client)

        for _ in range(3):
            of_process(client, UNKNOWN).get("/workspaces")

        assert mine.get("/workspaces").status_code == 200
        assert of_process(client, UNKNOWN).get("/workspaces").status_code == 429

    def test_do_not_shut_out_another_address(self, acme: Acme, limits, clock):
        limits(0, 2)
        client = Client()
        for _ in range(3):
            of_process(client, UNKNOWN).get("/workspaces")
        client.defaults["REMOTE_ADDR"] = "192.0.2.7"

        assert of_process(client, acme.management_key.secret).get("/workspaces").status_code == 200

    def test_are_counted_by_client_behind_a_trusted_proxy(self, acme: Acme, limits, clock, monkeypatch):
        monkeypatch.setenv("HEADGATE_TRUSTED_PROXIES", "1")
        limits(0, 2)
        api = Api(UNKNOWN)

        def ask(client_address: str) -> int:
            api.headers["X-Forwarded-For"] = f"10.0.0.1, {client_address}"
            return int(api.get("/workspaces").status_code)

        assert [ask("192.0.2.1") for _ in range(3)] == [401, 401, 429]
        assert ask("192.0.2.2") == 401

    def test_are_not_spread_over_the_addresses_of_one_network(self, db: None, limits, clock):
        limits(0, 2)
        client = Client()

        def ask(address: str) -> int:
            client.defaults["REMOTE_ADDR"] = address
            return int(of_process(client, UNKNOWN).get("/workspaces").status_code)

        assert [ask(f"2001:db8::{number}") for number in range(1, 4)] == [401, 401, 429]
        assert ask("2001:db8:0:1::1") == 401

    def test_are_not_those_of_the_wrong_kind(self, acme: Acme, limits, clock):
        limits(0, 2)
        api = Api(acme.bob_key.secret)

        assert [api.get("/keys").status_code for _ in range(4)] == [401] * 4

    def test_leave_no_row_each(self, db: None, limits, clock):
        limits(600, 600)
        client = Client()

        for number in range(5):
            of_process(client, f"{UNKNOWN}{number}").get("/workspaces")
            of_process(client, f"{UNKNOWN}{number}").get("/no-such-route")

        assert subjects() == ["address:127.0.0.1"]


class TestCounting:
    def test_begins_anew_with_every_minute_and_sweeps_the_old_ones(self, db: None, clock):
        counters = MinuteCounters()
        assert [counters.count("a"), counters.count("a"), counters.count("b")] == [1, 2, 1]

        clock.move_to(MINUTE + 60)
        assert (counters.counted("a"), counters.count("a")) == (0, 1)
        counters.count("day:free")  # gateways count days there, too
        clock.move_to(MINUTE + 600)
        counters.count("c")

        assert subjects() == ["c", "day:free"]

    @pytest.mark.django_db(transaction=True, databases=["default", "owner"])
    def test_is_kept_when_the_request_is_rolled_back(self, acme: Acme, limits, clock):
        limits(600, 600)
        api = known(acme.management_key.secret)

        api.get("/key")
        api.post("/keys", {})
        Api(UNKNOWN).get("/key")

        assert subjects()[0] == "address:127.0.0.1"
        assert counts() == [1, 2]


def subjects() -> list[str]:
    """What is counted, or was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject FROM shared_counter ORDER BY 1")
        return [subject for (subject,) in cursor.fetchall()]


def counts() -> list[int]:
    """Their counts, in the same order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count FROM shared_counter ORDER BY subject")
        return [count for (count,) in cursor.fetchall()]
