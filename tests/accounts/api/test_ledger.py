"""The ledger and the invoices behind the credits, beyond the contract."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import resource
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from typing import cast as typed

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from accounts.ledger import Wanted
from accounts.ledger_csv import COLUMNS, ledger_file
from accounts.models import Organization
from config.lib.scoping import tenant
from tests.accounts.test_credits import USD, buy, deposit, move, spend, take_back
from tests.cast import STAGE, Acme, Cast, acting
from tests.management_api import Api, data_of, error_of


def api(cast: Cast) -> Api:
    return Api(cast.acme.management_key.secret)


class TestTheLedger:
    def test_says_what_moved_the_credits_newest_first(self, cast: Cast):
        acme = cast.acme.organization
        bought = buy(acme, 25 * USD + 1, reference="wire 1")
        back = take_back(acme, bought, USD)
        spend(acme, 3)

        rows = data_of(api(cast).get("/credits/ledger"))

        assert [(row["kind"], row["amount"]) for row in rows] == [
            ("usage", -3e-9),
            ("refund", -1),
            ("purchase", 25.000000001),
        ]
        assert rows[1]["id"] == str(back)
        assert rows[1]["refers_to"] == rows[2]["id"] == str(bought)
        assert rows[2]["reference"] == "wire 1"

    def test_names_who_booked(self, cast: Cast):
        acme = cast.acme
        with tenant(acme.organization.pk):
            deposit(
                organization=acme.organization,
                kind="adjustment",
                amount_nano=1,
                description="",
                by=acting(acme.alice),
            )
            deposit(
                organization=acme.organization, kind="adjustment", amount_nano=2, description="", by=STAGE
            )

        rows = data_of(api(cast).get("/credits/ledger"))

        assert [row["created_by"] for row in rows] == [None, acme.alice.user.public_id]

    def test_is_exact(self, cast: Cast):
        buy(cast.acme.organization, 4_000_000_000 * USD + 1)

        answer = api(cast).get("/credits/ledger")

        assert b'"amount":4000000000.000000001' in answer.content

    def test_is_read_page_by_page(self, cast: Cast):
        for nano in range(1, 6):
            buy(cast.acme.organization, nano)

        seen: list[float] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            answer = json.loads(api(cast).get("/credits/ledger", **query).content)
            seen += [row["amount"] for row in answer["data"]]
            if answer["next"] is None:
                break
            query["before"] = answer["next"]

        assert seen == [5e-9, 4e-9, 3e-9, 2e-9, 1e-9]

    def test_is_narrowed_by_kind_and_time(self, cast: Cast):
        buy(cast.acme.organization, 1)
        spend(cast.acme.organization, 2)
        now = datetime.now(UTC)
        later, earlier = (
            f"{now + shift:%Y-%m-%dT%H:%M:%SZ}" for shift in (timedelta(hours=1), -timedelta(hours=1))
        )

        def kinds(**query: str) -> list[str]:
            return [row["kind"] for row in data_of(api(cast).get("/credits/ledger", **query))]

        assert kinds(kind="usage") == ["usage"]
        assert kinds(since=earlier, until=later) == ["usage", "purchase"]
        assert kinds(since=later) == kinds(until=earlier) == []

    @pytest.mark.parametrize("path", ["/credits/ledger", "/credits/ledger.csv"])
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("kind", "deposits"),
            ("kind", "\x00"),
            ("since", "yesterday"),
            ("since", ""),
            ("until", "2026-01-01"),
            ("until", "2026-01-01T00:00:00+02:00"),
        ],
    )
    def test_refuses_a_filter_that_is_none_by_its_name(self, cast: Cast, path: str, name: str, value: str):
        status, message = error_of(api(cast).get(path, **{name: value}))

        assert (status, message.partition(":")[0]) == (400, name)

    @pytest.mark.parametrize(
        ("name", "value"), [("before", "x"), ("before", "\x00"), ("limit", "0"), ("limit", "101")]
    )
    def test_refuses_a_page_that_is_none(self, cast: Cast, name: str, value: str):
        status, message = error_of(api(cast).get("/credits/ledger", **{name: value}))

        assert (status, message.partition(":")[0]) == (400, name)

    def test_shows_nothing_of_another_organization(self, cast: Cast):
        buy(cast.globex.organization, USD)
        move(cast.globex.organization, cast.acme.organization, 5)

        assert [row["amount"] for row in data_of(api(cast).get("/credits/ledger"))] == [5e-9]

    def test_asks_the_same_of_the_database_for_any_number_of_rows(self, cast: Cast):
        def queries() -> int:
            with CaptureQueriesContext(connections["default"]) as captured:
                assert api(cast).get("/credits/ledger").status_code == 200
            return len(captured)

        buy(cast.acme.organization, 1)
        few = queries()
        for nano in range(2, 30):
            buy(cast.acme.organization, nano)

        assert queries() == few


class TestInvoices:
    def test_are_counted_and_listed(self, cast: Cast):
        for _ in range(3):
            buy(cast.acme.organization, USD)

        answer = json.loads(api(cast).get("/credits/invoices", offset=1, limit=1).content)

        assert answer["total_count"] == 3
        assert [row["number"] for row in answer["data"]] == [2]

    def test_say_what_became_of_the_purchase(self, cast: Cast):
        bought = buy(cast.acme.organization, 5 * USD)
        take_back(cast.acme.organization, bought, 2 * USD)

        invoice = data_of(api(cast).get("/credits/invoices/1"))

        assert (invoice["amount"], invoice["refunded"], invoice["purchase"]) == (5, 2, str(bought))
        assert invoice["billed_to"] == {"name": "Acme", "address": "", "tax_id": ""}
        assert invoice["lines"] == [{"description": "bought", "amount": 5}]

    def test_of_another_organization_are_unknown_byte_for_byte(self, cast: Cast):
        buy(cast.acme.organization, USD)
        globex = Api(cast.globex.management_key.secret)

        theirs, unknown = (globex.get(f"/credits/invoices/{number}") for number in ("1", "7"))

        assert theirs.status_code == 404
        assert theirs.content == unknown.content

    @pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "9" * 30, "%00"])
    def test_of_no_number_are_unknown(self, cast: Cast, number: str):
        assert api(cast).get(f"/credits/invoices/{number}").status_code == 404


def file_of(acme: Acme, **query: str) -> str:
    """The whole file, as a client gets it."""
    answer = Api(acme.management_key.secret).get("/credits/ledger.csv", **query)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="acme-ledger.csv"'

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return asyncio.run(whole()).decode()


def memory_in_use() -> int:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.fixture
def moved(cast: Cast) -> Cast:
    """Acme bought, was adjusted, and spent; globex bought."""
    acme = cast.acme.organization
    buy(acme, 25 * USD + 1, reference="@wire")
    with tenant(acme.pk):
        deposit(organization=acme, kind="adjustment", amount_nano=-1, description="=1+1", by=STAGE)
    spend(acme, 3 * USD)
    buy(cast.globex.organization, USD)
    return cast


@pytest.fixture
def crowded(moved: Cast) -> Organization:
    """Acme with 300,000 more lines of usage."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO ledger_entry (transaction, organization_id, kind, account, amount_nano)
               SELECT gen_random_uuid(), %s, 'usage', 'credits', -number FROM generate_series(1, 300000) number""",
            [moved.acme.organization.pk],
        )
    return moved.acme.organization


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestTheFile:
    def test_is_the_ledger_oldest_first(self, moved: Cast):
        acme = moved.acme
        rows = list(csv.DictReader(io.StringIO(file_of(acme))))

        assert tuple(rows[0]) == COLUMNS
        assert [(row["kind"], row["amount_usd"]) for row in rows] == [
            ("purchase", "25.000000001"),
            ("adjustment", "-0.000000001"),
            ("usage", "-3"),
        ]
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row["time"]) for row in rows)

    def test_is_narrowed_as_the_ledger_is(self, moved: Cast):
        rows = list(csv.DictReader(io.StringIO(file_of(moved.acme, kind="usage"))))

        assert [row["kind"] for row in rows] == ["usage"]

    def test_holds_no_formula(self, moved: Cast):
        rows = list(csv.DictReader(io.StringIO(file_of(moved.acme))))

        assert rows[1]["description"] == "'=1+1"
        assert rows[0]["reference"] == "'@wire"

    async def test_of_many_rows_is_never_in_memory_whole(self, crowded: Organization):
        pieces = ledger_file(crowded, Wanted(kind="usage")).streaming_content
        before, most = memory_in_use(), 0
        size = lines = 0

        async for piece in typed(AsyncIterator[bytes], pieces):
            size, lines = size + len(piece), lines + piece.count(b"\n")
            most = max(most, memory_in_use())

        assert lines == 300_000 + 2
        assert size > 25 * 2**20
        assert most - before < 12 * 2**20

    async def test_ends_with_its_reader(self, crowded: Organization):
        pieces = typed(AsyncGenerator[bytes, None], ledger_file(crowded, Wanted()).streaming_content)

        await anext(pieces)
        await pieces.aclose()
        for reader in [thread for thread in threading.enumerate() if thread.name == "export"]:
            await asyncio.to_thread(reader.join, 10)

        assert not [thread for thread in threading.enumerate() if thread.name == "export"]
