"""SearXNG (docs.searxng.org, Search API), which one runs oneself; its JSON format has to be allowed there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from routing.plugins.bench import Ask
from routing.plugins.operator import Service
from routing.plugins.search.engine import Query, Result, results_of, under, with_operators


class Searxng:
    """The engine `searxng`; of domains to include and to exclude the former win."""

    def ask(self, query: Query, service: Service) -> Ask:
        parameters = urlencode({"q": with_operators(query), "format": "json"})
        return Ask(f"{service.url.rstrip('/')}/search?{parameters}")

    def read(self, answer: Any) -> Iterator[Result]:
        return results_of(under(answer, "results"), "content")
