"""`context-compression`: prompts that are too long for a model are shortened in their middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from config.lib.declared import Choice
from routing.call import Call
from routing.catalog_snapshot import CatalogSnapshot, ModelEntry
from routing.plugins.bench import Surroundings, changed, with_stage
from routing.plugins.middle_out import compress, text_tokens, tokens_of
from routing.plugins.plugin import Config, Plugin
from routing.pricing import DEFAULT_COMPLETION_TOKENS

SHORT_CONTEXT = 8_192
"""Models with less are compressed for unless the request says otherwise."""
MOST_MESSAGES = {"anthropic": 1_000}
"""By author: how many messages its models take."""
LEAST_PROMPT_SHARE = 4
"""At least a quarter of the context is left to the prompt, however long the answer may be."""
BYTES_PER_TOKEN = 3


class ContextCompression(Plugin):
    """Shortening of prompts."""

    slug = "context-compression"
    name = "Context compression"
    about = "Takes the middle out of prompts that exceed the model's context."
    fields = (Choice(name="engine", values=("middle-out",), help="How prompts are shortened."),)

    def arrange(self, call: Call, config: Config | None, around: Surroundings) -> Call:
        """The call with a prompt that fits the longest context among its models that come near."""
        if config is None or call.dialect == "embeddings":
            return call
        return _compressed(call, around.catalog)


def may_be_needed(call: Call, catalog: CatalogSnapshot) -> bool:
    """Whether a call that does not speak of compression is for a model so short that it is compressed anyway."""
    model = catalog.models.get(call.models[0]) if call.models else None
    return (
        model is not None
        and _needed(call) > (context := _context(model))
        and context <= SHORT_CONTEXT
        and call.dialect != "embeddings"
    )


def _compressed(call: Call, catalog: CatalogSnapshot) -> Call:
    known = [(slug, catalog.models[slug]) for slug in call.models if slug in catalog.models]
    if not known or "text" not in known[0][1].output_modalities:
        return call
    raw = call.body["messages"]
    messages = msgspec.json.decode(raw) if isinstance(raw, msgspec.Raw) else raw
    tokens = tokens_of(messages) + _tools_tokens(call)
    kept = _near_enough(known, tokens + (call.max_tokens or 0))
    model = kept[0][1]
    context, most = _context(model), MOST_MESSAGES.get(model.author)
    needed = tokens + call.media_tokens + (call.max_tokens or 0)
    if needed <= context and (most is None or len(messages) <= most):
        return call
    budget = _budget(call, context) - call.media_tokens - _tools_tokens(call)
    shorter = compress(messages, max(budget, 0), most)
    size = len(msgspec.json.encode(shorter))
    call = changed(
        call,
        models=tuple(slug for slug, _ in kept),
        body={**call.body, "messages": shorter},
        prompt_tokens=min(
            call.prompt_tokens, size // BYTES_PER_TOKEN + call.media_tokens + _tools_tokens(call)
        ),
    )
    return with_stage(
        call,
        "context_compression",
        ContextCompression.slug,
        f"Compressed {len(messages)} messages to {len(shorter)}",
        engine="middle-out",
        input_type="prompt" if call.dialect == "completions" else "messages",
        original_count=len(messages),
        compressed_count=len(shorter),
        original_tokens=tokens,
        compressed_tokens=tokens_of(shorter),
    )


def _near_enough(known: Sequence[tuple[str, ModelEntry]], needed: int) -> list[tuple[str, ModelEntry]]:
    """The models with half of the context that is needed; where there is none, the one with the longest."""
    near = [one for one in known if _context(one[1]) * 2 >= needed]
    return near or [max(known, key=lambda one: _context(one[1]))]


def _context(model: ModelEntry) -> int:
    """The longest context among a model's endpoints."""
    lengths = [
        length
        for entry in model.endpoints
        for length in (entry.context_length or model.context_length,)
        if length is not None
    ]
    return max(lengths, default=model.context_length or 2**31)


def _budget(call: Call, context: int) -> int:
    """What the prompt may have of a context."""
    answer = DEFAULT_COMPLETION_TOKENS if call.max_tokens is None else call.max_tokens
    if call.max_tokens is None:  # not asked for: it need not be as long as it may
        answer = min(answer, context // LEAST_PROMPT_SHARE)
    return max(context - answer, context // LEAST_PROMPT_SHARE)


def _needed(call: Call) -> int:
    return call.prompt_tokens + (call.max_tokens or 0)


def _tools_tokens(call: Call) -> int:
    """What the tools come to, which nobody shortens."""
    tools: Any = call.body.get("tools")
    return text_tokens(msgspec.json.encode(tools).decode()) if tools else 0
