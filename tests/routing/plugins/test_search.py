"""Search engines: what each is asked, and what is made of its answer."""

from __future__ import annotations

import json

import pytest

from routing.plugins.operator import Service
from routing.plugins.search import ENGINES, Query, Result
from routing.plugins.search.domains import is_wanted

SERVICE = Service("https://engine.example/", "secret")
QUERY = Query("who won", 7, include=("a.com", "*.b.com/c"), exclude=("d.com",), mode="advanced")


def asked(name, query=QUERY):
    ask = ENGINES[name].ask(query, SERVICE)
    return ask, json.loads(ask.body) if ask.body else None


class TestWhatAnEngineIsAsked:
    def test_exa(self):
        ask, body = asked("exa")

        assert (ask.url, ask.headers) == ("https://engine.example/search", {"x-api-key": "secret"})
        assert (body["numResults"], body["type"]) == (7, "auto")
        assert (body["includeDomains"], body["excludeDomains"]) == (["a.com", "*.b.com/c"], ["d.com"])

    def test_tavily(self):
        ask, body = asked("tavily")

        assert (ask.url, ask.headers["authorization"]) == ("https://engine.example/search", "Bearer secret")
        assert (body["max_results"], body["search_depth"]) == (7, "advanced")

    def test_parallel(self):
        ask, body = asked("parallel")

        assert ask.url == "https://engine.example/v1beta/search"
        assert (body["mode"], body["source_policy"]) == (
            "advanced",
            {"include_domains": ["a.com", "*.b.com/c"]},
        )

    def test_perplexity(self):
        _, body = asked("perplexity", Query("who won", 50, exclude=("d.com",)))

        assert (body["max_results"], body["search_domain_filter"]) == (20, ["-d.com"])

    def test_firecrawl(self):
        ask, body = asked("firecrawl")

        assert ask.url == "https://engine.example/v2/search"
        assert body == {"query": "who won (site:a.com OR site:b.com)", "limit": 7}

    def test_searxng_and_without_a_key(self):
        ask = ENGINES["searxng"].ask(Query("a & b", 5), Service("https://engine.example"))

        assert (ask.url, ask.body) == ("https://engine.example/search?q=a+%26+b&format=json", None)
        assert ask.headers == {}

    def test_for_so_many_characters_of_each_result(self):
        query = Query("who won", 7, characters=1_001)

        assert asked("exa", query)[1]["contents"] == {"highlights": {"maxCharacters": 1_001}}
        assert asked("parallel", query)[1]["excerpts"] == {"max_chars_per_result": 1_001}
        assert asked("perplexity", query)[1]["max_tokens_per_page"] == 251

    @pytest.mark.parametrize("name", ENGINES)
    def test_is_never_asked_with_the_key_in_its_address(self, name):
        assert "secret" not in asked(name)[0].url


class TestWhatIsMadeOfAnAnswer:
    @pytest.mark.parametrize(
        ("name", "answer"),
        [
            ("exa", {"results": [{"url": "https://a.com", "title": "T", "highlights": ["x", "y"]}]}),
            ("parallel", {"results": [{"url": "https://a.com", "title": "T", "excerpts": ["x", "y"]}]}),
            ("tavily", {"results": [{"url": "https://a.com", "title": "T", "content": "x\n[...]\ny"}]}),
            ("perplexity", {"results": [{"url": "https://a.com", "title": "T", "snippet": "x\n[...]\ny"}]}),
            ("searxng", {"results": [{"url": "https://a.com", "title": "T", "content": "x\n[...]\ny"}]}),
            (
                "firecrawl",
                {"data": {"web": [{"url": "https://a.com", "title": "T", "description": "x\n[...]\ny"}]}},
            ),
        ],
    )
    def test_results(self, name, answer):
        assert list(ENGINES[name].read(answer)) == [Result("https://a.com", "T", "x\n[...]\ny")]

    @pytest.mark.parametrize("name", ENGINES)
    @pytest.mark.parametrize(
        "answer", [None, 1, [], {}, {"results": {}}, {"results": [1, {"url": 2}]}, {"data": [None]}]
    )
    def test_nothing_of_what_is_no_answer(self, name, answer):
        assert list(ENGINES[name].read(answer)) == []


class TestADomain:
    @pytest.mark.parametrize(
        ("url", "include", "exclude", "expected"),
        [
            ("https://a.com/x", (), (), True),
            ("https://a.com/x", ("a.com",), (), True),
            ("https://www.a.com/x", ("a.com",), (), True),
            ("https://nota.com/x", ("a.com",), (), False),
            ("https://a.com/x", ("*.a.com",), (), False),
            ("https://b.a.com/x", ("*.a.com",), (), True),
            ("https://a.com/blog/1", ("a.com/blog",), (), True),
            ("https://a.com/blogs", ("a.com/blog",), (), False),
            ("https://b.a.com", ("a.com",), ("b.a.com",), False),
            ("https://a.com./x", (), ("a.com",), False),
            ("https://A.com/Blog/1", ("a.com/blog",), (), True),
            ("https://xn--bcher-kva.de/", (), ("bücher.de",), False),
            ("javascript:alert(1)", (), (), False),
            ("http://[", (), (), False),
        ],
    )
    def test_is_wanted_or_not(self, url, include, exclude, expected):
        assert is_wanted(url, Query("x", 1, include, exclude)) is expected
