"""The web site: pages with the frame that pages have, and a search that answers as SearXNG does in JSON."""

import html
import json
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs

from routing.simulator.web.ranking import Index

PREFIX = "/web"
PAGES = Path(__file__).with_name("pages.txt")
EXCERPT = 300
MOST_RESULTS = 20
_SITE = re.compile(r"-?site:\S+|[()]|\bOR\b")
"""Words of a query that are filters, which nobody needs on a single host."""


class Page(NamedTuple):
    """One page; `slug` has its topic before a slash."""

    slug: str
    title: str
    paragraphs: tuple[str, ...]

    @property
    def path(self) -> str:
        return f"{PREFIX}/{self.slug}.html"


class Served(NamedTuple):
    """An answer."""

    status: int
    kind: str
    body: bytes


class Site:
    """All of it, in memory."""

    def __init__(self) -> None:
        self.pages = read_pages(PAGES.read_text(encoding="utf-8"))
        self._by_path = {page.path: page for page in self.pages}
        # What a page is called counts twice.
        self._index = Index([" ".join((page.title, page.title, *page.paragraphs)) for page in self.pages])

    def serve(self, path: str, query: bytes, host: str) -> Served:
        """Answer a GET of an address below the prefix."""
        if path == f"{PREFIX}/search":
            return self._search(parse_qs(query.decode("latin-1")), host)
        if path == f"{PREFIX}/":
            return _html(
                200, "All pages", "".join(f"<li>{_link(page)}</li>" for page in self.pages), self.pages
            )
        page = self._by_path.get(path)
        if page is None:
            return _html(404, "Not found", "<p>There is no such page.</p>", self.pages)
        text = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in page.paragraphs)
        return _html(200, page.title, f"<h1>{html.escape(page.title)}</h1>{text}", self.pages)

    def _search(self, given: dict[str, list[str]], host: str) -> Served:
        if given.get("format") != ["json"]:
            return Served(403, "text/plain; charset=utf-8", b"Only JSON is spoken here.")
        query = given.get("q", [""])[0]
        found = self._index.find(_SITE.sub(" ", query))[:MOST_RESULTS]
        results = [_result(self.pages[at], score, host) for at, score in found]
        answer = {"query": query, "number_of_results": len(results), "results": results}
        return Served(200, "application/json", json.dumps(answer).encode())


def read_pages(text: str) -> list[Page]:
    """The pages of the file: a line `=== slug | title` before the paragraphs of each."""
    pages = []
    for piece in text.split("=== ")[1:]:
        head, *lines = [line.strip() for line in piece.strip().splitlines() if line.strip()]
        slug, _, title = head.partition(" | ")
        pages.append(Page(slug, title, tuple(lines)))
    return pages


def _result(page: Page, score: float, host: str) -> dict[str, object]:
    text = " ".join(page.paragraphs)
    return {
        "url": f"http://{host}{page.path}",
        "title": page.title,
        "content": text[:EXCERPT] + ("…" if len(text) > EXCERPT else ""),
        "engine": "simulator",
        "score": round(score, 3),
    }


def _html(status: int, title: str, content: str, pages: list[Page]) -> Served:
    """A page in its frame: scripts, navigation, an invitation that nobody asked for, and small print."""
    links = "".join(f"<li>{_link(page)}</li>" for page in pages[:8])
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>"
        "<script>window.visited = (window.visited || 0) + 1;</script><style>nav { color: gray }</style></head>"
        f"<body><header><nav><ul>{links}</ul></nav></header><main><article>{content}</article></main>"
        '<aside class="newsletter"><p>Subscribe to our newsletter and never miss a page!</p></aside>'
        f'<footer><p>We use cookies. <a href="{PREFIX}/">All pages</a> Imprint Privacy</p></footer></body></html>'
    )
    return Served(status, "text/html; charset=utf-8", page.encode())


def _link(page: Page) -> str:
    return f'<a href="{page.path}">{html.escape(page.title)}</a>'
