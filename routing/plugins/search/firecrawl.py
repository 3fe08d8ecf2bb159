"""Firecrawl (docs.firecrawl.dev, Search), hosted or one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from routing.plugins.bench import Ask
from routing.plugins.operator import Service
from routing.plugins.search.engine import Query, Result, post, results_of, under, with_operators


class Firecrawl:
    """The engine `firecrawl`; of domains to include and to exclude the former win."""

    def ask(self, query: Query, service: Service) -> Ask:
        return post(service, "/v2/search", {"query": with_operators(query), "limit": query.most})

    def read(self, answer: Any) -> Iterator[Result]:
        found = under(answer, "data", "web") or under(answer, "data")
        return results_of(found, "markdown", "description")
