"""Filters, orders and pages of the catalog's lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from routing.gateway.client import RefusedError
from routing.gateway.model_filters import next_page, page_of, read_query, select
from tests.routing.make import make_endpoint, make_model, make_price

TODAY = datetime.now(UTC)
CHEAP = make_model(
    "acme/cheap",
    make_endpoint("alpha", price=make_price(10**8, 10**9), is_zdr=True, region="eu-central-1"),
    created_at=TODAY - timedelta(days=10),
    context_length=8_000,
    tokenizer="Llama3",
)
SEEING = make_model(
    "globex/seeing",
    make_endpoint("beta", price=make_price(2 * 10**9, 10**10), supported_parameters=frozenset({"seed"})),
    name="The Seer",
    created_at=TODAY - timedelta(days=400),
    input_modalities=("text", "image"),
    context_length=None,
    tokenizer="GPT",
    is_distillable=True,
)
VECTORS = make_model(
    "globex/vectors", make_endpoint("beta"), created_at=TODAY, output_modalities=("embeddings",)
)
MODELS = (SEEING, VECTORS, CHEAP)


def selected(query: str) -> list[str]:
    """The slugs that a query selects, in its order."""
    return [model.slug for model in select(MODELS, read_query(query.encode()))]


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "slugs"),
        [
            ("", ["acme/cheap", "globex/seeing"]),
            ("output_modalities=all", ["globex/vectors", "acme/cheap", "globex/seeing"]),
            ("output_modalities=embeddings,image", ["globex/vectors"]),
            ("input_modalities=text,image", ["globex/seeing"]),
            ("supported_parameters=tools,temperature", ["acme/cheap"]),
            ("supported_parameters=seed", ["globex/seeing"]),
            ("q=SEER", ["globex/seeing"]),
            ("q=acme%2F", ["acme/cheap"]),
            ("context=8000", ["acme/cheap"]),
            ("context=8001", []),
            ("min_price=1", ["globex/seeing"]),
            ("max_price=0.1", ["acme/cheap"]),
            ("max_price=0.09999", []),
            ("min_output_price=10", ["globex/seeing"]),
            ("max_output_price=1", ["acme/cheap"]),
            ("max_price=null&min_price=", ["acme/cheap", "globex/seeing"]),
            ("arch=gpt", ["globex/seeing"]),
            ("model_authors=acme,initech", ["acme/cheap"]),
            ("providers=Beta", ["globex/seeing"]),
            ("zdr=true", ["acme/cheap"]),
            ("region=eu", ["acme/cheap"]),
            ("region=us", []),
            ("min_age_days=100", ["globex/seeing"]),
            ("max_age_days=100", ["acme/cheap"]),
            ("distillable=true", ["globex/seeing"]),
            ("distillable=false", ["acme/cheap"]),
            ("category=programming", []),
            ("min_coding_index=10", []),
            ("zdr=true&q=seer", []),
            ("unknown=1", ["acme/cheap", "globex/seeing"]),
        ],
    )
    def test_leave_the_models_that_pass_all_of_them(self, query: str, slugs: list[str]):
        assert selected(query) == slugs

    @pytest.mark.parametrize(
        "query",
        [
            "category=cooking",
            "sort=best",
            "zdr=false",
            "region=mars",
            "distillable=yes",
            "context=many",
            "min_price=-1",
            "max_price=1e3",
            "min_age_days=1.5",
            "max_tool_success_rate=NaN",
            "&".join(f"a{number}=1" for number in range(60)),
        ],
    )
    def test_refuse_nonsense(self, query: str):
        with pytest.raises(RefusedError):
            selected(query)


class TestOrders:
    @pytest.mark.parametrize(
        ("order", "slugs"),
        [
            ("newest", ["globex/vectors", "acme/cheap", "globex/seeing"]),
            ("pricing-low-to-high", ["acme/cheap", "globex/vectors", "globex/seeing"]),
            ("pricing-high-to-low", ["globex/seeing", "globex/vectors", "acme/cheap"]),
            ("context-high-to-low", ["globex/vectors", "acme/cheap", "globex/seeing"]),
            ("top-weekly", ["globex/vectors", "acme/cheap", "globex/seeing"]),
            ("design-arena-elo-high-to-low", ["globex/vectors", "acme/cheap", "globex/seeing"]),
        ],
    )
    def test_put_what_is_not_known_last(self, order: str, slugs: list[str]):
        assert selected(f"output_modalities=all&sort={order}") == slugs


class TestPages:
    @pytest.mark.parametrize(
        ("query", "page"),
        [
            ("", slice(0, None)),
            ("q=x", slice(0, None)),
            ("offset=2", slice(2, 502)),
            ("limit=3", slice(0, 3)),
            ("offset=null&limit=1000", slice(0, 1000)),
        ],
    )
    def test_are_all_of_it_unless_one_is_asked_for(self, query: str, page: slice):
        assert page_of(read_query(query.encode())) == page

    @pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=-1", "offset=-1", "offset=x"])
    def test_refuse_nonsense(self, query: str):
        with pytest.raises(RefusedError):
            page_of(read_query(query.encode()))

    def test_lead_to_the_next_with_the_same_filters(self):
        query = read_query(b"limit=2&q=a%26b")

        assert next_page("/models", query, page_of(query), 3) == "/models?offset=2&limit=2&q=a%26b"
        assert next_page("/models", query, page_of(query), 2) is None
        assert next_page("/models", {}, page_of({}), 3) is None
