"""GET /analytics/meta and POST /analytics/query."""

from __future__ import annotations

import csv
import io
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from config.lib.scoping import tenant
from observability.analytics import running
from observability.analytics.fields import DIMENSIONS, METRICS
from observability.models import Classification, Classifier, Generation
from tests.cast import Cast
from tests.management_api import Api, data_of, error_of
from tests.observability.classifiers import a_classifier
from tests.observability.streamed import body_of
from tests.observability.usage_rows import book, refuse

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
MIDNIGHT = NOON.replace(hour=0)
DETECTED = {"pipeline": [{"type": "guardrail", "name": "pii", "data": {"detected": True}}]}

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def api(cast: Cast) -> Api:
    return Api(cast.acme.management_key.secret)


@pytest.fixture
def busy(cast: Cast) -> Cast:
    """Bob asks echo at noon and an hour later, the production key asks a/b:free at noon."""
    bob, production = cast.acme.bob_key.key, cast.acme.production_key.key
    book(bob, NOON, cost=100, latency_ms=100, context={"app_title": "Tea", "user": "customer-1"})
    book(
        bob,
        NOON + timedelta(hours=1),
        cost=300,
        latency_ms=400,
        cached_tokens=5,
        context={"app_title": "Tea"},
    )
    book(
        *(production, NOON + timedelta(seconds=90)),
        model="a/b:free",
        cost=10,
        byok=1000,
        status="error",
        finish_reason="error",
    )
    refuse(production, NOON, count=4)
    book(cast.globex.default_key.key, NOON, cost=10**9)
    return cast


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def between(start: datetime, end: datetime) -> dict[str, str]:
    return {"start": moment(start), "end": moment(end)}


THE_DAY = between(MIDNIGHT, MIDNIGHT + timedelta(days=1))


def ask(api: Api, *metrics: str, **body: Any) -> list[dict[str, Any]]:
    """The rows of a query about the day."""
    asked = {"metrics": list(metrics), "time_range": THE_DAY} | body
    return data_of(api.post("/analytics/query", asked))["data"]


def filtered(field: str, operator: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"filters": [{"field": field, "operator": operator, "value": value} | more]}


class TestServerTools:
    def test_are_told_apart_and_each_of_their_generations_counts(self, cast: Cast, api: Api):
        key, request = cast.acme.bob_key.key, str(uuid.uuid4())
        book(key, NOON, cost=100)
        book(key, NOON, cost=70, context={"request": request})
        book(key, NOON, cost=5, context={"request": request, "tool": "web_search"})

        by_tool = ask(api, "request_count", "total_usage", dimensions=["tool"])
        [whole] = ask(api, "request_count")

        told = {row["tool"]: (row["request_count"], row["total_usage"]) for row in by_tool}
        assert told == {None: (2, 170e-9), "web_search": (1, 5e-9)}
        assert whole["request_count"] == 3


class TestMeta:
    def test_lists_what_can_be_asked(self, api: Api):
        told = data_of(api.get("/analytics/meta"))

        assert {row["name"] for row in told["metrics"]} >= {"request_count", "total_usage", "p90_latency"}
        assert {row["name"] for row in told["dimensions"]} >= {"model", "app", "user", "external_user"}
        assert [row["name"] for row in told["granularities"]] == ["minute", "hour", "day", "week", "month"]
        assert {"name": "not_in", "value_type": "array"} in told["operators"]

    @pytest.mark.parametrize("dimension", [dimension.name for dimension in DIMENSIONS])
    @pytest.mark.parametrize("granularity", [None, "hour", "day"])
    def test_lists_nothing_that_cannot_be_asked(
        self, busy: Cast, api: Api, dimension: str, granularity: str | None
    ):
        metrics = [metric.name for metric in METRICS]

        rows = ask(
            api, *metrics, dimensions=[dimension], **({"granularity": granularity} if granularity else {})
        )

        assert sum(row["request_count"] for row in rows) == 3
        assert sum(row["total_usage"] for row in rows) == pytest.approx(1410e-9)


