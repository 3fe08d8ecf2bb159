"""Which models a query asks for, in which order and which page of them (the contract's GET /models).

A model of which something is not known does not pass a filter on it, and comes last when sorted by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias
from urllib.parse import parse_qs, urlencode

from routing.catalog_snapshot import EndpointEntry, ModelEntry
from routing.errors import invalid_request
from routing.gateway.client import RefusedError

Query: TypeAlias = Mapping[str, str]
Test: TypeAlias = Callable[[ModelEntry], bool]
Filter: TypeAlias = Callable[[str, str], Test]

MOST_MODELS = 1000
PAGE_SIZE = 500
FEMTO_PER_MILLION = 10**9
"""Femto-dollars per unit in a dollar per million units."""
ALL = "all"
"""`output_modalities=all` lists models of every kind; without it only those that write text."""
CATEGORIES = (
    *("programming", "roleplay", "marketing", "marketing/seo", "technology", "science"),
    *("translation", "legal", "finance", "health", "trivia", "academia"),
)
BENCHMARKS = ("intelligence_index", "coding_index", "agentic_index", "tool_success_rate")
UNSCORED = (
    *("most-popular", "top-weekly", "throughput-high-to-low", "latency-low-to-high"),
    *("intelligence-high-to-low", "coding-high-to-low", "agentic-high-to-low"),
    "design-arena-elo-high-to-low",
)
"""Orders by what the catalog does not know: all models are last, the newest first."""


def read_query(query_string: bytes) -> dict[str, str]:
    """The query's fields; of a repeated one the last, of an empty or null one nothing. Raises RefusedError."""
    try:
        fields = parse_qs(query_string.decode("latin-1"), max_num_fields=50)
    except ValueError:
        raise RefusedError(invalid_request("The query string has too many fields.")) from None
    return {name: values[-1] for name, values in fields.items() if values[-1] != "null"}


def select(models: Iterable[ModelEntry], query: Query) -> list[ModelEntry]:
    """The models that pass every filter of the query, in its order. Raises RefusedError naming the field."""
    tests = [FILTERS[name](name, text) for name, text in query.items() if name in FILTERS]
    if "output_modalities" not in query:
        tests.append(_writes("output_modalities", "text"))
    passed = [model for model in models if all(test(model) for test in tests)]
    newest_first = sorted(passed, key=lambda model: (-model.created_at.timestamp(), model.slug))
    order = query.get("sort", "newest")
    if order not in ORDERS:
        raise refused("sort", f"must be one of {', '.join(ORDERS)}")
    return sorted(newest_first, key=ORDERS[order])


def page_of(query: Query) -> slice:
    """The page that is asked for; all, when neither offset nor limit is given. Raises RefusedError."""
    if not query.keys() & {"offset", "limit"}:
        return slice(0, None)
    offset = whole(query, "offset", 0)
    limit = whole(query, "limit", PAGE_SIZE)
    if not 1 <= limit <= MOST_MODELS:
        raise refused("limit", f"must be from 1 to {MOST_MODELS}")
    return slice(offset, offset + limit)


def next_page(path: str, query: Query, page: slice, total: int) -> str | None:
    """The address of the page after this one, with the same filters."""
    if page.stop is None or page.stop >= total:
        return None
    filters = {name: text for name, text in query.items() if name not in ("offset", "limit")}
    following = {"offset": page.stop, "limit": page.stop - page.start, **filters}
    return f"{path}?{urlencode(following)}"


def whole(query: Query, name: str, default: int) -> int:
    """A whole number of the query. Raises RefusedError."""
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise refused(name, "must be a whole number")
    return int(text)


def refused(name: str, fault: str) -> RefusedError:
    """A 400 that names the field."""
    return RefusedError(invalid_request(f"'{name}' {fault}.", parameter=name))


def _words(text: str) -> set[str]:
    return {word.strip().casefold() for word in text.split(",") if word.strip()}


def _number(name: str, text: str) -> Decimal:
    if not re.fullmatch(r"\d{1,12}(?:\.\d{0,12})?", text, re.ASCII):
        raise refused(name, "must be a number that is not negative")
    return Decimal(text)


def _one_of(name: str, text: str, values: Iterable[str]) -> str:
    if text not in values:
        raise refused(name, f"must be one of {', '.join(values)}")
    return text


