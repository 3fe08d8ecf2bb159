"""`search_models`: a model looks for models in the catalog, among those that the caller may ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from config.lib.declared import NotValid, Text, Texts, Whole, read
from routing.catalog_snapshot import ModelEntry
from routing.tools.tool import Bench, Json, Ran, ServerTool, Use, failed

DEFAULT_RESULTS = 5
MOST_RESULTS = 20
LONGEST_DESCRIPTION = 300
UNKNOWN_SERIES = "Other"
"""What the catalog calls the tokenizer of models of which it knows none."""
ARGUMENTS = (
    Text(name="query", help="Words to look for in names, slugs and descriptions of models."),
    Texts(
        name="input_modalities",
        most=10,
        help="What the model must be able to read, all of it: text, image, file, audio, video.",
    ),
    Texts(
        name="output_modalities",
        most=10,
        help="What the model must be able to produce, all of it: text, image, embeddings, audio.",
    ),
    Whole(name="min_context_length", help="The least context length, in tokens."),
    Text(name="series", help="The family that the model must be of, such as Claude, GPT or Gemini."),
)


class SearchModels(ServerTool):
    """A search in the catalog."""

    slug = "search_models"
    names = ("experimental__search_models",)
    name = "Search models"
    about = "Lets the model look for models in the catalog."
    fields = (
        Whole(
            name="max_results",
            minimum=1,
            maximum=MOST_RESULTS,
            help=f"How many models are shown; {DEFAULT_RESULTS} unless told.",
        ),
    )

    def function(self, use: Use) -> Json:
        """A function of filters, none of which must be given."""
        texts = {"type": "array", "items": {"type": "string"}}
        kinds: dict[type, Json] = {Text: {"type": "string"}, Texts: texts, Whole: {"type": "integer"}}
        return {
            "description": (
                "Look for models that can be asked here, by words, modalities, context length or family. "
                "Call it when a question is about which models there are or what they can do, or before a model is "
                "named to another tool: what you remember of models may be out of date. Filters narrow the result "
                "together; without any, all models are browsed."
            ),
            "parameters": {
                "type": "object",
                "properties": {
                    field.name: {**kinds[type(field)], "description": field.help} for field in ARGUMENTS
                },
                "additionalProperties": False,
            },
        }

    def requested(self, arguments: Json, use: Use) -> Json:
        """The arguments as JSON, and the query."""
        try:
            wanted = _wanted(arguments)
        except NotValid:
            return {}
        query = {"query": wanted["query"]} if "query" in wanted else {}
        return {"arguments": msgspec.json.encode(wanted).decode(), **query}

    async def run(self, arguments: Json, use: Use, bench: Bench) -> Ran:
        """The models that pass every filter, the best match first."""
        try:
            wanted = _wanted(arguments)
        except NotValid as error:
            return failed(f"The search failed: {error}")
        found = search(bench.permitted().models.values(), wanted)
        shown = [_shown(model) for model in found[: use.config.get("max_results", DEFAULT_RESULTS)]]
        result = {"models": shown, "total_results": len(found), "showing": len(shown)}
        return Ran(result, self.requested(arguments, use))


def search(models: Iterable[ModelEntry], wanted: Json) -> list[ModelEntry]:
    """The models that pass, in the order of how well they match, then of context length and age."""
    passed = [model for model in models if _passes(model, wanted)]
    words = wanted.get("query", "").casefold().split()
    matching = _matching(passed, words, all) or _matching(passed, words, any)
    return sorted(
        matching,
        key=lambda model: (
            -_relevance(model, words),
            -(model.context_length or 0),
            -model.created_at.timestamp(),
            model.slug,
        ),
    )


def series_of(model: ModelEntry) -> str:
    """The family of a model: what the catalog says, or else the first word of its name."""
    if model.tokenizer != UNKNOWN_SERIES:
        return model.tokenizer
    word = re.search(r"[A-Za-z]+", model.name.rpartition(": ")[2])
    return word[0] if word else UNKNOWN_SERIES


def _wanted(arguments: Json) -> Json:
    """What of the arguments is to be heeded: what is empty is not. Raises NotValid."""
    wanted = read(ARGUMENTS, {field.name: arguments.get(field.name) or None for field in ARGUMENTS})
    try:
        msgspec.json.encode(wanted)
    except UnicodeEncodeError:  # JSON can escape halves of characters
        raise NotValid("query", "must be text.") from None
    return wanted


def _passes(model: ModelEntry, wanted: Json) -> bool:
    return (
        _has(model.input_modalities, wanted.get("input_modalities", ()))
        and _has(model.output_modalities, wanted.get("output_modalities", ()))
        and (model.context_length or 0) >= wanted.get("min_context_length", 0)
        and wanted.get("series", "").casefold() in ("", series_of(model).casefold())
    )


def _has(modalities: Sequence[str], wanted: Iterable[str]) -> bool:
    return {one.strip().casefold() for one in wanted} <= set(modalities)


def _matching(
    models: Sequence[ModelEntry], words: Sequence[str], enough: Callable[[Iterable[bool]], bool]
) -> list[ModelEntry]:
    """The models that have enough of the words in what is said of them; all where there are no words."""
    if not words:
        return list(models)
    return [model for model in models if enough(word in _said(model) for word in words)]


def _said(model: ModelEntry) -> str:
    return f"{_named(model)} {model.description}".casefold()


def _named(model: ModelEntry) -> str:
    return f"{model.slug} {model.name}".casefold()


def _relevance(model: ModelEntry, words: Sequence[str]) -> int:
    """How much of the query is in the name: all in one piece counts most, a word in the description least."""
    named, said, phrase = _named(model), _said(model), " ".join(words)
    is_it = phrase in (model.slug.casefold(), model.name.casefold())
    in_name, in_text = sum(word in named for word in words), sum(word in said for word in words)
    return 1000 * is_it + 100 * (phrase in named) + 10 * in_name + in_text


def _shown(model: ModelEntry) -> dict[str, Any]:
    description = model.description
    if len(description) > LONGEST_DESCRIPTION:
        description = description[: LONGEST_DESCRIPTION - 1] + "…"
    return {
        "id": model.slug,
        "name": model.name,
        "description": description,
        "context_length": model.context_length,
        "input_modalities": list(model.input_modalities),
        "output_modalities": list(model.output_modalities),
        "series": series_of(model),
    }