class TestMetrics:
    def test_are_sums_and_rates_of_what_is_asked(self, busy: Cast, api: Api):
        metrics = ["request_count", "refused_count", "error_count", "total_usage", "credits_usage"]
        metrics += ["byok_usage", "byok_fees", "openrouter_usage", "tokens_total", "cache_hit_rate"]

        [row] = ask(api, *metrics, "avg_latency", "error_rate", "byok_request_count")

        assert (row["request_count"], row["refused_count"], row["error_count"]) == (3, 4, 1)
        assert (row["total_usage"], row["credits_usage"]) == (1410e-9, 410e-9)
        assert (row["byok_usage"], row["byok_fees"], row["openrouter_usage"]) == (1e-6, 10e-9, 400e-9)
        assert (row["tokens_total"], row["byok_request_count"]) == (90, 1)
        assert row["cache_hit_rate"] == pytest.approx(5 / 30)
        assert row["avg_latency"] == pytest.approx(503 / 3)
        assert row["error_rate"] == pytest.approx(1 / 3)

    def test_say_nothing_of_what_is_divided_by_nothing(self, api: Api):
        assert ask(api, "request_count", "avg_latency", "p50_latency", "cache_hit_rate") == [
            {"request_count": 0, "avg_latency": None, "p50_latency": None, "cache_hit_rate": None}
        ]

    @pytest.mark.parametrize("granularity", ["day", "hour"])
    def test_tell_percentiles_to_within_nine_percent(self, cast: Cast, api: Api, granularity: str):
        for latency in range(1, 101):
            book(
                cast.acme.bob_key.key,
                NOON,
                latency_ms=latency * 10,
                generation_ms=1000,
                completion_tokens=latency,
            )

        [row] = ask(
            api, "p50_latency", "p90_latency", "p99_latency", "p50_throughput", granularity=granularity
        )

        assert row["p50_latency"] == pytest.approx(500, rel=0.1)
        assert row["p90_latency"] == pytest.approx(900, rel=0.1)
        assert row["p99_latency"] == pytest.approx(990, rel=0.1)
        assert row["p50_throughput"] == pytest.approx(50, rel=0.1)

    def test_count_guardrails_and_the_response_cache(self, cast: Cast, api: Api):
        book(cast.acme.bob_key.key, NOON, detail=DETECTED)
        book(cast.acme.bob_key.key, NOON, detail={"cache": "hit"})

        [row] = ask(api, "guardrail_invoked_rate", "response_cached_count", "response_cached_rate")

        assert row == {"guardrail_invoked_rate": 0.5, "response_cached_count": 1, "response_cached_rate": 0.5}


class TestDimensions:
    def test_name_keys_members_and_workspaces(self, busy: Cast, api: Api):
        by_key = ask(api, "request_count", dimensions=["api_key_id"])
        by_member = ask(api, "request_count", dimensions=["user"])
        by_workspace = ask(api, "request_count", dimensions=["workspace"])

        assert by_key == [
            {"api_key_id": "bob's key", "request_count": 2},
            {"api_key_id": "production system key", "request_count": 1},
        ]
        assert by_member == [
            {"user": "Bob", "user_email": "bob@acme.example", "request_count": 2},
            {"user": None, "user_email": None, "request_count": 1},
        ]
        assert by_workspace == [{"workspace": "Production", "request_count": 3}]

    def test_cross_two(self, busy: Cast, api: Api):
        rows = ask(api, "request_count", dimensions=["app", "external_user"])

        assert sorted(rows, key=str) == sorted(
            [
                {"app": "Tea", "external_user": "customer-1", "request_count": 1},
                {"app": "Tea", "external_user": None, "request_count": 1},
                {"app": None, "external_user": None, "request_count": 1},
            ],
            key=str,
        )

    def test_tell_variants_and_single_generations(self, busy: Cast, api: Api):
        variants = ask(api, "request_count", dimensions=["variant"])
        generations = ask(api, "total_usage", dimensions=["generation_id"], limit=1)

        assert {row["variant"]: row["request_count"] for row in variants} == {"standard": 2, "free": 1}
        found = data_of(api.get("/generation", id=generations[0]["generation_id"]))
        assert found["model"] == "a/b:free"


