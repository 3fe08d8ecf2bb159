"""GET /generation."""

from __future__ import annotations

import json
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from openrouter.components import GenerationResponse

from config.lib.ids import generation_id, uuid7
from config.lib.scoping import unscoped
from observability import recent
from tests.cast import Acme, Cast
from tests.management_api import Api, data_of, error_of
from workspaces.models import ApiKey

committed = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


PREVIOUS = {"previous_errors": [{"provider": "away", "code": "provider_error", "status": 503}, 5]}


def book(key: ApiKey, identifier: uuid.UUID, place: dict[str, Any] | None = None, **detail: Any) -> str:
    """A finished request of a key, as ingest books it; returns its public id. `place`: columns of a step."""
    columns = {
        "id": identifier,
        "admitted_at": datetime(2026, 5, 1, 12, tzinfo=UTC),
        "organization_id": key.organization_id,
        "workspace_id": key.workspace_id,
        "api_key_id": key.pk,
        "subjects": [],
        "process_id": uuid.uuid4(),
        "batch": 1,
        "model": "simulator/echo",
        "provider": "simulator",
        "dialect": "chat",
        "is_streamed": True,
        "status": "completed",
        "finish_reason": "stop",
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "cost_nano": 1_234_567,
        "latency_ms": 12,
        "generation_ms": 34,
        "app_url": "https://app.example",
        "http_status": 200,
        "detail": json.dumps(detail or PREVIOUS),
    } | (place or {})
    names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
    with (
        unscoped(reason="ingest books for everybody", using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute(f"INSERT INTO generation ({names}) VALUES ({places})", list(columns.values()))
    return generation_id(identifier)


PIPELINE = [
    {"type": "plugin", "name": "fusion", "data": {"router": "openrouter/fusion"}},
    {"type": "server_tool", "name": "web_search", "data": {"engine": "tavily", "results": 3, "calls": 1}},
    {"type": "server_tool", "name": "web_search", "data": {"engine": "exa", "results": 5, "calls": 1}},
    {"type": "server_tool", "name": "web_fetch", "data": {"calls": 2}},
    {"type": "server_tool", "name": "web_fetch", "data": {"calls": "many"}},
    {"type": "server_tool", "name": "web_fetch", "data": {"failed": True}},
]

HANDLED = (
    *("data_region", "router", "service_tier", "user_agent"),
    *("web_search_engine", "num_search_results"),
)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a generation that will not come."""
    monkeypatch.setattr(recent, "PATIENCE_SECONDS", 0)


class TestAGeneration:
    @committed
    def test_names_its_preset_and_where_its_answer_is_from(self, acme: Acme):
        api = Api(acme.bob_key.secret)
        preset = {"id": "a9e8d400-592a-494f-908c-375efa66cafd", "slug": "brief", "version": 2}
        cached = book(acme.bob_key.key, uuid7(), preset=preset, response_cache_source_id="gen-of-before")
        plain = book(acme.bob_key.key, uuid7(), preset="a text", response_cache_source_id=None)

        told = [data_of(api.get("/generation", id=one)) for one in (cached, plain)]

        assert [one["preset_id"] for one in told] == [preset["id"], None]
        assert [one["response_cache_source_id"] for one in told] == ["gen-of-before", None]

    @committed
    def test_tells_what_plugins_and_the_tier_had_to_do_with_it(self, acme: Acme):
        search = {"type": "plugin", "name": "web-search"}
        told = book(
            acme.bob_key.key,
            uuid7(),
            region="europe",
            service_tier="priority",
            user_agent="acme/1.0",
            pipeline=[
                {"type": "plugin", "name": "auto-router", "data": {"router": "openrouter/auto"}},
                {**search, "data": {"engine": "exa", "results": 0, "failed": True}},
                {**search, "data": {"engine": "tavily", "results": 5}},
            ],
        )

        data = data_of(Api(acme.bob_key.secret).get("/generation", id=told))

        assert {name: data[name] for name in HANDLED} == {
            "data_region": "europe",
            "router": "openrouter/auto",
            "service_tier": "priority",
            "user_agent": "acme/1.0",
            "web_search_engine": "tavily",
            "num_search_results": 5,
        }

    @committed
    def test_that_nothing_is_known_of_says_null(self, acme: Acme):
        plain = book(acme.bob_key.key, uuid7())

        data = data_of(Api(acme.bob_key.secret).get("/generation", id=plain))

        assert data["data_region"] == "global"
        assert all(data[name] is None for name in HANDLED if name != "data_region")

    @committed
    def test_shows_tokens_times_and_the_exact_cost(self, acme: Acme):
        public_id = book(acme.bob_key.key, uuid7())

        data = data_of(Api(acme.bob_key.secret).get("/generation", id=public_id))

        assert (data["id"], data["model"], data["provider_name"]) == (
            public_id,
            "simulator/echo",
            "simulator",
        )
        assert (data["total_cost"], data["usage"]) == (0.001234567, 0.001234567)
        assert (data["tokens_prompt"], data["native_tokens_completion"]) == (7, 5)
        assert (data["latency"], data["generation_time"], data["streamed"]) == (12, 34, True)
        assert data["provider_responses"] == [{"status": 503}, {"status": 200}]
        assert data["workspace_id"] == str(acme.production.public_id)
        assert (data["created_at"], data["api_type"]) == ("2026-05-01T12:00:00Z", "completions")

    @committed
    def test_is_shown_to_its_own_key_and_to_the_organizations_management_key_alone(
        self, cast: Cast, impatient: None
    ):
        public_id = book(cast.acme.bob_key.key, uuid7())
        askers = {
            "its key": cast.acme.bob_key.secret,
            "management": cast.acme.management_key.secret,
            "another key of the workspace": cast.acme.production_key.secret,
            "a foreign management key": cast.globex.management_key.secret,
            "a foreign key": cast.globex.default_key.secret,
        }

        answers = {who: Api(secret).get("/generation", id=public_id) for who, secret in askers.items()}

        assert [answer.status_code for answer in answers.values()] == [200, 200, 404, 404, 404]
        unknown = Api(cast.globex.default_key.secret).get("/generation", id=generation_id(uuid7()))
        assert answers["a foreign key"].content == unknown.content

    @committed
    def test_is_waited_for_while_ingest_is_on_its_way(self, acme: Acme):
        identifier = uuid7()
        answer: list[int] = []

        def ask() -> None:
            api = Api(acme.bob_key.secret)
            answer.append(api.get("/generation", id=generation_id(identifier)).status_code)
            connections.close_all()

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(0.5)
        assert asking.is_alive()
        book(acme.bob_key.key, identifier)
        asking.join(10)

        assert answer == [200]

    def test_that_never_comes_is_404_after_three_seconds(self, acme: Acme):
        began = time.monotonic()

        response = Api(acme.bob_key.secret).get("/generation", id=generation_id(uuid7()))

        assert error_of(response) == (404, "Resource not found")
        assert 3 <= time.monotonic() - began < 6

    def test_is_waited_for_by_so_many_only_each_of_whom_holds_a_connection(
        self, cast: Cast, impatient: None, monkeypatch: pytest.MonkeyPatch
    ):
        acme_id = cast.acme.organization.pk
        monkeypatch.setitem(recent._waiting, acme_id, recent.MOST_OF_ORGANIZATION)

        refused = Api(cast.acme.bob_key.secret).get("/generation", id=generation_id(uuid7()))
        foreign = Api(cast.globex.default_key.secret).get("/generation", id=generation_id(uuid7()))

        assert (error_of(refused)[0], refused["Retry-After"]) == (429, "1")
        assert error_of(foreign)[0] == 404

    @pytest.mark.parametrize("public_id", ["gen-", "gen-x", "x", "\x00", "gen-" + "0" * 33])
    def test_that_is_no_id_is_404_at_once(self, acme: Acme, public_id: str):
        assert error_of(Api(acme.bob_key.secret).get("/generation", id=public_id))[0] == 404

    def test_needs_an_id(self, acme: Acme):
        assert error_of(Api(acme.bob_key.secret).get("/generation")) == (400, "id: must be given.")


class TestARequestThatRanServerTools:
    @pytest.fixture
    def steps(self, acme: Acme) -> list[str]:
        """A request, a search that it paid for, and its second model step."""
        outer, key = uuid7(), acme.bob_key.key
        tool = {
            "tool": "web_search",
            "model": "openrouter/web_search",
            "provider": "exa",
            "cost_nano": 5_000_001,
        }
        return [
            book(key, outer, pipeline=PIPELINE),
            book(key, uuid7(), {"request_id": outer, **tool}),
            book(key, uuid7(), {"request_id": outer, "cost_nano": 1}),
            book(key, uuid7()),
        ]

    @committed
    def test_names_its_first_generation_in_each_of_them(self, acme: Acme, steps: list[str]):
        api = Api(acme.bob_key.secret)

        told = [data_of(api.get("/generation", id=one))["request_id"] for one in steps]

        assert told == [steps[0], steps[0], steps[0], steps[3]]

    @committed
    def test_tells_by_its_first_generation_what_all_of_them_cost_together(self, acme: Acme, steps: list[str]):
        api = Api(acme.bob_key.secret)

        told = [data_of(api.get("/generation", id=one)) for one in steps]

        assert [one["total_cost"] for one in told] == [0.001234567, 0.005000001, 0.000000001, 0.001234567]
        assert [one["request_cost"] for one in told] == [0.006234569, None, None, None]
        assert [one["request_generations"] for one in told] == [3, None, None, None]

    @committed
    def test_sums_up_to_the_nano_dollar(self, acme: Acme, steps: list[str]):
        answer = Api(acme.management_key.secret).get("/generation", id=steps[0])

        assert b'"request_cost":0.006234569,' in answer.content

    @committed
    def test_tells_what_its_tools_did(self, acme: Acme, steps: list[str]):
        data = data_of(Api(acme.bob_key.secret).get("/generation", id=steps[0]))

        names = ("web_search_engine", "num_search_results", "num_fetches", "router")
        assert [data[name] for name in names] == ["exa", 8, 3, "openrouter/fusion"]

    @committed
    def test_takes_one_query_more_however_many_steps_it_had(self, acme: Acme, steps: list[str]):
        def queries(public_id: str) -> int:
            with CaptureQueriesContext(connection) as captured:
                Api(acme.bob_key.secret).get("/generation", id=public_id)
            return len(captured)

        assert queries(steps[0]) == queries(steps[3]) == queries(steps[1]) + 1

    @committed
    def test_is_told_in_the_contracts_terms(self, acme: Acme, steps: list[str]):
        for one in steps:
            answer = Api(acme.bob_key.secret).get("/generation", id=one)

            told = GenerationResponse.model_validate_json(answer.content).data
            assert told.request_id in steps

    @committed
    def test_is_not_shown_step_by_step_to_others_either(self, cast: Cast, steps: list[str], impatient: None):
        askers = {
            "management": cast.acme.management_key.secret,
            "another key of the workspace": cast.acme.production_key.secret,
            "a foreign management key": cast.globex.management_key.secret,
        }

        statuses = [
            [Api(secret).get("/generation", id=one).status_code for one in steps[:3]]
            for secret in askers.values()
        ]

        assert statuses == [[200, 200, 200], [404, 404, 404], [404, 404, 404]]
