"""Parallel (docs.parallel.ai, Search): excerpts of each page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from routing.plugins.bench import Ask
from routing.plugins.operator import Service
from routing.plugins.search.engine import Query, Result, post, results_of, under

MODES = ("turbo", "fast", "basic", "advanced")


class Parallel:
    """The engine `parallel`; of domains to include and to exclude the former win."""

    def ask(self, query: Query, service: Service) -> Ask:
        policy = {"include_domains": query.include} if query.include else {"exclude_domains": query.exclude}
        payload = {
            "objective": query.text,
            "search_queries": [query.text],
            "mode": query.mode if query.mode in MODES else "basic",
            "max_results": query.most,
            "excerpts": {"max_chars_per_result": query.characters} if query.characters else None,
            "source_policy": policy if query.include or query.exclude else None,
        }
        return post(service, "/v1beta/search", payload, header="x-api-key")

    def read(self, answer: Any) -> Iterator[Result]:
        return results_of(under(answer, "results"), "excerpts")
