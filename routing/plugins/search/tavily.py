"""Tavily (docs.tavily.com, Search)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from routing.plugins.bench import Ask
from routing.plugins.operator import Service
from routing.plugins.search.engine import Query, Result, post, results_of, under

MODES = ("basic", "advanced", "fast")
MOST = 20


class Tavily:
    """The engine `tavily`."""

    def ask(self, query: Query, service: Service) -> Ask:
        payload = {
            "query": query.text,
            "max_results": min(query.most, MOST),
            "search_depth": query.mode if query.mode in MODES else None,
            "include_domains": query.include,
            "exclude_domains": query.exclude,
        }
        return post(service, "/search", payload)

    def read(self, answer: Any) -> Iterator[Result]:
        return results_of(under(answer, "results"), "content", "raw_content")
