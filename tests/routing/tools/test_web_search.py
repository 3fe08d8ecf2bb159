"""What a model gets when it searches, how often it may, and what that costs."""

from __future__ import annotations

import pytest
from openrouter.components import OutputWebSearchServerToolItem

from config.lib.declared import NotValid
from routing.plugins.operator import NOTHING_SET_UP, Operator, Service
from routing.tools.web_search import WebSearch
from tests.routing.tools.bench import use_of

SEARCH = WebSearch()
ONE_SEARCH, ONE_RESULT = 7 * 10**12, 10**12
"""Femto-dollars."""


def results(count, domain="a.example"):
    return [
        {"url": f"https://{domain}/{number}", "title": f"Title {number}", "content": f"Words {number}"}
        for number in range(count)
    ]


@pytest.fixture
def operator(site):
    services = {"searxng": Service(site.url)}
    return Operator(search=services, search_femto=ONE_SEARCH, result_femto=ONE_RESULT)


@pytest.fixture
def searched(called, site, operator):
    """Search for words, in one request."""

    def search(*queries, is_broke=False, **config):
        arguments = [{"query": query} for query in queries]
        ran, bench = called(SEARCH, use_of(SEARCH, **config), operator, *arguments, is_broke=is_broke)
        search.bench = bench
        return ran if len(ran) > 1 else ran[0]

    return search


class TestASearch:
    def test_gives_the_model_results_to_cite(self, searched, site):
        site.found = results(2)

        ran = searched("  old \n lighthouses ")

        assert ran.result == {
            "query": "old lighthouses",
            "results": [
                {"title": "Title 0", "url": "https://a.example/0", "content": "Words 0"},
                {"title": "Title 1", "url": "https://a.example/1", "content": "Words 1"},
            ],
        }
        assert (ran.searches, ran.is_failed) == (1, False)
        assert ran.annotations[1]["url_citation"] == {
            "url": "https://a.example/1",
            "title": "Title 1",
            "content": "Words 1",
            "start_index": 0,
            "end_index": 0,
        }

    def test_is_told_as_the_contract_has_it(self, searched, site):
        site.found = results(1)

        ran = searched("lighthouses")

        item = OutputWebSearchServerToolItem.model_validate(
            {"type": "openrouter:web_search", "status": "completed", "id": "x", **ran.item}
        )
        assert item.action.query == "lighthouses"
        assert [source.url for source in item.action.sources] == ["https://a.example/0"]
        asked = SEARCH.requested({"query": "lighthouses"}, use_of(SEARCH))
        assert asked == {"action": {"type": "search", "query": "lighthouses"}}

    def test_without_results_has_worked_all_the_same(self, searched):
        ran = searched("nothing")

        assert ran.result["results"] == []
        assert not ran.is_failed

    def test_keeps_to_the_domains_of_the_caller(self, searched, site):
        site.found = [*results(2), *results(1, "b.example"), *results(1, "www.b.example")]

        ran = searched("x", allowed_domains=["b.example"], excluded_domains=["www.b.example"])

        assert [one["url"] for one in ran.result["results"]] == ["https://b.example/0"]

    @pytest.mark.parametrize(
        ("config", "length"),
        [
            ({}, 4_000),
            ({"search_context_size": "low"}, 5_000),
            ({"search_context_size": "high", "max_characters": 9}, 9),
        ],
    )
    def test_tells_of_each_result_as_much_as_is_asked_for(self, searched, site, config, length):
        site.found = [{"url": "https://a.example", "title": "T" * 999, "content": "x" * 50_000}]

        [result] = searched("x", **config).result["results"]

        assert (len(result["content"]), len(result["title"])) == (length, 200)

    @pytest.mark.parametrize("query", [None, 1, "", "  ", ["x"], {}])
    def test_needs_a_query(self, searched, site, query):
        ran = searched(query)

        assert ran.is_failed
        assert site.asked == []
        assert searched.bench.till == []

    def test_is_made_of_whatever_the_model_says(self, searched, site):
        assert not searched("half a \ud800 character\0" + "x" * 5_000).is_failed


