"""Making the seed out of genai-prices (a registry package, needed in development only) and the simulator's models.

Prices that depend on the length of the prompt are taken at their first tier, and the endpoint takes no longer
prompts than that: an endpoint never charges less than its provider does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, Decimal
from importlib.metadata import version
from typing import Any

from genai_prices import data

from routing.providers.anthropic_models import supported_parameters
from routing.seed.simulated import PROVIDERS as SIMULATORS
from routing.seed.simulated import simulated_models
from routing.seed.sources import ALIASES, AUTHORS, OPENROUTER, SOURCES, Source

PER_MILLION, FINEST = Decimal("0.000001"), Decimal("1e-15")
PARAMETERS = ["max_tokens", "stop", "temperature", "top_p"]
GEMINI_PARAMETERS = [
    "frequency_penalty",
    "presence_penalty",
    "response_format",
    "seed",
    "structured_outputs",
    "tool_choice",
    "tools",
    "top_k",
]
REASONING_PARAMETERS = ["include_reasoning", "reasoning", "reasoning_effort"]
GEMINI_THINKERS = re.compile(r"gemini-(2\.5|[3-9])(?!.*image)")
UNITS = {
    "prompt": "input_mtok",
    "completion": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "audio": "input_audio_mtok",
}
OTHER_KINDS = re.compile(
    r"audio|image|tts|transcribe|whisper|realtime|live|ocr|moderation|rerank|speech|orpheus|voice|lyria|robotics"
    r"|omni|ft:|computer-use|guard|research|embed-?context|translate|cyber|ada$|babbage|curie|davinci|claude-v1"
)
LODGERS = re.compile(r"^(zai|deepseek)-|\.ft-")
"""What a lab offers that is not its own."""
VARIANT = re.compile(r":(?!free$)|^~")


def build_catalog(today: date) -> dict[str, Any]:
    """The whole document, sorted, so that a new one shows only what really changed."""
    models: dict[str, dict[str, Any]] = {}
    for slug, endpoint, context in _openrouter():
        _add(models, slug, endpoint, context)
    known = frozenset(models)
    for source in SOURCES:
        for slug, endpoint, context in _direct(source, known):
            _add(models, slug, endpoint, context)
    providers = sorted(
        (_provider(source) for source in (*SOURCES, OPENROUTER)), key=lambda one: str(one["slug"])
    )
    return {
        "dated": today.isoformat(),
        "source": f"genai-prices {version('genai-prices')}",
        "providers": [*SIMULATORS, *providers],
        "models": [*simulated_models(), *(models[slug] for slug in sorted(models))],
    }


def _provider(source: Source) -> dict[str, Any]:
    wire_format = {} if source.wire_format == "openai" else {"wire_format": source.wire_format}
    return {
        "slug": source.slug,
        "name": source.name,
        **wire_format,
        "base_url": source.base_url,
        "credential_variable": source.variable,
        "headquarters": source.headquarters,
    }


def _add(models: dict[str, dict[str, Any]], slug: str, endpoint: dict[str, Any], context: int | None) -> None:
    model = models.setdefault(slug, {"slug": slug, "name": _name(slug), "endpoints": []})
    if any(other["provider"] == endpoint["provider"] for other in model["endpoints"]):
        return  # two names of the same model there
    if "embed" in slug:
        model["output_modalities"] = ["embeddings"]
    if context:
        model["context_length"] = max(context, model.get("context_length", 0))
        endpoint["context_length"] = context
    model["endpoints"].append(endpoint)


def _openrouter() -> Iterator[tuple[str, dict[str, Any], int | None]]:
    for model in _priced(OPENROUTER):
        author, _, name = model.id.partition("/")
        if name and author in AUTHORS and not VARIANT.search(model.id) and not OTHER_KINDS.search(model.id):
            endpoint = _endpoint(OPENROUTER, model.id, model)
            if endpoint is not None and not (model.id.endswith(":free")):
                yield model.id, endpoint, model.context_window


def _direct(source: Source, known: frozenset[str]) -> Iterator[tuple[str, dict[str, Any], int | None]]:
    for model in _priced(source):
        if OTHER_KINDS.search(model.id) or VARIANT.search(model.id) or not model.id.startswith(source.only):
            continue
        slug = _slug_of(source, model.id, known)
        endpoint = _endpoint(source, source.upstream_prefix + model.id, model)
        if slug is not None and endpoint is not None:
            yield slug, endpoint, model.context_window


def _slug_of(source: Source, name: str, known: frozenset[str]) -> str | None:
    """The slug of a provider's model: its author's own, or one that is known already."""
    lowered = name.lower()
    if source.author is None:
        slug = ALIASES.get(lowered, lowered)
        return slug if slug in known else None
    if LODGERS.search(lowered) and source.author != "deepseek":
        return None
    own = lowered.removesuffix("-latest").removesuffix(":free")
    dotted = re.sub(r"(?<=-)(\d)-(\d)(?=-|$)", r"\1.\2", own).removesuffix(".0")
    for candidate in (f"{source.author}/{own}", f"{source.author}/{dotted}"):
        if candidate in known:
            return candidate
    return f"{source.author}/{dotted.rpartition('/')[2]}"


def _priced(source: Source) -> Iterator[Any]:
    """The provider's models that are still offered (the package's own classes are untyped here)."""
    models = next(one.models for one in data.providers if one.id == source.priced_as)
    return (model for model in models if not model.deprecated)


def _endpoint(source: Source, upstream_model: str, model: Any) -> dict[str, Any] | None:
    prices = model.get_prices(datetime.now(UTC))
    found = {unit: getattr(prices, name, None) for unit, name in UNITS.items()}
    is_embedder = "embed" in model.id
    if found["prompt"] is None or (found["completion"] is None and not is_embedder):
        return None
    found["completion"] = Decimal(0) if found["completion"] is None else found["completion"]
    endpoint: dict[str, Any] = {
        "provider": source.slug,
        "upstream_model": upstream_model,
        "supported_parameters": [] if is_embedder else _parameters(source, upstream_model),
        "price": {unit: _per_token(price) for unit, price in found.items() if price is not None},
    }
    tiers = [tier.start for price in found.values() for tier in getattr(price, "tiers", ())]
    return endpoint | ({"max_prompt_tokens": min(tiers)} if tiers else {})


def _parameters(source: Source, upstream_model: str) -> list[str]:
    """What is known of a model: of Claude by its generation, of Gemini what its format can say, else what all take."""
    if source.wire_format == "anthropic":
        return supported_parameters(upstream_model)
    if source.wire_format != "gemini":
        return PARAMETERS
    thinking = REASONING_PARAMETERS if GEMINI_THINKERS.search(upstream_model) else []
    return sorted({*PARAMETERS, *GEMINI_PARAMETERS, *thinking})


def _per_token(price: Any) -> str:
    """Dollars per token as a plain decimal, from dollars per million, rounded up; of tiers the first."""
    dollars = (Decimal(getattr(price, "base", price)) * PER_MILLION).quantize(FINEST, ROUND_CEILING)
    return format(dollars.normalize(), "f") if dollars else "0"


def _name(slug: str) -> str:
    author, _, name = slug.partition("/")
    words = " ".join(
        part if any(c.isdigit() for c in part) else part.capitalize() for part in name.split("-")
    )
    return f"{author}: {words}"
