"""The fee on BYOK, its free allowance, and the books that must agree about both to the nano-dollar."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from config.lib.byok_fee import ByokFee
from config.lib.environment import environment
from config.lib.scoping import unscoped
from config.lib.subjects import organization_subject
from observability.ingest import Ingester
from observability.models import Generation
from tests.books_check import violations
from tests.routing.gateway.byok_stage import bring, found_poor, take_away
from tests.routing.gateway.stage import REQUEST_USD
from tests.routing.simulator.process import wait_until
from workspaces.byok_allowance import follow_setting
from workspaces.models import Purse

pytestmark = pytest.mark.usefixtures("shell")

PRICE = int(REQUEST_USD * 10**9)
FEE = PRICE // 20
MINE, BAD = "sk-mine-0123456789abcdef", "sk-0123456789abcdef-error-500"
FLAT = "test/flat"


@pytest.fixture(autouse=True)
def as_it_was(stage, shell) -> Iterator[None]:
    yield
    take_away(stage.acme, stage.globex)
    follow_setting(using="owner")


def connect():
    return psycopg.connect(os.environ["HEADGATE_OWNER_DATABASE_URL"], autocommit=True)


@contextmanager
def ingesting(*gateways) -> Iterator[None]:
    ingesters = [Ingester(gateway.folder / "journal", connect) for gateway in gateways]
    threads = [threading.Thread(target=ingester.run) for ingester in ingesters]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for ingester, thread in zip(ingesters, threads, strict=True):
            ingester.stop()
            thread.join(10)


def booked(organization) -> Counter[tuple[bool, int, int]]:
    with unscoped(reason="the test reads what was booked"):
        rows = Generation.objects.filter(organization_id=organization.pk, status="completed")
        return Counter(rows.values_list("is_byok", "cost_nano", "byok_nano"))


def ledger(organization) -> dict[tuple[str, str], int]:
    with connect() as connection:
        rows = connection.execute(
            "SELECT kind, account, sum(amount_nano)::bigint FROM ledger_entry "
            "WHERE organization_id = %s AND kind <> 'purchase' GROUP BY 1, 2",
            [organization.pk],
        )
        return {(kind, account): nano for kind, account, nano in rows}


class TestTheAllowance:
    def test_is_free_to_the_last_request_that_fits_and_the_fee_after_it(self, stage, start_gateway):
        globex = stage.globex
        bring(globex, "alpha", MINE)
        gateway = start_gateway(HEADGATE_BYOK_FREE_MONTHLY_USD="0.055")
        secret = globex.default_key.secret

        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: gateway.ask(secret, FLAT), range(20)))
        with ingesting(gateway):
            wait_until(lambda: booked(globex.organization).total() >= 20, what="the bookings")

        assert Counter(answer.status for answer in answers) == {200: 20}
        assert booked(globex.organization) == {(True, 0, PRICE): 5, (True, FEE, PRICE): 15}
        assert Counter(answer.json()["usage"]["cost"] for answer in answers) == {0: 5, FEE / 10**9: 15}
        assert ledger(globex.organization) == {
            ("byok_fee", "credits"): -15 * FEE,
            ("byok_fee", "usage"): 15 * FEE,
        }
        with unscoped(reason="the test reads a purse"):
            purse = Purse.objects.get(subject=organization_subject(globex.organization.pk), interval="m")
        assert (purse.byok_nano, purse.limit_on_byok_nano) == (20 * PRICE, 55_000_000)
        assert violations() == {}

    def test_follows_the_setting_of_the_process_that_started_last(self, stage, start_gateway):
        bring(stage.globex, "alpha", MINE)

        start_gateway(HEADGATE_BYOK_FREE_MONTHLY_USD="7")

        with unscoped(reason="the test reads a purse"):
            purse = Purse.objects.get(
                subject=organization_subject(stage.globex.organization.pk), interval="m"
            )
        assert purse.limit_on_byok_nano == 7 * 10**9
        assert environment().byok_fee == ByokFee(50_000, 25_000 * 10**9)


class TestTheFee:
    def test_is_all_that_an_own_key_takes_from_credits_and_shared_capacity_costs_its_price(
        self, stage, start_gateway
    ):
        acme = stage.acme
        bring(acme, "alpha", MINE, workspace=acme.research)
        bring(acme, "alpha", BAD, workspace=acme.production)
        gateway = start_gateway(HEADGATE_BYOK_FREE_MONTHLY_USD="0")
        before = booked(acme.organization)

        own = gateway.ask(acme.research_key.secret, FLAT)
        shared = gateway.ask(acme.production_key.secret, FLAT)
        with ingesting(gateway):
            wait_until(lambda: (booked(acme.organization) - before).total() >= 2, what="the bookings")

        assert [answer.json()["usage"]["cost"] for answer in (own, shared)] == [FEE / 10**9, PRICE / 10**9]
        assert booked(acme.organization) - before == {(True, FEE, PRICE): 1, (False, PRICE, 0): 1}
        assert violations() == {}

    def test_of_a_stream_that_a_kill_interrupts_is_that_of_its_last_checkpoint(self, stage, start_gateway):
        globex = stage.globex
        bring(globex, "alpha", MINE)
        gateway = start_gateway(HEADGATE_BYOK_FREE_MONTHLY_USD="0")
        stream = gateway.stream(
            globex.default_key.secret, "test/echo", "one two", simulator={"chunk_delay_ms": 30_000}
        )
        stream.line()

        gateway.kill()
        stream.close()
        with ingesting(gateway):
            wait_until(lambda: interrupted(globex.organization), what="the settlement")

        [(is_byok, cost, listed)] = interrupted(globex.organization)
        assert is_byok
        assert listed == 2 * 1000 + 1 * 2000
        assert cost == ByokFee(50_000, 0).on(listed)
        assert violations() == {}


def interrupted(organization) -> list[tuple[bool, int, int]]:
    with unscoped(reason="the test reads what was booked"):
        rows = Generation.objects.filter(organization_id=organization.pk, status="interrupted")
        return list(rows.values_list("is_byok", "cost_nano", "byok_nano"))


class TestWithoutCredits:
    @pytest.fixture
    def poor(self, stage):
        """An organization that never paid anything."""
        return found_poor()

    def test_ones_own_key_serves_while_it_is_free_and_shared_capacity_does_not(self, poor, start_gateway):
        gateway = start_gateway()
        secret = poor.key.secret
        assert gateway.ask(secret, FLAT).status == 402

        bring(poor, "alpha", MINE)
        wait_until(lambda: gateway.ask(secret, FLAT).status == 200, what="the credential")

        take_away(poor)

    def test_ones_own_key_serves_nobody_who_has_to_pay_the_fee(self, poor, start_gateway):
        bring(poor, "alpha", MINE)
        gateway = start_gateway(HEADGATE_BYOK_FREE_MONTHLY_USD="0")

        assert gateway.ask(poor.key.secret, FLAT).status == 402
        take_away(poor)
