"""GET /activity: the last thirty days that are over."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from observability.activity import COLUMNS
from tests.cast import Cast
from tests.management_api import Api, data_of, error_of
from tests.observability.streamed import body_of
from tests.observability.usage_rows import book, refuse

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
YESTERDAY = NOON - timedelta(days=1)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast.acme.management_key.secret)


class TestTheDays:
    def test_say_what_was_used_by_model_and_endpoint(self, cast: Cast, api: Api):
        key = cast.acme.production_key.key
        for _ in range(2):
            book(key, YESTERDAY, cost=1_500_000, endpoint_id=7, cached_tokens=4, reasoning_tokens=3)
        book(key, YESTERDAY, cost=0, byok=12_000_000, endpoint_id=8)

        rows = data_of(api.get("/activity"))

        assert [(row["endpoint_id"], row["requests"], row["usage"]) for row in rows] == [
            ("7", 2, 0.003),
            ("8", 1, 0),
        ]
        assert rows[0] == {
            "date": f"{YESTERDAY:%Y-%m-%d}",
            "model": "simulator/echo",
            "model_permaslug": "simulator/echo",
            "endpoint_id": "7",
            "provider_name": "simulator",
            "usage": 0.003,
            "byok_usage_inference": 0,
            "requests": 2,
            "prompt_tokens": 20,
            "completion_tokens": 40,
            "reasoning_tokens": 6,
            "cached_tokens": 8,
        }
        assert rows[1]["byok_usage_inference"] == 0.012

    def test_leave_out_today_what_is_older_and_what_was_refused(self, cast: Cast, api: Api):
        key = cast.acme.production_key.key
        book(key, NOON)
        book(key, NOON - timedelta(days=31))
        refuse(key, YESTERDAY)
        book(key, NOON - timedelta(days=30))

        [row] = data_of(api.get("/activity"))

        assert row["date"] == f"{NOON - timedelta(days=30):%Y-%m-%d}"

    def test_are_each_organization_s_own(self, cast: Cast, api: Api):
        book(cast.globex.default_key.key, YESTERDAY)

        assert data_of(api.get("/activity")) == []

    def test_take_as_many_queries_however_many_there_are(self, cast: Cast, api: Api):
        def queries() -> int:
            with CaptureQueriesContext(connections["default"]) as seen:
                api.get("/activity", group_by="workspace")
            return len(seen)

        book(cast.acme.production_key.key, YESTERDAY)
        once = queries()
        for number in range(5):
            book(cast.acme.bob_key.key, YESTERDAY - timedelta(days=number), model=f"a/{number}")

        assert queries() == once


class TestNarrowing:
    @pytest.fixture(autouse=True)
    def rows(self, cast: Cast) -> None:
        book(cast.acme.bob_key.key, YESTERDAY)
        book(cast.acme.production_key.key, YESTERDAY - timedelta(days=1), cost=5)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"date": f"{YESTERDAY:%Y-%m-%d}"}, 1),
            ({"date": f"{YESTERDAY - timedelta(days=3):%Y-%m-%d}"}, 0),
            ({"api_key_hash": "{bob_key}"}, 1),
            ({"user_id": "{bob}"}, 1),
            ({"workspace_id": "research"}, 0),
            ({"workspace_id": "production", "user_id": "{bob}", "api_key_hash": "{bob_key}"}, 1),
        ],
    )
    def test_goes_by(self, cast: Cast, api: Api, query: dict[str, str], count: int):
        acme = cast.acme
        known = {"bob_key": acme.bob_key.key.hash, "bob": acme.bob.user.public_id}

        rows = data_of(api.get("/activity", **{name: text.format(**known) for name, text in query.items()}))

        assert sum(row["requests"] for row in rows) == count

    def test_splits_the_rows_by_workspace(self, cast: Cast, api: Api):
        rows = data_of(api.get("/activity", group_by="workspace"))

        assert {row["workspace_id"] for row in rows} == {str(cast.acme.production.public_id)}

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"date": f"{NOON:%Y-%m-%d}"}, "date"),
            ({"date": f"{NOON - timedelta(days=31):%Y-%m-%d}"}, "date"),
            ({"date": "yesterday"}, "date"),
            ({"date": "2026-02-30"}, "date"),
            ({"group_by": "model"}, "group_by"),
            ({"user_id": "\x00"}, "user_id"),
        ],
    )
    def test_names_what_it_does_not_understand(self, api: Api, query: dict[str, str], field: str):
        status, message = error_of(api.get("/activity", **query))

        assert status == 400
        assert message.startswith(f"{field}:")

    @pytest.mark.parametrize("name", ["api_key_hash", "user_id", "workspace_id"])
    @pytest.mark.parametrize("value", ["nonsense", "0" * 64, "user_9999999", "user_" + "9" * 40])
    def test_knows_nothing_of_what_there_is_not(self, api: Api, name: str, value: str):
        assert api.get("/activity", **{name: value}).status_code == 404


class TestTheFile:
    def test_says_the_same(self, cast: Cast, api: Api):
        book(cast.acme.bob_key.key, YESTERDAY, model="=cmd()", cost=1)
        book(cast.acme.bob_key.key, YESTERDAY, model="a/b", cost=123_456_789)

        answer = api.get("/activity.csv", group_by="workspace", user_id=cast.acme.bob.user.public_id)
        rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(body_of(answer))))

        told = data_of(api.get("/activity", group_by="workspace"))
        assert tuple(rows[0]) == COLUMNS
        assert [row["model"] for row in rows] == ["'=cmd()", "a/b"]
        assert [float(row["usage"]) for row in rows] == [row["usage"] for row in told]
        assert rows[0]["usage"] == "0.000000001"
        assert rows[0]["workspace_id"] == str(cast.acme.production.public_id)
