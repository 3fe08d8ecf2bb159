"""A credential's secret is nowhere: in no column of any table, no answer and no log, however it came and failed."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import connections

from tests.cast import Acme
from tests.management_api import Api, data_of
from tests.routing.byok_secrets import FORMATS, SENTINEL

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


def rows_with(words: tuple[str, ...]) -> list[str]:
    """The tables that have one of the words in any column of any row, as the owner of all rows reads them."""
    found = []
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind IN ('r', 'p') "
            "AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            # bytea is shown in hexadecimal digits, so words are looked for in both forms.
            likes = [f"%{form}%" for word in words for form in (word, word.encode().hex())]
            cursor.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE ANY (%s)", [likes])
            if cursor.fetchone()[0]:
                found.append(table)
    assert len(tables) > 20
    return found


class TestASecret:
    def test_is_in_no_table_answer_or_log(self, acme: Acme, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.DEBUG)
        api = Api(acme.management_key.secret)
        answers: list[Any] = []
        for number, (provider, key) in enumerate(FORMATS.items()):
            answers.append(
                api.post("/byok", {"provider": provider, "key": key}, Idempotency_Key=f"k{number}")
            )
            address = f"/byok/{data_of(answers[-1], status=201)['id']}"
            answers += [
                api.patch(address, {"key": key.replace(SENTINEL, f"{SENTINEL}-2")}),
                api.patch(address, {"key": f"{key} {SENTINEL}"}),
                api.patch(address, {"key": key, SENTINEL[:4]: 1}),
                api.post("/byok", {"provider": provider, "key": f"{{{key}"}),
                api.post("/byok", {"provider": "nobody", "key": key}),
                api.get(address),
                api.delete(address) if number % 2 else api.get("/byok"),
            ]

        assert rows_with((SENTINEL,)) == []
        assert [answer.content for answer in answers if SENTINEL.encode() in answer.content] == []
        assert SENTINEL not in caplog.text

    def test_would_be_found(self, acme: Acme):
        Api(acme.management_key.secret).post("/byok", {"provider": "groq", "key": "sk-1", "name": SENTINEL})

        assert rows_with((SENTINEL,)) == ["byok_credential", "revision"]
