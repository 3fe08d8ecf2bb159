"""A search of the web as plugin and server tool share it: who is asked, what it costs, and what is made of it."""

from __future__ import annotations

from typing import Any, Protocol

from config.lib.declared import Choice, Flag, Text, Texts
from routing.plugins.bench import Ask
from routing.plugins.operator import Missing, Operator
from routing.plugins.search import ENGINES, Query, Result
from routing.plugins.search.domains import is_wanted

MODES = (
    *("instant", "fast", "auto", "deep-lite", "deep", "deep-reasoning"),
    *("turbo", "basic", "advanced"),
)
NO_ENGINE = "needs a search engine, and none is set up here"
RESULTS = 5
RESULTS_INCLUDED = 10
"""What a search gives for its price; each further result has one of its own."""
LONGEST_QUERY, LONGEST_TITLE, LONGEST_URL = 400, 200, 2_000
DATE = r"\d{4}-\d\d-\d\d"
MOST_HANDLES = 20

LOCATION = (
    Choice(name="type", values=("approximate",)),
    Text(name="city"),
    Text(name="country"),
    Text(name="region"),
    Text(name="timezone"),
)
X_SEARCH = (
    Texts(name="allowed_x_handles", most=MOST_HANDLES),
    Texts(name="excluded_x_handles", most=MOST_HANDLES),
    Flag(name="enable_image_understanding"),
    Flag(name="enable_video_understanding"),
    Text(name="from_date", pattern=DATE),
    Text(name="to_date", pattern=DATE),
)


class Asking(Protocol):
    """Somebody who can ask the operator's services: a plugin's bench, or a tool's."""

    operator: Operator

    async def ask(self, ask: Ask) -> Any:  # the service's JSON
        """What a service of the operator's answers. Raises Failed."""


def not_set_up(engine: str) -> Missing:
    """What an engine that is named and not there keeps from running."""
    return Missing("engine", f"is {engine}, which is not set up here")


def first_engine(operator: Operator) -> str:
    """The engine that is asked where none is named; one must be set up."""
    return next(name for name in ENGINES if name in operator.search)


def price(results: int, operator: Operator) -> int:
    """What a search with so many results costs the caller, in femto-dollars."""
    return operator.search_femto + max(results - RESULTS_INCLUDED, 0) * operator.result_femto


def query_text(text: str) -> str:
    """A text as it is searched for: one line, not too long, and without half characters."""
    return " ".join(text.encode("utf-8", "replace").decode().split())[:LONGEST_QUERY]


async def search(engine: str, query: Query, bench: Asking) -> list[Result]:
    """What the engine finds, without what was not asked for. Raises Failed."""
    answer = await bench.ask(ENGINES[engine].ask(query, bench.operator.search[engine]))
    wanted = [one for one in ENGINES[engine].read(answer) if is_wanted(one.url, query)]
    found = {one.url: one for one in wanted if len(one.url) <= LONGEST_URL}
    return list(found.values())[: query.most]


def citation(result: Result) -> dict[str, Any]:
    """A result as Chat Completions cites it."""
    about = {"url": result.url, "title": result.title, "content": result.text}
    return {"type": "url_citation", "url_citation": {**about, "start_index": 0, "end_index": 0}}