class TestTheCost:
    def test_is_of_the_search_and_of_results_above_ten(self, searched, site):
        site.found = results(12)

        searched("x", max_results=25)

        [money] = searched.bench.till
        assert (money.model, money.provider) == ("openrouter/web_search", "searxng")
        assert money.most_femto == ONE_SEARCH + 15 * ONE_RESULT
        assert money.femto == ONE_SEARCH + 2 * ONE_RESULT

    def test_is_nothing_where_the_engine_fails(self, searched, site):
        site.status = 500

        ran = searched("x")

        assert ran.result == {
            "status": "error",
            "error": "The search failed: the service answered 500",
            "query": "x",
        }
        assert ran.item["action"] == {"type": "search", "query": "x"}
        assert (ran.is_failed, ran.searches) == (True, 0)
        assert searched.bench.till[0].femto == 0

    def test_must_be_there(self, searched, site):
        ran = searched("x", is_broke=True)

        assert ran.result["error"] == "The search failed: Insufficient credits."
        assert site.asked == []


class TestTheLimits:
    def test_of_searches(self, searched, site):
        *_, last = searched("a", "b", "c", max_uses=2)

        assert "may search 2 times" in last.result["error"]
        assert len(site.asked) == 2

    def test_of_results_over_all_searches(self, searched, site):
        site.found = results(10)

        first, second, third = searched("a", "b", "c", max_results=5, max_total_results=7)

        assert [len(ran.result["results"]) for ran in (first, second)] == [5, 2]
        assert "may have 7 results" in third.result["error"]
        assert len(site.asked) == 2

    def test_do_not_count_results_that_did_not_come(self, searched, site):
        site.found = results(1)

        ran = searched(*"abcde", max_results=5, max_total_results=5)

        assert [len(one.result["results"]) for one in ran] == [1] * 5


class TestTheEngine:
    @pytest.mark.parametrize("engine", [None, "auto", "native"])
    def test_is_the_first_that_is_set_up(self, searched, engine):
        searched("x", **({"engine": engine} if engine else {}))

        assert searched.bench.till[0].provider == "searxng"

    @pytest.mark.parametrize("config", [{}, {"engine": "native"}, {"engine": "exa"}])
    def test_must_be_set_up(self, config):
        missing = SEARCH.missing(config, NOTHING_SET_UP)

        assert missing.at("tools[3].parameters") == "tools[3].parameters.engine"

    def test_that_is_named_must_be_the_one(self, operator):
        assert SEARCH.missing({"engine": "exa"}, operator).reason == "is exa, which is not set up here"
        assert SEARCH.missing({"engine": "searxng"}, operator) is None

    def test_that_went_away_meanwhile_is_a_failed_result(self, called):
        [ran], _ = called(SEARCH, use_of(SEARCH), NOTHING_SET_UP, {"query": "x"})

        assert ran.is_failed


class TestTheConfiguration:
    def test_takes_all_that_the_contract_has(self):
        given = {
            "engine": "exa",
            "mode": "fast",
            "max_results": 25,
            "max_total_results": 100,
            "max_uses": 3,
            "search_context_size": "medium",
            "max_characters": 100_000,
            "user_location": {"type": "approximate", "city": "Bonn"},
            "allowed_domains": ["a.com"],
            "excluded_domains": ["b.com"],
            "x_search": {"from_date": "2026-01-01"},
        }

        assert SEARCH.read_config(given) == given

    @pytest.mark.parametrize(
        ("config", "path"),
        [
            ({"engine": "bing"}, "parameters.engine"),
            ({"max_results": 26}, "parameters.max_results"),
            ({"max_characters": 0}, "parameters.max_characters"),
            ({"search_context_size": "huge"}, "parameters.search_context_size"),
            ({"user_location": {"planet": "Mars"}}, "parameters.user_location.planet"),
            ({"include_domains": []}, "parameters.include_domains"),
        ],
    )
    def test_is_refused_where_it_is_wrong(self, config, path):
        with pytest.raises(NotValid) as fault:
            SEARCH.read_config(config)

        assert fault.value.path == path