def _writes(name: str, text: str) -> Test:
    wanted = _words(text)
    return lambda model: ALL in wanted or bool(wanted & set(model.output_modalities))


def _reads(name: str, text: str) -> Test:
    wanted = _words(text)
    return lambda model: wanted <= set(model.input_modalities)


def _supports(name: str, text: str) -> Test:
    wanted = _words(text)
    return lambda model: any(wanted <= endpoint.supported_parameters for endpoint in model.endpoints)


def _named(name: str, text: str) -> Test:
    part = text.casefold()
    return lambda model: part in model.slug.casefold() or part in model.name.casefold()


def _long_enough(name: str, text: str) -> Test:
    tokens = whole({name: text}, name, 0)
    return lambda model: (model.context_length or 0) >= tokens


def _by_author(name: str, text: str) -> Test:
    wanted = _words(text)
    return lambda model: model.author.casefold() in wanted


def _of_family(name: str, text: str) -> Test:
    wanted = text.casefold()
    return lambda model: model.tokenizer.casefold() == wanted


def _served_by(name: str, text: str) -> Test:
    wanted = _words(text)
    return lambda model: any(
        {endpoint.provider.slug.casefold(), endpoint.provider.name.casefold()} & wanted
        for endpoint in model.endpoints
    )


def _without_retention(name: str, text: str) -> Test:
    _one_of(name, text, ("true",))
    return lambda model: any(endpoint.is_zdr for endpoint in model.endpoints)


def _in_region(name: str, text: str) -> Test:
    region = _one_of(name, text, ("eu", "us"))
    return lambda model: any(
        (endpoint.region or "").casefold().startswith(region) for endpoint in model.endpoints
    )


def _distillable(name: str, text: str) -> Test:
    is_wanted = _one_of(name, text, ("true", "false")) == "true"
    return lambda model: model.is_distillable is is_wanted


def _of_category(name: str, text: str) -> Test:
    _one_of(name, text, CATEGORIES)
    return lambda model: False


def _scored(name: str, text: str) -> Test:
    _number(name, text)
    return lambda model: False


def _priced(unit: str, *, is_least: bool) -> Filter:
    def build(name: str, text: str) -> Test:
        bound = _number(name, text) * FEMTO_PER_MILLION

        def test(model: ModelEntry) -> bool:
            price = getattr(_first(model).price, unit)
            return bool(price >= bound if is_least else price <= bound)

        return test

    return build


def _aged(*, is_least: bool) -> Filter:
    def build(name: str, text: str) -> Test:
        days, now = whole({name: text}, name, 0), datetime.now(UTC)

        def test(model: ModelEntry) -> bool:
            age = (now - model.created_at).days
            return age >= days if is_least else age <= days

        return test

    return build


def _first(model: ModelEntry) -> EndpointEntry:
    """The cheapest endpoint, whose prices are shown as the model's."""
    return model.endpoints[0]


def _price(model: ModelEntry) -> int:
    return _first(model).price.prompt + _first(model).price.completion


FILTERS: dict[str, Filter] = {
    "output_modalities": _writes,
    "input_modalities": _reads,
    "supported_parameters": _supports,
    "q": _named,
    "context": _long_enough,
    "model_authors": _by_author,
    "arch": _of_family,
    "providers": _served_by,
    "zdr": _without_retention,
    "region": _in_region,
    "distillable": _distillable,
    "category": _of_category,
    "min_price": _priced("prompt", is_least=True),
    "max_price": _priced("prompt", is_least=False),
    "min_output_price": _priced("completion", is_least=True),
    "max_output_price": _priced("completion", is_least=False),
    "min_age_days": _aged(is_least=True),
    "max_age_days": _aged(is_least=False),
    **{f"{bound}_{score}": _scored for bound in ("min", "max") for score in BENCHMARKS},
}
ORDERS: dict[str, Callable[[ModelEntry], int]] = {
    "newest": lambda model: 0,
    "pricing-low-to-high": _price,
    "pricing-high-to-low": lambda model: -_price(model),
    "context-high-to-low": lambda model: -(model.context_length or 0),
    **dict.fromkeys(UNSCORED, lambda model: 0),
}
