"""Exa (docs.exa.ai/reference/search): highlights of each page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from routing.plugins.bench import Ask
from routing.plugins.operator import Service
from routing.plugins.search.engine import Query, Result, post, results_of, under

MODES = ("instant", "fast", "auto", "deep-lite", "deep", "deep-reasoning")


class Exa:
    """The engine `exa`."""

    def ask(self, query: Query, service: Service) -> Ask:
        payload = {
            "query": query.text,
            "type": query.mode if query.mode in MODES else "auto",
            "numResults": query.most,
            "includeDomains": query.include,
            "excludeDomains": query.exclude,
            "contents": {"highlights": {"maxCharacters": query.characters} if query.characters else True},
        }
        return post(service, "/search", payload, header="x-api-key")

    def read(self, answer: Any) -> Iterator[Result]:
        return results_of(under(answer, "results"), "highlights", "summary", "text")