class TestFilters:
    @pytest.mark.parametrize(
        ("condition", "requests"),
        [
            (("model", "eq", "a/b:free"), 1),
            (("model", "neq", "a/b:free"), 2),
            (("model", "in", ["a/b:free", "simulator/echo"]), 3),
            (("model", "not_in", ["a/b:free"]), 2),
            (("model", "gt", "b"), 2),
            (("provider", "eq", "nobody'; --"), 0),
            (("api_key_id", "eq", "{bob_key}"), 2),
            (("user", "eq", "{bob}"), 2),
            (("user", "in", ["{bob}"]), 2),
            (("workspace", "eq", "{production}"), 3),
            (("app", "eq", "Tea"), 2),
            (("app", "not_in", ["Coffee"]), 2),
            (("external_user", "eq", "customer-1"), 1),
            (("finish_reason", "eq", "error"), 1),
            (("status", "eq", "completed"), 2),
        ],
    )
    def test_keep(self, busy: Cast, api: Api, condition: tuple[str, str, Any], requests: int):
        acme = busy.acme
        known = {
            "bob_key": acme.bob_key.key.hash,
            "bob": acme.bob.user.public_id,
            "production": str(acme.production.public_id),
        }
        field, operator, value = condition
        value = [one.format(**known) for one in value] if isinstance(value, list) else value.format(**known)

        [row] = ask(api, "request_count", **filtered(field, operator, value))

        assert row["request_count"] == requests

    @pytest.mark.parametrize(("operator", "requests"), [("in", 3), ("not_in", 1)])
    def test_keep_what_has_no_value_if_that_is_wanted(
        self, busy: Cast, api: Api, operator: str, requests: int
    ):
        [row] = ask(api, "request_count", **filtered("app", operator, ["Tea"], include_unset=True))

        assert row["request_count"] == requests

    def test_warn_of_what_there_is_not(self, busy: Cast, api: Api):
        theirs = busy.globex.default_key.key.hash
        asked = {"metrics": ["request_count"], "time_range": THE_DAY} | filtered("api_key_id", "eq", theirs)

        told = data_of(api.post("/analytics/query", asked))

        assert told["data"] == [{"request_count": 0}]
        assert theirs in told["warnings"][0]


class TestTime:
    def test_is_told_by_bucket_newest_first(self, busy: Cast, api: Api):
        rows = ask(api, "request_count", granularity="hour")

        assert rows == [
            {"date__hour": f"{NOON + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}.000Z", "request_count": 1},
            {"date__hour": f"{NOON:%Y-%m-%dT%H:%M:%S}.000Z", "request_count": 2},
        ]

    @pytest.mark.parametrize("granularity", ["day", "week", "month"])
    def test_has_wider_buckets(self, busy: Cast, api: Api, granularity: str):
        rows = ask(api, "request_count", granularity=granularity)

        assert [row["request_count"] for row in rows] == [3]
        assert rows[0][f"date__{granularity}"] <= moment(MIDNIGHT)

    def test_has_minutes_for_three_hours(self, busy: Cast, api: Api):
        rows = ask(
            *(api, "request_count"),
            granularity="minute",
            time_range=between(NOON, NOON + timedelta(hours=3)),
            order_by={"field": "date", "direction": "asc"},
        )

        assert [row["request_count"] for row in rows] == [1, 1, 1]

    @pytest.mark.parametrize(
        ("start", "end", "requests"),
        [
            (timedelta(), timedelta(seconds=90), 1),
            (timedelta(), timedelta(seconds=91), 2),
            (timedelta(seconds=1), timedelta(hours=1), 1),
            (timedelta(seconds=1), timedelta(hours=1, seconds=1), 2),
            (timedelta(days=-3, hours=-1), timedelta(hours=1), 2),
            (timedelta(days=-3, seconds=-1), timedelta(days=30), 3),
        ],
    )
    def test_begins_and_ends_to_the_second(
        self, busy: Cast, api: Api, start: timedelta, end: timedelta, requests: int
    ):
        [row] = ask(api, "request_count", time_range=between(NOON + start, NOON + end))

        assert row["request_count"] == requests

    def test_is_the_last_seven_days_when_none_is_named(self, busy: Cast, api: Api):
        book(busy.acme.bob_key.key, NOON - timedelta(days=6))

        told = data_of(api.post("/analytics/query", {"metrics": ["request_count"]}))

        assert told["data"] == [{"request_count": 3}]


class TestRows:
    @pytest.fixture(autouse=True)
    def many(self, cast: Cast) -> None:
        for number in range(6):
            for hour in range(number % 3 + 1):
                book(cast.acme.bob_key.key, NOON + timedelta(hours=hour), model=f"a/{number}")

    def test_are_ordered_by_the_first_metric(self, api: Api):
        rows = ask(api, "request_count", dimensions=["model"])

        assert [row["request_count"] for row in rows] == [3, 3, 2, 2, 1, 1]

    @pytest.mark.parametrize(
        ("field", "first"), [("model", "a/0"), ("total_usage", "a/0"), ("request_count", "a/0")]
    )
    def test_are_ordered_as_is_asked(self, api: Api, field: str, first: str):
        rows = ask(*(api, "total_usage"), dimensions=["model"], order_by={"field": field, "direction": "asc"})

        assert rows[0]["model"] == first

    @pytest.mark.parametrize(("limit", "is_truncated"), [(5, True), (6, False)])
    def test_are_cut_off_at_the_limit(self, api: Api, limit: int, is_truncated: bool):
        asked = {"metrics": ["request_count"], "dimensions": ["model"], "time_range": THE_DAY, "limit": limit}

        told = data_of(api.post("/analytics/query", asked))

        assert told["metadata"]["truncated"] is is_truncated
        assert told["metadata"]["row_count"] == len(told["data"]) == limit

    def test_are_so_many_of_a_group(self, api: Api):
        rows = ask(api, "request_count", dimensions=["model"], granularity="hour", group_limit=1)

        assert len(rows) == 6


