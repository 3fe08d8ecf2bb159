"""What a model gets of a page that it names, and what it does not get."""

from __future__ import annotations

import pytest
from openrouter.components import OutputWebFetchServerToolItem

from config.lib.declared import NotValid
from routing.plugins.operator import NOTHING_SET_UP, Service
from routing.tools.web_fetch import WebFetch
from tests.routing.tools.bench import reaching_loopback, use_of
from tests.routing.tools.web_site import TARGETS

FETCH = WebFetch()
ONE_FETCH = 10**12
UNREADABLE = "The page cannot be read: its address cannot be read"


@pytest.fixture
def fetched(called, site):
    """Read paths of the site, or whole addresses, in one request."""

    def fetch(*paths, operator=None, seconds=10, is_broke=False, **config):
        operator = operator or reaching_loopback()
        urls = [{"url": path if "://" in path else site.url + path} for path in paths]
        ran, bench = called(
            FETCH, use_of(FETCH, **config), operator, *urls, seconds=seconds, is_broke=is_broke
        )
        fetch.bench = bench
        return ran if len(ran) > 1 else ran[0]

    return fetch


class TestAPage:
    def test_is_given_as_markdown_without_its_frame(self, fetched, site):
        ran = fetched("/article")

        assert (ran.result["url"], ran.result["title"]) == (f"{site.url}/article", "The Lighthouse")
        assert ran.result["status"] == "completed"
        assert ran.result["retrieved_at"].endswith("Z")
        assert ran.result["content"].startswith("# The Lighthouse")
        assert f"[Ada Berg]({site.url}/people/ada)" in ran.result["content"]
        assert "- Steps: 217" in ran.result["content"]
        assert "cookies" not in ran.result["content"]
        assert (ran.is_failed, ran.fetches) == (False, 1)

    def test_is_told_as_the_contract_has_it(self, fetched, site):
        ran = fetched("/article")

        item = OutputWebFetchServerToolItem.model_validate(
            {"type": "openrouter:web_fetch", "status": "completed", "id": "x", **ran.item}
        )
        assert (item.http_status, item.title, item.url) == (200, "The Lighthouse", f"{site.url}/article")

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("/latin", "Café für alle"),
            ("/lies", "Žluťoučký kůň"),
            ("/no-such-charset", "Grüße"),
            ("/data.json", '{"height": 41}'),
            ("/notes.txt", "Two lines\nof text"),
            ("/paper.pdf", "Of towers\n\nAnd of lamps"),
            ("/packed", "The lighthouse was built in 1874"),
        ],
    )
    def test_is_read_whatever_it_is_written_in(self, fetched, path, words):
        assert words in fetched(path).result["content"]

    def test_that_is_not_there_says_so(self, fetched, site):
        ran = fetched("/away")

        error = "HTTP 404: Page not found"
        assert ran.result == {"status": "failed", "error": error, "url": f"{site.url}/away"}
        assert ran.item == {"error": error, "url": f"{site.url}/away", "httpStatus": 404}
        assert (ran.is_failed, ran.fetches) == (True, 0)

    @pytest.mark.parametrize(
        ("path", "why"),
        [
            ("/picture", "it is no text"),
            ("/nothing", "it holds no text"),
            ("/big", "it has more than 5242880 bytes"),
            ("/bomb", "it has more than 5242880 bytes"),
            ("/broken", "its answer is compressed in a way that nobody asked for"),
            ("/deflated", "its answer is compressed in a way that nobody asked for"),
        ],
    )
    def test_that_cannot_be_read_says_why(self, fetched, path, why):
        ran = fetched(path)

        assert ran.result["error"] == f"The page cannot be read: {why}"
        assert ran.is_failed

    def test_of_a_hundred_thousand_levels_ends_nobody(self, fetched):
        deep, plain = fetched("/deep", "/article")

        assert deep.is_failed
        assert not plain.is_failed

    def test_that_drips_is_given_up(self, fetched):
        assert fetched("/drip", seconds=0.4).result["error"] == UNREADABLE

    def test_is_cut_to_the_tokens_that_are_asked_for(self, fetched):
        assert len(fetched("/long", max_content_tokens=100).result["content"]) == 396
        assert len(fetched("/long").result["content"]) == 99_996


class TestWhatIsNoAddress:
    @pytest.mark.parametrize("url", [None, 7, "", " ", "x" * 3_000, ["http://a.com"]])
    def test_is_refused_without_asking_anybody(self, called, url):
        [ran], bench = called(FETCH, use_of(FETCH), NOTHING_SET_UP, {"url": url})

        assert ran.is_failed
        assert bench.memory == {}

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://a.com/x",
            "file:///etc/passwd",
            "http://",
            "http://a.com:99999/",
            "http://u:p@a.com/",
            "gopher://x",
        ],
    )
    def test_of_the_web_says_so(self, fetched, url):
        assert fetched(url).result["error"] == "The page cannot be read: it is no address of the web"

    @pytest.mark.parametrize(
        "url", ["http://\ud800.com/", "http://a\0b/", "http://[::1", "http://a b.com/", "a.com"]
    )
    def test_at_all_is_a_failed_result(self, called, url):
        [ran], _ = called(FETCH, use_of(FETCH), NOTHING_SET_UP, {"url": url})

        assert ran.is_failed


