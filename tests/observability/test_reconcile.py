"""Reconcile finds every way in which the books can be wrong."""

from __future__ import annotations

import json
import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config.lib.subjects import organization_subject
from observability.reconcile import reconcile
from tests.observability.books import Books

PURCHASE = f"'{uuid.UUID(int=1)}'"


def moved(kind: str, counter: str, nano: int, about: str = PURCHASE) -> str:
    """A balanced entry that refers to a transaction, by default to the purchase."""
    return f"""
        WITH entry AS (SELECT gen_random_uuid() AS id, id AS organization_id FROM organization WHERE slug = 'books')
        INSERT INTO ledger_entry (transaction, organization_id, kind, account, amount_nano, refers_to)
        SELECT entry.id, organization_id, '{kind}', account, nano, {about}
          FROM entry, (VALUES ('credits', {nano}), ('{counter}', {-nano})) line (account, nano)"""


@pytest.fixture
def busy(books: Books) -> Books:
    """Books with everything in them, and right."""
    journal, purse = books.process(), books.purse(limit_nano=1000)
    credit = books.purse(subject=organization_subject(books.organization_id), limit_nano=5000)
    for account, amount in (("credits", 5000), ("payments", -5000)):
        entry = uuid.UUID(int=1)
        books.run(
            """INSERT INTO ledger_entry (transaction, organization_id, kind, account, amount_nano)
               VALUES (%s, %s, 'purchase', %s, %s)""",
            *(entry, books.organization_id, account, amount),
        )
    books.run(
        """INSERT INTO invoice (organization_id, number, purchase, billed_name, lines, amount_nano)
           VALUES (%s, 1, %s, 'Acme', '[{"description": "Credits", "amount_nano": 5000}]', 5000)""",
        *(books.organization_id, uuid.UUID(int=1)),
    )
    subjects = (42, organization_subject(books.organization_id))
    for which in (purse, credit):
        books.lease(journal, which, 400)
    books.request(journal, purses=((purse, 150), (credit, 150)), subjects=subjects)
    journal.refuse(books.refusal(count=3))
    books.ingest(journal)
    return books


def violated(books: Books) -> set[str]:
    return {outcome.check.code for outcome in reconcile(books.connection) if outcome.violations}


class TestReconcile:
    def test_finds_nothing_in_books_that_are_right(self, busy: Books):
        assert violated(busy) == set()

    @pytest.mark.parametrize(
        ("damage", "codes"),
        [
            ("UPDATE ledger_entry SET amount_nano = amount_nano + 1 WHERE account = 'payments'", {"R1"}),
            ("UPDATE ledger_entry SET amount_nano = amount_nano + 1 WHERE account = 'usage'", {"R1", "R2"}),
            ("DELETE FROM ledger_entry WHERE kind = 'usage'", {"R2"}),
            ("UPDATE generation SET cost_nano = 99 WHERE status = 'completed'", {"R2", "R3", "R5"}),
            ("UPDATE usage_hour SET cost_nano = cost_nano + 1", {"R3", "R13"}),
            ("UPDATE usage_hour SET refused = refused + 1 WHERE refused > 0", {"R3", "R13"}),
            ("DELETE FROM usage_hour", {"R3", "R13"}),
            ("DELETE FROM usage_day", {"R13", "R14"}),
            ("UPDATE usage_model_day SET requests = requests + 1", {"R14"}),
            ("UPDATE usage_key_day SET cost_nano = cost_nano - 1", {"R14"}),
            ("DELETE FROM usage_label_day WHERE kind = 'user'", {"R14"}),
            ("DELETE FROM usage_speed_day", {"R14"}),
            ("UPDATE purse SET leased_nano = leased_nano - 1 WHERE subject = 42", {"R4"}),
            ("UPDATE purse SET holders = 2 WHERE subject = 42", {"R4"}),
            ("UPDATE lease SET is_loose = false", {"R4"}),
            ("UPDATE purse SET spent_nano = spent_nano + 1 WHERE subject = 42", {"R5"}),
            ("UPDATE purse SET byok_nano = 1 WHERE subject = 42", {"R5"}),
            ("DELETE FROM gateway_process", {"R7"}),
            ("UPDATE purse SET is_strict = true, limit_nano = 99 WHERE subject = 42", {"R7 strict"}),
            ("UPDATE purse SET limit_nano = 4999 WHERE limit_nano = 5000", {"R8"}),
            ("DELETE FROM lease; DELETE FROM purse", {"R8"}),
            ("DELETE FROM invoice", {"R9"}),
            ("UPDATE invoice SET amount_nano = 4999", {"R9"}),
            ("UPDATE invoice SET number = 2", {"R9"}),
            ("UPDATE invoice SET purchase = gen_random_uuid()", {"R9"}),
            ("UPDATE invoice SET lines = '[]'", {"R9"}),
            (moved("refund", "payments", -5001), {"R8", "R10"}),
            (moved("refund", "payments", -1, about="gen_random_uuid()"), {"R8", "R10"}),
            (moved("transfer", "transfer", 1), {"R8", "R11"}),
        ],
    )
    def test_finds(self, busy: Books, damage: str, codes: set[str]):
        busy.connection.execute(damage)

        assert violated(busy) == codes

    def test_sees_one_moment_of_a_live_system(self, busy: Books):
        journal = busy.journals[0]

        for _ in range(20):
            busy.request(journal)
            busy.ingest(journal)

            assert violated(busy) == set()


class TestTheCommand:
    def run(self, *arguments: str) -> str:
        out = StringIO()
        call_command("reconcile", *arguments, stdout=out)
        return out.getvalue()

    def test_says_clean(self, busy: Books):
        assert self.run().endswith("clean\n")

    def test_fails_and_says_what_is_wrong(self, busy: Books):
        busy.run("UPDATE purse SET spent_nano = 777 WHERE subject = 42")

        out = StringIO()
        with pytest.raises(CommandError, match="R5") as failed:
            call_command("reconcile", stdout=out)

        assert failed.value.returncode == 1
        assert "spent_nano=777" in out.getvalue()
        assert "VIOLATED" in out.getvalue()

    def test_speaks_json(self, busy: Books):
        answer = json.loads(self.run("--json"))

        assert answer["is_clean"] is True
        assert [check["check"] for check in answer["checks"]][:3] == ["R1", "R2", "R3"]