class TestClassifiers:
    CLASSIFIER = "550e8400-e29b-41d4-a716-446655440000"

    def test_that_are_unknown_have_tagged_nothing(self, busy: Cast, api: Api):
        tags = {"classifier_id": self.CLASSIFIER, "dimension_names": ["topic"]}
        chosen = {"field": "topic", "operator": "eq", "value": "tea"}

        assert ask(api, "request_count", classifier_dimensions=tags) == []
        assert ask(
            api,
            "request_count",
            classifier_filters={"classifier_id": self.CLASSIFIER, "filters": [chosen]},
        ) == [{"request_count": 0}]

    def test_leave_what_is_not_tagged(self, busy: Cast, api: Api):
        tags = {"classifier_id": self.CLASSIFIER, "dimension_names": ["topic"], "include_nulls": True}

        assert ask(api, "request_count", classifier_dimensions=tags) == [{"topic": None, "request_count": 3}]


class TestTags:
    @pytest.fixture
    def classifier(self, busy: Cast) -> Classifier:
        """One that has sorted Bob's two requests and failed with the third."""
        acme = busy.acme
        with tenant(acme.organization.pk):
            row = a_classifier(acme.production)
        every = Generation.everything.using("owner").filter(organization_id=acme.organization.pk)
        found = [one for one in every.order_by("id") if one.status != "refused"]
        tags = iter([{"topic": "billing", "tone": "angry"}, {"topic": "other", "tone": "angry"}])
        for one in found:
            is_bobs = one.api_key_id == acme.bob_key.key.pk
            Classification.everything.using("owner").create(
                classifier_id=row.pk,
                generation_id=one.pk,
                organization_id=one.organization_id,
                workspace_id=one.workspace_id,
                status="done" if is_bobs else "failed",
                tags=next(tags) if is_bobs else None,
            )
        return row

    def test_group(self, api: Api, classifier: Classifier):
        named = {"classifier_id": str(classifier.public_id), "dimension_names": ["topic"]}

        rows = ask(api, "request_count", "p50_latency", classifier_dimensions=named)
        with_all = ask(api, "request_count", classifier_dimensions=named | {"include_nulls": True})

        assert {row["topic"]: row["request_count"] for row in rows} == {"billing": 1, "other": 1}
        assert all(row["p50_latency"] for row in rows)
        assert {row["topic"]: row["request_count"] for row in with_all} == {"billing": 1, "other": 1, None: 1}

    def test_group_together_with_dimensions_and_time(self, api: Api, classifier: Classifier):
        named = {"classifier_id": str(classifier.public_id), "dimension_names": ["tone", "topic"]}

        rows = ask(api, "request_count", dimensions=["app"], granularity="day", classifier_dimensions=named)

        told = {(row["app"], row["tone"], row["topic"], row["request_count"]) for row in rows}
        assert told == {("Tea", "angry", "billing", 1), ("Tea", "angry", "other", 1)}

    def test_are_listed_by_name_and_value_where_none_is_named(self, api: Api, classifier: Classifier):
        rows = ask(api, "request_count", classifier_dimensions={"classifier_id": str(classifier.public_id)})

        told = {(row["clf_dimension_name"], row["clf_dimension_value"]): row["request_count"] for row in rows}
        assert told == {("tone", "angry"): 2, ("topic", "billing"): 1, ("topic", "other"): 1}

    @pytest.mark.parametrize(
        ("operator", "value", "count"),
        [("eq", "billing", 1), ("neq", "billing", 1), ("in", ["billing", "other"], 2), ("not_in", ["x"], 2)],
    )
    def test_narrow_down(self, api: Api, classifier: Classifier, operator, value, count):
        chosen = {"field": "topic", "operator": operator, "value": value}
        narrowed = {"classifier_id": str(classifier.public_id), "filters": [chosen]}

        assert ask(api, "request_count", classifier_filters=narrowed) == [{"request_count": count}]

    @pytest.mark.parametrize("value", [5, ["a"], None, {}, "\0", "\ud800"])
    def test_narrow_down_by_labels_only(self, api: Api, classifier: Classifier, value):
        chosen = {"field": "topic", "operator": "eq", "value": value}
        narrowed = {"classifier_id": str(classifier.public_id), "filters": [chosen]}
        body = {"metrics": ["request_count"], "time_range": THE_DAY, "classifier_filters": narrowed}

        assert api.post("/analytics/query", body).status_code in (200, 400)

    def test_are_nobody_elses(self, cast: Cast, classifier: Classifier):
        named = {"classifier_id": str(classifier.public_id), "dimension_names": ["topic"]}

        assert ask(Api(cast.globex.management_key.secret), "request_count", classifier_dimensions=named) == []


