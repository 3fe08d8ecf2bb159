"""Routing through a running gateway: preferences, variants, what a format cannot say, statistics, conversations."""

from __future__ import annotations

import pytest
from django.db import connections, transaction

from config.lib.scoping import tenant, unscoped
from routing import routing_defaults
from routing.gateway.board import decode as decode_post
from routing.models import Endpoint, LanguageModel, PriceVersion, Provider
from tests.cast import STAGE
from tests.routing.gateway.process import question
from tests.routing.gateway.stage import add_model, note_change
from tests.routing.simulator.process import wait_until
from workspaces import api_keys

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class TestAllowlists:
    def test_hold_for_fallbacks_too(self, gateway, key):
        answer = gateway.ask(key, "test/third-answers", provider={"only": ["alpha", "beta"]})

        assert answer.status == 502

    def test_let_the_named_provider_answer_at_once(self, gateway, key):
        answer = gateway.ask(key, "test/third-answers", provider={"only": ["Gamma"]})

        assert answer.json()["provider"] == "Gamma"

    def test_that_leave_nobody_say_so(self, gateway, key):
        error = gateway.ask(key, "test/echo", provider={"only": ["nobody"]}).json()["error"]

        assert (error["code"], error["availability"]["code"]) == (404, "no_endpoints")
        assert error["availability"]["excluded_by"] == ["allowed_providers"]
        assert error["availability"]["affected_providers"] == ["alpha"]


class TestVariants:
    @pytest.mark.parametrize("variant", ["nitro", "floor", "exacto", "thinking"])
    def test_are_answered_by_the_model_itself(self, gateway, key, variant):
        answer = gateway.ask(key, f"test/echo:{variant}")

        assert (answer.status, answer.json()["model"]) == (200, "test/echo")

    def test_to_be_online_needs_a_search_engine(self, gateway, key):
        error = gateway.ask(key, "test/echo:online").json()["error"]

        assert (error["code"], error["metadata"]["error_type"]) == (400, "invalid_request")
        assert "search" in error["message"]

    def test_that_do_not_exist_are_no_models(self, gateway, key):
        error = gateway.ask(key, "test/echo:extended").json()["error"]

        assert (error["code"], error["availability"]["code"]) == (400, "model_not_found")


class TestTheModelList:
    def test_goes_on_to_the_next_model_on_any_error(self, gateway, key):
        answer = gateway.post(key, question("test/error-400") | {"models": ["test/echo"]})

        assert (answer.status, answer.json()["model"]) == (200, "test/echo")

    def test_that_is_all_at_capacity_says_who_was_asked_and_what_else_there_is(self, gateway, key):
        availability = gateway.ask(key, "test/error-429").json()["error"]["availability"]

        assert (availability["code"], availability["retry_after"]) == ("capacity_exhausted", 1)
        assert availability["affected_providers"] == ["alpha"]
        assert availability["fallback_models"]


class TestWhatAFormatCannotSay:
    def test_is_noted_where_it_was_left_out(self, gateway, key):
        answer = gateway.ask(key, "test/messages-echo", seed=7)

        assert answer.status == 200
        assert gateway.end_of(answer.headers["x-generation-id"]).detail == {"dropped": ["seed"]}

    @pytest.mark.parametrize("more", [{"seed": 7}, {"store": True}])
    def test_leaves_nobody_where_all_is_required(self, gateway, key, more):
        error = gateway.ask(key, "test/messages-echo", provider={"require_parameters": True}, **more).json()[
            "error"
        ]

        assert (error["code"], error["availability"]["code"]) == (404, "constraint_filtered")
        assert error["availability"]["excluded_by"] == ["require_parameters"]
        assert error["availability"]["constraint"]["field"] == "require_parameters"

    def test_asks_nobody(self, gateway, key):
        answer = gateway.ask(key, "test/messages-echo", provider={"require_parameters": True}, store=True)

        assert gateway.end_of(answer.headers["x-generation-id"]).cost_nano == 0


@pytest.mark.usefixtures("shell")
class TestAWorkspacesPreferences:
    @pytest.fixture
    def own_key(self, stage):
        acme = stage.acme
        with tenant(acme.organization.pk):
            routing_defaults.change(workspace=acme.production, by=STAGE, only=["beta"])
            issued = api_keys.issue(workspace=acme.production, name="routed", by=STAGE)
        yield issued.secret
        with tenant(acme.organization.pk):
            routing_defaults.reset(workspace=acme.production, by=STAGE)

    def test_route_its_requests(self, gateway, own_key):
        assert gateway.ask(own_key, "test/second-answers").json()["provider"] == "Beta"
        assert gateway.ask(own_key, "test/echo").json()["error"]["code"] == 404

    def test_yield_to_what_a_request_says(self, gateway, own_key):
        assert gateway.ask(own_key, "test/echo", provider={"only": ["alpha"]}).status == 200


