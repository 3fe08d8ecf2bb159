"""The search for models: what matches, in which order, and who sees which."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from config.lib.declared import NotValid
from routing.guardrails.rules import Layer, Rules, merge
from routing.tools import TOOLS, tool_named
from routing.tools.search_models import SearchModels
from tests.routing.make import NOW, make_catalog, make_endpoint, make_model, make_policy
from tests.routing.tools.asking_bench import AskingBench, use_of

SEARCH = SearchModels()


def model(slug, name, description="", **more):
    return make_model(slug, make_endpoint(), name=name, description=description, **more)


SONNET = model(
    "anthropic/claude-sonnet-4.5",
    "Anthropic: Claude Sonnet 4.5",
    "Writes code.",
    context_length=1_000_000,
    input_modalities=("text", "image", "file"),
    tokenizer="Claude",
)
HAIKU = model(
    "anthropic/claude-haiku-4.5",
    "Anthropic: Claude Haiku 4.5",
    "Fast and cheap.",
    context_length=200_000,
    input_modalities=("text", "image"),
    tokenizer="Claude",
)
GPT = model("openai/gpt-5.2", "OpenAI: GPT-5.2", "Better at code than Claude Sonnet.", context_length=400_000)
OLDER = replace(GPT, slug="openai/gpt-5.1", name="OpenAI: GPT-5.1", created_at=NOW - timedelta(days=9))
EMBEDDER = model("qwen/embed", "Qwen: Qwen3 Embed", output_modalities=("embeddings",), context_length=None)
CATALOG = make_catalog(HAIKU, GPT, EMBEDDER, OLDER, SONNET)


async def run(arguments, config=None, policy=None):
    bench = AskingBench(catalog=CATALOG, policy=policy)
    return await SEARCH.run(arguments, use_of(SEARCH, config), bench)


async def found(**arguments):
    ran = await run(arguments)
    return [shown["id"] for shown in ran.result["models"]]


class TestTheTool:
    @pytest.mark.parametrize(
        "kind",
        ["openrouter:experimental__search_models", "openrouter:search_models", "headgate:search_models"],
    )
    def test_goes_by_both_its_names(self, kind):
        assert tool_named(kind) is TOOLS["search_models"]

    @pytest.mark.parametrize("kind", ["other:search_models", "openrouter:", "openrouter:search", ""])
    def test_goes_by_no_other(self, kind):
        assert tool_named(kind) is None

    @pytest.mark.parametrize("most", [0, 21, "5", True])
    def test_bounds_how_many_are_shown(self, most):
        with pytest.raises(NotValid, match="max_results"):
            SEARCH.read_config({"max_results": most})

    def test_offers_filters_of_which_none_is_required(self):
        parameters = SEARCH.function(use_of(SEARCH))["parameters"]

        assert "required" not in parameters
        assert parameters["properties"].keys() == {
            "query",
            "input_modalities",
            "output_modalities",
            "min_context_length",
            "series",
        }


class TestASearch:
    async def test_without_filters_browses_everything_the_longest_context_first(self):
        assert await found() == [SONNET.slug, GPT.slug, OLDER.slug, HAIKU.slug, EMBEDDER.slug]

    async def test_finds_words_in_names_before_words_in_descriptions(self):
        assert await found(query="claude SONNET") == [SONNET.slug, GPT.slug, OLDER.slug]

    async def test_puts_the_very_model_first(self):
        assert (await found(query="openai/gpt-5.1"))[0] == OLDER.slug

    async def test_is_content_with_some_of_the_words_where_no_model_has_all(self):
        assert await found(query="fast haiku llama") == [HAIKU.slug]

    async def test_finds_nothing_where_nothing_matches(self):
        ran = await run({"query": "zzz"})

        assert ran.result == {"models": [], "total_results": 0, "showing": 0}

    async def test_wants_all_modalities(self):
        assert await found(input_modalities=["image", "File"]) == [SONNET.slug]
        assert await found(output_modalities=["embeddings"]) == [EMBEDDER.slug]
        assert await found(output_modalities=["embeddings", "text"]) == []

    async def test_wants_enough_context(self):
        assert await found(min_context_length=400_000) == [SONNET.slug, GPT.slug, OLDER.slug]

    async def test_knows_families_from_the_catalog_or_from_names(self):
        assert await found(series="claude") == [SONNET.slug, HAIKU.slug]
        assert await found(series="GPT") == [GPT.slug, OLDER.slug]
        assert await found(series="Qwen") == [EMBEDDER.slug]

    async def test_takes_what_is_empty_for_nothing_said(self):
        nothing = {"query": "", "input_modalities": [], "min_context_length": 0, "series": None}

        assert len(await found(**nothing)) == 5

    async def test_shows_only_what_the_callers_guardrails_let_him_ask(self):
        rules = merge([Rules.of(Layer("workspace"), {"allowed_models": [HAIKU.slug]})])

        ran = await run({}, policy=make_policy(rules=rules))

        assert [shown["id"] for shown in ran.result["models"]] == [HAIKU.slug]
        assert ran.result["total_results"] == 1


class TestTheResult:
    async def test_tells_what_counts_about_a_model(self):
        ran = await run({"query": "sonnet", "series": "Claude"})

        assert ran.result == {
            "models": [
                {
                    "id": "anthropic/claude-sonnet-4.5",
                    "name": "Anthropic: Claude Sonnet 4.5",
                    "description": "Writes code.",
                    "context_length": 1_000_000,
                    "input_modalities": ["text", "image", "file"],
                    "output_modalities": ["text"],
                    "series": "Claude",
                }
            ],
            "total_results": 1,
            "showing": 1,
        }

    async def test_shows_as_many_as_the_entry_says_and_counts_all(self):
        ran = await run({}, {"max_results": 2})

        assert [ran.result["showing"], ran.result["total_results"]] == [2, 5]

    async def test_has_short_descriptions(self):
        catalog = make_catalog(model("a/b", "B", "d" * 5000))

        ran = await SEARCH.run({}, use_of(SEARCH), AskingBench(catalog=catalog))

        assert ran.result["models"][0]["description"] == "d" * 299 + "…"

    async def test_tells_the_caller_what_was_asked_for(self):
        ran = await run({"query": "sonnet", "min_context_length": 5, "else": 1})

        assert ran.item["query"] == "sonnet"
        assert json.loads(ran.item["arguments"]) == {"query": "sonnet", "min_context_length": 5}

    @pytest.mark.parametrize(
        "arguments",
        [
            {"query": 7},
            {"query": "x" * 1_000_000},
            {"query": "\ud800"},
            {"input_modalities": "image"},
            {"input_modalities": [1]},
            {"output_modalities": ["\ud800"]},
            {"min_context_length": "128k"},
            {"min_context_length": -1},
            {"min_context_length": 10**30},
            {"series": ["Claude"]},
        ],
    )
    async def test_of_arguments_that_make_no_sense_is_a_fault(self, arguments):
        ran = await run(arguments)

        assert ran.is_failed
        assert ran.result["status"] == "error"
        assert len(str(ran)) < 1000