class TestWhatIsNotUnderstood:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"metrics": []}, "metrics"),
            ({"metrics": ["price'; DROP TABLE generation; --"]}, "metrics"),
            ({"metrics": "request_count"}, "metrics"),
            ({"metrics": ["\x00"]}, "metrics"),
            ({"dimensions": ["model", "provider", "app"]}, "dimensions"),
            ({"dimensions": ["model", "model"]}, "dimensions"),
            ({"dimensions": ["country"]}, "dimensions"),
            ({"granularity": "second"}, "granularity"),
            ({"time_range": {"start": moment(NOON), "end": moment(NOON)}}, "time_range"),
            ({"time_range": {"start": "2026-01-01", "end": moment(NOON)}}, "time_range"),
            ({"time_range": between(NOON - timedelta(days=400), NOON)}, "time_range"),
            (
                {"time_range": between(NOON - timedelta(days=40), NOON), "dimensions": ["status"]},
                "time_range",
            ),
            ({"granularity": "minute"}, "time_range"),
            ({"order_by": {"field": "date", "direction": "asc"}}, "order_by"),
            ({"order_by": {"field": "total_usage", "direction": "asc"}}, "order_by"),
            ({"limit": 10_001}, "limit"),
            ({"limit": 0}, "limit"),
            ({"limit": "5"}, "limit"),
            ({"having": 1}, "having"),
            (filtered("cost", "eq", 1), "filters"),
            (filtered("model", "like", "a"), "filters"),
            (filtered("model", "in", "a"), "filters"),
            (filtered("model", "eq", ["a"]), "filters"),
            (filtered("model", "eq", {"a": 1}), "filters"),
            (filtered("workspace", "gt", "a"), "filters"),
            ({"filters": [filtered("model", "eq", "a")["filters"][0]] * 21}, "filters"),
        ],
    )
    def test_is_named(self, api: Api, body: dict[str, Any], field: str):
        answer = api.post("/analytics/query", {"metrics": ["request_count"], "time_range": THE_DAY} | body)

        status, message = error_of(answer)
        assert status == 400
        assert message.startswith(field)


class TestTheQueries:
    def test_are_as_many_however_many_rows_there_are(self, cast: Cast, api: Api):
        def queries() -> int:
            with CaptureQueriesContext(connections["default"]) as seen:
                ask(api, "request_count", dimensions=["api_key_id", "model"])
            return len(seen)

        book(cast.acme.bob_key.key, NOON)
        once = queries()
        for number in range(5):
            book(cast.acme.production_key.key, NOON, model=f"a/{number}")

        assert queries() == once

    def test_end_when_they_take_too_long(self, busy: Cast, api: Api, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(running, "MOST_SECONDS", 0.001)

        answer = api.post("/analytics/query", {"metrics": ["p50_latency"], "dimensions": ["generation_id"]})

        assert error_of(answer)[0] == 408


class TestTheFile:
    def test_says_what_the_query_says(self, busy: Cast, api: Api):
        asked = {
            "metrics": ["total_usage", "p50_latency", "request_count"],
            "dimensions": ["user", "model"],
            "granularity": "day",
            "time_range": THE_DAY,
        }
        answer = api.post("/analytics/query.csv", asked)
        rows = list(csv.DictReader(io.StringIO(body_of(answer))))

        told = data_of(api.post("/analytics/query", asked))["data"]
        assert answer["Content-Disposition"] == 'attachment; filename="acme-analytics.csv"'
        assert [list(row) for row in rows] == [list(row) for row in told]
        assert [json.loads(row["total_usage"]) for row in rows] == [row["total_usage"] for row in told]
        assert [row["user_email"] for row in rows] == [row["user_email"] or "" for row in told]

    def test_has_no_formulas(self, cast: Cast, api: Api):
        book(cast.acme.bob_key.key, NOON, context={"app_title": "=1+1"})
        asked = {"metrics": ["request_count"], "dimensions": ["app"], "time_range": THE_DAY}

        rows = body_of(api.post("/analytics/query.csv", asked)).splitlines()

        assert rows == ["app,request_count", "'=1+1,1"]