def shown(gateway, model, key):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = gateway.get(f"/api/v1/models/{model}/endpoints", **headers)
    return answer.json()["data"]["endpoints"]


class TestStatistics:
    def test_are_shown_with_the_endpoints(self, gateway, key):
        gateway.ask(key, "test/lorem", max_tokens=50)
        wait_until(lambda: shown(gateway, "test/lorem", key)[0]["throughput_last_30m"], what="statistics")

        endpoint = shown(gateway, "test/lorem", key)[0]

        assert [endpoint[f"uptime_last_{time}"] for time in ("5m", "30m", "1d")] == [100, 100, 100]
        assert set(endpoint["latency_last_30m"]) == {"p50", "p75", "p90", "p99"}
        assert endpoint["throughput_last_30m"]["p50"] > 0

    def test_of_speed_need_a_key(self, gateway, key):
        gateway.ask(key, "test/lorem", max_tokens=50)
        wait_until(lambda: shown(gateway, "test/lorem", key)[0]["latency_last_30m"], what="statistics")

        assert shown(gateway, "test/lorem", None)[0]["latency_last_30m"] is None
        assert shown(gateway, "test/lorem", None)[0]["uptime_last_30m"] == 100

    def test_count_failures_but_not_that_a_provider_is_at_capacity(self, gateway, key):
        gateway.ask(key, "test/error-429")
        gateway.ask(key, "test/error-500")
        wait_until(
            lambda: shown(gateway, "test/error-500", key)[0]["uptime_last_5m"] is not None, what="statistics"
        )

        assert shown(gateway, "test/error-500", key)[0]["uptime_last_5m"] == 0
        assert shown(gateway, "test/error-429", key)[0]["uptime_last_5m"] is None

    def test_are_known_to_every_process(self, gateway, start_gateway, key):
        other = start_gateway()
        gateway.ask(key, "test/flat")

        wait_until(
            lambda: shown(other, "test/flat", key)[0]["uptime_last_5m"] == 100, what="the other's statistics"
        )


def posts():
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT body FROM shared_post ORDER BY posted_at")
        return [decode_post(bytes(body)) for (body,) in cursor.fetchall()]


@pytest.mark.usefixtures("shell")
class TestToolCalls:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(("said", "errors"), [('{"city": "Bern"}', 0), ('{"town": "Bern"}', 1)])
    def test_are_judged_by_the_callers_schemas(self, start_gateway, key, stage, said, errors, stream):
        gateway = start_gateway()
        endpoint = Endpoint.objects.using("owner").get(model__slug="test/tools").pk

        def judged() -> list[tuple[int, int]]:
            counted = [post.counts[endpoint] for post in posts() if endpoint in post.counts]
            return [(counts.tool_requests, counts.tool_errors) for counts in counted]

        before = len(judged())

        gateway.ask(key, "test/tools", said, tools=[WEATHER], stream=stream)

        wait_until(lambda: len(judged()) > before, what="the verdict")
        assert judged()[-1] == (1, errors)


@pytest.mark.usefixtures("shell")
class TestAConversation:
    @pytest.fixture
    def model(self, stage):
        with unscoped(reason="the catalog is the platform's"), transaction.atomic():
            providers = list(Provider.objects.filter(slug__in=["alpha", "beta"]).order_by("slug"))
            add_model("test/caching", ["simulator/echo", "simulator/echo"], providers)
            for endpoint in Endpoint.objects.filter(model__slug="test/caching"):
                PriceVersion.objects.create(
                    endpoint=endpoint, prompt_femto=10**9, completion_femto=10**9, cache_read_femto=10**8
                )
            note_change(providers[0])
        yield "test/caching"
        with unscoped(reason="the catalog is the platform's"), transaction.atomic():
            LanguageModel.objects.filter(slug="test/caching").update(is_enabled=False)
            note_change(providers[0])

    def test_stays_with_its_provider(self, gateway, key, model):
        wait_until(lambda: gateway.ask(key, model).status == 200, what="the model")

        def providers(**more):
            return [gateway.ask(key, model, **more).json()["provider"] for _ in range(12)]

        assert len(set(providers(session_id="run-1"))) == 1
        assert set(providers()) == {"Alpha", "Beta"}
