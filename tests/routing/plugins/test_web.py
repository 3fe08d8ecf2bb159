"""Who searches, what it costs, and what is set aside for it."""

from __future__ import annotations

import pytest

from routing.gateway.client import RefusedError
from routing.plugins.bench import Surroundings
from routing.plugins.operator import Operator, Service
from routing.plugins.running import arrange
from routing.pricing import Usage, charge, cost, estimate
from tests.routing.make import (
    NOW,
    make_call,
    make_catalog,
    make_endpoint,
    make_model,
    make_policy,
    make_price,
)

SEARCH, RESULT = 7 * 10**12, 10**12
"""Femto-dollars."""
SERVICE = Service("https://engine.example", "secret")
SEARCHING = frozenset({"web_search_options"})


def arranged(call, *engines, endpoint=None):
    operator = Operator(dict.fromkeys(engines, SERVICE), search_femto=SEARCH, result_femto=RESULT)
    catalog = make_catalog(make_model("a/b", endpoint or make_endpoint()))
    return arrange(call, Surroundings(make_policy(), catalog, operator, NOW))


def searching(**config):
    return make_call("a/b", plugins={"web": config})


class TestTheEngine:
    def test_is_the_first_that_is_set_up(self):
        assert arranged(searching(), "searxng", "tavily").plugins["web"]["engine"] == "tavily"

    def test_is_the_one_that_is_named(self):
        call = arranged(searching(engine="searxng"), "searxng", "tavily")

        assert call.plugins["web"]["engine"] == "searxng"

    @pytest.mark.parametrize("engine", ["exa", "native", None])
    def test_must_be_set_up(self, engine):
        others = ("tavily",) if engine == "exa" else ()
        config = {"engine": engine} if engine else {}

        with pytest.raises(RefusedError) as refused:
            arranged(searching(**config), *others)

        assert refused.value.refusal.status == 400

    def test_takes_the_place_of_a_search_that_the_provider_does_not_offer(self):
        assert arranged(searching(engine="native"), "exa").plugins["web"]["engine"] == "exa"


class TestASearchOfTheProviders:
    ENDPOINT = make_endpoint(supported_parameters=SEARCHING, price=make_price(web_search=3 * 10**12))

    def test_is_preferred_and_asked_for_in_its_own_words(self):
        location = {"type": "approximate", "city": "Bonn"}

        call = arranged(searching(user_location=location), "exa", endpoint=self.ENDPOINT)

        assert call.body["web_search_options"] == {
            "user_location": {"type": "approximate", "approximate": {"city": "Bonn"}}
        }
        assert "web" not in call.plugins
        assert call.plugin_femto == 0
        assert call.stages[0]["data"] == {"engine": "native"}

    def test_keeps_what_the_caller_says_of_it(self):
        options = {"search_context_size": "high"}
        call = make_call("a/b", body={"messages": [], "web_search_options": options}, plugins={"web": {}})

        assert arranged(call, endpoint=self.ENDPOINT).body["web_search_options"] == options

    def test_is_not_used_where_another_engine_is_named(self):
        call = arranged(searching(engine="exa"), "exa", endpoint=self.ENDPOINT)

        assert "web_search_options" not in call.body

    def test_costs_what_the_endpoint_asks_for_it(self):
        call = arranged(searching(), endpoint=self.ENDPOINT)

        usage = Usage(prompt=10, completion=5)
        plain = cost(self.ENDPOINT.price, usage)
        charged = charge(self.ENDPOINT, call, usage)
        assert charged.total_nano == plain.total_nano + 3_000_000
        assert charged.beside_femto == 3 * 10**12

    def test_is_not_charged_where_the_endpoint_has_none(self):
        call = make_call("a/b", parameters=SEARCHING)
        endpoint = make_endpoint(price=make_price(web_search=3 * 10**12))

        assert charge(endpoint, call, Usage(prompt=1)) == cost(endpoint.price, Usage(prompt=1))


class TestThePrice:
    @pytest.mark.parametrize(("most", "femto"), [(1, SEARCH), (10, SEARCH), (13, SEARCH + 3 * RESULT)])
    def test_is_of_the_search_and_of_results_above_ten(self, most, femto):
        assert arranged(searching(max_results=most), "exa").plugin_femto == femto

    def test_is_set_aside_with_room_for_the_results(self):
        endpoint = make_endpoint()
        plain, call = make_call("a/b"), arranged(searching(), "exa", endpoint=endpoint)

        tokens = call.prompt_tokens - plain.prompt_tokens
        assert tokens == call.media_tokens == 2_750
        prompted = arranged(searching(search_prompt="word " * 2_000), "exa", endpoint=endpoint)
        assert prompted.prompt_tokens - call.prompt_tokens == 2_500
        more = estimate(endpoint.price, call, endpoint) - estimate(endpoint.price, plain, endpoint)
        assert more == SEARCH // 10**6 + tokens * 10**9 // 10**6

    def test_is_exact_and_rounded_once(self):
        endpoint = make_endpoint(price=make_price(prompt=400_000, completion=0))
        call = make_call("a/b", plugin_femto=700_000)

        charged = charge(endpoint, call, Usage(prompt=1))

        assert charged.total_femto == 1_100_000
        assert (
            charged.total_nano == cost(make_price(prompt=1_100_000, completion=0), Usage(prompt=1)).total_nano
        )

    def test_costs_nothing_where_no_plugin_runs(self):
        endpoint, usage = make_endpoint(), Usage(prompt=10, completion=5)

        assert charge(endpoint, make_call("a/b"), usage) == cost(endpoint.price, usage)
