"""The shape of a search engine: how a query becomes a request to it, and its answer results. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from routing.plugins.bench import Ask
from routing.plugins.operator import Service

Found = Mapping[str, Any]  # one result as the engine's JSON has it


class Query(NamedTuple):
    """What is searched for, and within which bounds; `characters` are those of each result's text."""

    text: str
    most: int
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    mode: str | None = None
    characters: int | None = None


class Result(NamedTuple):
    """One thing that was found."""

    url: str
    title: str
    text: str


class Engine(Protocol):
    """One search engine; listed in the package's `__init__`."""

    def ask(self, query: Query, service: Service) -> Ask:
        """The request for a query."""

    def read(self, answer: Any) -> Iterator[Result]:
        """The results in the engine's JSON, whatever else it may be."""


def post(service: Service, path: str, payload: Mapping[str, Any], *, header: str = "authorization") -> Ask:
    """A POST with the key in a header; what is None or empty is left out."""
    body = {name: value for name, value in payload.items() if value not in (None, (), [], {})}
    key = f"Bearer {service.key}" if header == "authorization" else service.key
    return Ask(
        service.url.rstrip("/") + path, msgspec.json.encode(body), {header: key} if service.key else {}
    )


def results_of(found: Any, *texts: str) -> Iterator[Result]:
    """The results of a list; a result's text is the first of its fields that has any."""
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and isinstance(one.get("url"), str):
            title = one.get("title")
            yield Result(one["url"], title if isinstance(title, str) else "", _text(one, texts))


def under(answer: Any, *names: str) -> Any:
    """What is at the end of a path of names; None where the path ends before."""
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def with_operators(query: Query) -> str:
    """The query for an engine whose filters are words of it; the engines know no wildcards and no paths here."""
    only = " OR ".join([f"site:{host_of(domain)}" for domain in query.include])
    without = "" if only else " ".join([f"-site:{host_of(domain)}" for domain in query.exclude])
    return " ".join([part for part in (query.text, f"({only})" if only else "", without) if part])


def host_of(domain: str) -> str:
    """The host of a domain filter, without wildcard and path."""
    return domain.removeprefix("*.").partition("/")[0]


def _text(one: Found, names: tuple[str, ...]) -> str:
    for name in names:
        value = one.get(name)
        if isinstance(value, list):
            value = "\n[...]\n".join([piece for piece in value if isinstance(piece, str)])
        if isinstance(value, str) and value:
            return value
    return ""
