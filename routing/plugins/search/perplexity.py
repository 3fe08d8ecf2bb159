"""Perplexity's search (docs.perplexity.ai, Search API): ranked results without an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from routing.plugins.bench import Ask
from routing.plugins.operator import Service
from routing.plugins.search.engine import Query, Result, host_of, post, results_of, under

MOST, MOST_DOMAINS = 20, 20
CHARACTERS_PER_TOKEN = 4


class Perplexity:
    """The engine `perplexity`; of domains to include and to exclude the former win."""

    def ask(self, query: Query, service: Service) -> Ask:
        excluded = [f"-{host_of(domain)}" for domain in query.exclude]
        payload = {
            "query": query.text,
            "max_results": min(query.most, MOST),
            "max_tokens_per_page": query.characters and -(-query.characters // CHARACTERS_PER_TOKEN),
            "search_domain_filter": ([host_of(domain) for domain in query.include] or excluded)[
                :MOST_DOMAINS
            ],
        }
        return post(service, "/search", payload)

    def read(self, answer: Any) -> Iterator[Result]:
        return results_of(under(answer, "results"), "snippet")
