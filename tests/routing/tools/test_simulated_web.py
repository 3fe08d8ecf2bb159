"""The simulator's small web: its pages, and its search, which the gateway reaches as it reaches SearXNG."""

from __future__ import annotations

import pytest

from routing.plugins.operator import Service
from routing.simulator.web import Site
from routing.tools.web_fetch import WebFetch
from routing.tools.web_search import WebSearch
from tests.routing.simulator.process import SimulatorProcess
from tests.routing.tools.bench import reaching_loopback, use_of

SEARCH, FETCH = WebSearch(), WebFetch()


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    running = SimulatorProcess(tmp_path_factory.mktemp("simulator") / "calls.jsonl")
    yield running
    running.stop()


@pytest.fixture
def operator(simulator):
    return reaching_loopback(search={"searxng": Service(f"{simulator.url}/web")})


class TestAModelThatLooksSomethingUp:
    @pytest.mark.parametrize(
        ("query", "slug", "answer"),
        [
            ("When was Halden Instruments founded?", "halden/company", "founded in 1987"),
            ("Tern 4 reset button", "halden/tern-4-manual", "seven seconds"),
            ("ferry Skarn Island ticket price", "sea/ferry", "14 euros"),
            ("what is the speed of light", "physics/speed-of-light", "299,792,458"),
            ("funiculars in Valparaiso", "cities/valparaiso", "Since 1883"),
        ],
    )
    def test_finds_the_page_and_reads_it(self, called, simulator, operator, query, slug, answer):
        [found], _ = called(SEARCH, use_of(SEARCH), operator, {"query": query})
        first = found.result["results"][0]
        [read], _ = called(FETCH, use_of(FETCH), operator, {"url": first["url"]})

        assert first["url"] == f"{simulator.url}/web/{slug}.html"
        assert answer in read.result["content"]
        assert "newsletter" not in read.result["content"]
        assert "cookies" not in read.result["content"]

    def test_may_keep_to_a_part_of_the_site(self, called, operator):
        config = {"allowed_domains": ["127.0.0.1/web/cities"]}

        [found], _ = called(SEARCH, use_of(SEARCH, **config), operator, {"query": "Port Merrow"})

        assert found.result["results"]
        assert all("/web/cities/" in one["url"] for one in found.result["results"])


class TestTheSite:
    def test_has_about_thirty_pages_that_can_all_be_found(self):
        site = Site()

        assert len({page.slug for page in site.pages}) == len(site.pages) == 29
        for page in site.pages:
            assert page.paragraphs
            [best, *_] = site._index.find(page.title)
            assert site.pages[best[0]] == page

    def test_lists_its_pages_and_knows_which_it_has_not(self, simulator):
        assert b"/web/sea/puffins.html" in simulator.get("/web/").body
        assert simulator.get("/web/sea/sharks.html").status == 404
        assert simulator.get("/web/../../etc/passwd").status == 404

    def test_speaks_json_only_as_a_searxng_that_was_told_to(self, simulator):
        assert simulator.get("/web/search?q=x").status == 403
        assert simulator.get("/web/search?format=json").json()["results"] == []
        assert simulator.get("/web/search?q=%FF%00&format=json").json()["results"] == []