class TestAForbiddenAddress:
    @pytest.mark.parametrize(
        "url", [url for name, url in TARGETS.items() if name not in ("file", "credentials")]
    )
    def test_is_told_like_one_where_nobody_answers(self, fetched, url):
        assert fetched(url, operator=NOTHING_SET_UP).result["error"] == UNREADABLE
        assert fetched("http://127.0.0.1:1/").result["error"] == UNREADABLE

    @pytest.mark.parametrize("name", ["metadata", "ipv6", "mapped", "decimal", "octal"])
    def test_is_not_reached_by_a_redirect(self, fetched, site, name):
        ran = fetched(f"/to/{name}")

        assert ran.result["url"] == f"{site.url}/to/{name}"
        assert ran.is_failed
        assert "169.254" not in ran.result["error"]

    @pytest.mark.parametrize("name", ["file", "credentials"])
    def test_is_not_a_redirects_target_in_other_clothes(self, fetched, name):
        assert (
            fetched(f"/to/{name}").result["error"] == "The page cannot be read: it is no address of the web"
        )


class TestRedirects:
    def test_are_followed_five_times(self, fetched, site):
        assert fetched("/to/5").result["url"] == f"{site.url}/article"
        assert fetched("/to/6").is_failed

    def test_in_a_loop_end(self, fetched, site):
        assert fetched("/to/loop").result["error"].endswith("its address redirects too often")
        assert len(site.asked) == 6

    def test_may_not_leave_the_domains_that_are_permitted(self, fetched, site):
        host = site.url.removeprefix("http://").partition(":")[0]

        ran = fetched("/to/article", allowed_domains=[f"{host}/to"])

        assert "not of the domains" in ran.result["error"]
        assert site.asked == ["/to/article"]


class TestDomains:
    @pytest.mark.parametrize(
        ("config", "is_read"),
        [
            ({"allowed_domains": ["127.0.0.1"]}, True),
            ({"allowed_domains": ["127.0.0.1/article"]}, True),
            ({"allowed_domains": ["a.com"]}, False),
            ({"blocked_domains": ["127.0.0.1"]}, False),
            ({"blocked_domains": ["127.0.0.1/other"]}, True),
            ({"blocked_domains": ["127.0.0.1/ARTICLE"]}, False),
        ],
    )
    def test_that_are_not_permitted_are_not_connected_to(self, fetched, site, config, is_read):
        ran = fetched("/article", **config)

        assert ran.is_failed is not is_read
        assert bool(site.asked) is is_read


class TestTheNumberOfPages:
    def test_is_what_the_caller_says(self, fetched, site):
        *_, last = fetched("/article", "/article", "/article", max_uses=2)

        assert last.result["error"] == "This request may read 2 pages, and has done so."
        assert len(site.asked) == 2

    def test_is_fifty_at_most(self, fetched, site):
        *fine, last = fetched(*["/notes.txt"] * 51, max_uses=100)

        assert not any(ran.is_failed for ran in fine)
        assert last.is_failed


class TestAServiceOfTheOperators:
    @pytest.mark.parametrize("engine", ["exa", "parallel", "firecrawl"])
    def test_reads_the_page_and_is_paid(self, fetched, site, engine):
        operator = reaching_loopback(search={engine: Service(site.url, "secret")}, fetch_femto=ONE_FETCH)

        ran = fetched("https://far.example/x", operator=operator, engine=engine)

        assert "https://far.example/x" in ran.result["content"]
        [money] = fetched.bench.till
        assert (money.model, money.provider) == ("openrouter/web_fetch", engine)
        assert money.most_femto == money.femto == ONE_FETCH

    def test_that_fails_costs_nothing(self, fetched, site):
        site.status = 500
        operator = reaching_loopback(search={"exa": Service(site.url, "secret")}, fetch_femto=ONE_FETCH)

        ran = fetched("https://far.example/x", operator=operator, engine="exa")

        assert ran.result["error"] == "The page cannot be read: the service answered 500"
        assert fetched.bench.till[0].femto == 0

    def test_is_not_asked_without_money(self, fetched, site):
        operator = reaching_loopback(search={"exa": Service(site.url, "secret")}, fetch_femto=ONE_FETCH)

        ran = fetched("https://far.example/x", operator=operator, engine="exa", is_broke=True)

        assert ran.result["error"] == "The page cannot be read: Insufficient credits."
        assert site.asked == []

    def test_is_not_asked_for_other_domains(self, fetched, site):
        operator = reaching_loopback(search={"exa": Service(site.url)})

        ran = fetched("https://far.example/x", operator=operator, engine="exa", blocked_domains=["example"])

        assert ran.is_failed
        assert site.asked == []

    def test_must_be_set_up(self):
        assert FETCH.missing({"engine": "exa"}, NOTHING_SET_UP).at("tools[0].parameters") == (
            "tools[0].parameters.engine"
        )
        assert FETCH.missing({}, NOTHING_SET_UP) is None


class TestTheConfiguration:
    @pytest.mark.parametrize(
        ("config", "path"),
        [
            ({"engine": "curl"}, "parameters.engine"),
            ({"max_uses": 0}, "parameters.max_uses"),
            ({"max_content_tokens": True}, "parameters.max_content_tokens"),
            ({"allowed_domains": "a.com"}, "parameters.allowed_domains"),
            ({"nonsense": 1}, "parameters.nonsense"),
        ],
    )
    def test_is_refused_where_it_is_wrong(self, config, path):
        with pytest.raises(NotValid) as fault:
            FETCH.read_config(config)

        assert fault.value.path == path
