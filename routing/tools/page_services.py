"""Services that read a page for us: how an address becomes a request to each, and its answer the page. No I/O."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from routing.plugins.bench import Ask, Failed
from routing.plugins.operator import Service
from routing.plugins.search.engine import post, under

NOTHING = "the service could not read it"


class Page(NamedTuple):
    """What was read: where it was in the end, and the status that its server answered where that is known."""

    url: str
    title: str
    text: str
    status: int | None = None


class PageService(Protocol):
    """One service; listed in PAGE_SERVICES."""

    def ask(self, url: str, service: Service) -> Ask:
        """The request for a page."""

    def read(self, url: str, answer: Any) -> Page:
        """The page in the service's JSON, whatever else it may be. Raises Failed."""


class Exa:
    """Exa (docs.exa.ai/reference/get-contents)."""

    def ask(self, url: str, service: Service) -> Ask:
        return post(service, "/contents", {"urls": [url], "text": True}, header="x-api-key")

    def read(self, url: str, answer: Any) -> Page:
        return _page(url, _first(answer, "results"), "text")


class Firecrawl:
    """Firecrawl (docs.firecrawl.dev, Scrape), hosted or one's own."""

    def ask(self, url: str, service: Service) -> Ask:
        return post(service, "/v2/scrape", {"url": url, "formats": ["markdown"], "onlyMainContent": True})

    def read(self, url: str, answer: Any) -> Page:
        about, status = under(answer, "data", "metadata"), under(answer, "data", "metadata", "statusCode")
        title = about.get("title") if isinstance(about, dict) else None
        page = _page(url, {"title": title, "text": under(answer, "data", "markdown")}, "text")
        return page._replace(status=status if isinstance(status, int) else None)


class Parallel:
    """Parallel (docs.parallel.ai, Extract)."""

    def ask(self, url: str, service: Service) -> Ask:
        payload = {"urls": [url], "advanced_settings": {"full_content": True}}
        return post(service, "/v1/extract", payload, header="x-api-key")

    def read(self, url: str, answer: Any) -> Page:
        return _page(url, _first(answer, "results"), "full_content")


PAGE_SERVICES: dict[str, PageService] = {"exa": Exa(), "firecrawl": Firecrawl(), "parallel": Parallel()}


def _first(answer: Any, name: str) -> Any:  # the service's JSON
    found = under(answer, name)
    return found[0] if isinstance(found, list) and found else None


def _page(url: str, found: Any, name: str) -> Page:
    text, title = under(found, name), under(found, "title")
    if not isinstance(text, str) or not text.strip():
        raise Failed(NOTHING)
    return Page(url, title if isinstance(title, str) else "", text)
