"""What a request may cost and what it did cost: exact femto-dollar sums, rounded once (spec: money, DESIGN §5)."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from config.lib.byok_fee import ByokFee
from config.lib.money import FEMTO_PER_USD, nano_from_femto
from routing.call import Call
from routing.catalog_snapshot import EndpointEntry, Price

DEFAULT_COMPLETION_TOKENS = 16_384
"""What is set aside for an answer at most when the caller does not bound it: few are that long."""

WEB_SEARCH = "web_search_options"
"""The parameter that asks a provider to search the web."""
MAX_TOKENS = 20_000_000
"""More than any request can hold: a provider that counts further is not believed."""


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What a request consumed. `prompt` includes cached, written and audio tokens; `completion` reasoning ones."""

    prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    cached: int = 0
    cache_write: int = 0
    audio: int = 0
    image: int = 0
    requests: int = 1


class Cost(msgspec.Struct, frozen=True, gc=False):
    """A charge in nano-dollars, rounded once, and its parts in femto-dollars as they were summed.

    `beside_femto` is for what was done beside the tokens: searches, and plugins' work. `byok_nano` is what the request
    cost at list price where the caller's organization pays the provider itself.
    """

    total_nano: int
    prompt_femto: int
    completion_femto: int
    beside_femto: int = 0
    byok_nano: int = 0

    @property
    def total_femto(self) -> int:
        """The exact sum before rounding."""
        return self.prompt_femto + self.completion_femto + self.beside_femto


NOTHING = Cost(0, 0, 0)


def cost(price: Price, usage: Usage) -> Cost:
    """The exact cost of a usage; the per-request and per-image prices count with the prompt."""
    plain = usage.prompt - usage.cached - usage.cache_write - usage.audio
    prompt = (
        plain * price.prompt
        + usage.cached * (price.prompt if price.cache_read is None else price.cache_read)
        + usage.cache_write * (price.prompt if price.cache_write is None else price.cache_write)
        + usage.audio * (price.prompt if price.audio is None else price.audio)
        + usage.image * (price.image or 0)
        + usage.requests * price.request
    )
    completion = usage.completion * price.completion
    if usage.reasoning and price.reasoning is not None:
        completion += usage.reasoning * (price.reasoning - price.completion)
    return Cost(nano_from_femto(prompt + completion), prompt, completion)


def charge(endpoint: EndpointEntry, call: Call, usage: Usage) -> Cost:
    """The exact cost of a call at an endpoint: its usage, and what plugins and the provider's own search cost."""
    plain, beside = cost(endpoint.price, usage), beside_tokens(endpoint, call)
    if not beside:
        return plain
    total = nano_from_femto(plain.total_femto + beside)
    return Cost(total, plain.prompt_femto, plain.completion_femto, beside)


def at_own_expense(whole: Cost, plugin_femto: int = 0, fee: ByokFee | None = None) -> Cost:
    """The same for a provider that the organization pays itself: metered at its price, charged a fee at most.

    What plugins did is ours, and charged like everywhere.
    """
    listed = nano_from_femto(whole.total_femto - plugin_femto) if plugin_femto else whole.total_nano
    charged = (fee.on(listed) if fee else 0) + nano_from_femto(plugin_femto)
    return Cost(charged, whole.prompt_femto, whole.completion_femto, whole.beside_femto, listed)


def beside_tokens(endpoint: EndpointEntry, call: Call) -> int:
    """Femto-dollars on top of the tokens: plugins' work, and one search of the provider's where it was asked for."""
    price = endpoint.price.web_search
    if not price or WEB_SEARCH not in call.parameters or WEB_SEARCH not in endpoint.supported_parameters:
        return call.plugin_femto
    return call.plugin_femto + price


def estimate(price: Price, call: Call, endpoint: EndpointEntry) -> int:
    """Nano-dollars to set aside: the most that the request should cost at this endpoint."""
    prompt_price, completion_price = _dearest(price)
    femto = (
        min(call.prompt_tokens, _believable_prompt(endpoint, call)) * prompt_price
        + completion_bound(call, endpoint) * call.choices * completion_price
        + call.image_count * (price.image or 0)
        + price.request
        + beside_tokens(endpoint, call)
    )
    return nano_from_femto(femto)


def _dearest(price: Price) -> tuple[int, int]:
    """The most that a token of the prompt and one of the completion can cost (comparisons are faster than max)."""
    prompt, completion = price.prompt, price.completion
    for other in (price.cache_write, price.audio):
        if other is not None and other > prompt:
            prompt = other
    if price.reasoning is not None and price.reasoning > completion:
        completion = price.reasoning
    return prompt, completion


def typical_femto(price: Price) -> int:
    """What an ordinary request (1,000 tokens in, 300 out) costs: the one number that endpoints are compared by."""
    return 1000 * price.prompt + 300 * price.completion + price.request


def completion_bound(call: Call, endpoint: EndpointEntry) -> int:
    """How many tokens one answer should have at most: the caller's bound, within the endpoint's and its context.

    The prompt is not taken off the context: it is known by an upper estimate only, which leaves too little.
    """
    bound = DEFAULT_COMPLETION_TOKENS if call.max_tokens is None else call.max_tokens
    most = endpoint.max_completion_tokens
    if most is not None and most < bound:
        bound = most
    context = endpoint.context_length
    return bound if context is None or bound < context else context


class Believable(NamedTuple):
    """The most tokens that a request may have used."""

    prompt: int = MAX_TOKENS
    completion: int = MAX_TOKENS


ANYTHING = Believable()
BATCHES = frozenset({"embeddings"})
"""Dialects whose requests may hold many prompts, each as long as the endpoint allows."""


def believable(endpoint: EndpointEntry, call: Call) -> Believable:
    """The most that a call can have used at an endpoint, by the limits that are known of it."""
    if call.dialect in BATCHES:
        return ANYTHING
    answer = _least(endpoint.context_length, endpoint.max_completion_tokens)
    return Believable(_believable_prompt(endpoint, call), min(answer * call.choices, MAX_TOKENS))


def _believable_prompt(endpoint: EndpointEntry, call: Call) -> int:
    return (
        MAX_TOKENS if call.dialect in BATCHES else _least(endpoint.context_length, endpoint.max_prompt_tokens)
    )


def _least(one: int | None, other: int | None) -> int:
    least = MAX_TOKENS if one is None or one > MAX_TOKENS else one
    return least if other is None or other > least else other


def usage_from_provider(raw: Any, fallback: Usage, most: Believable = ANYTHING) -> tuple[Usage, bool]:
    """A provider's usage object made safe, and whether any of it had to be estimated.

    `raw` is whatever JSON stood there; `fallback` is what the gateway counted itself. A count that is missing,
    negative, absurdly large or no number is replaced, and so is a zero where output was delivered. What is above
    `most` is cut down to it.
    """
    fields = raw if isinstance(raw, dict) else {}
    prompt, completion = _count(fields.get("prompt_tokens")), _count(fields.get("completion_tokens"))
    if completion == 0 and fallback.completion:
        completion = None
    if prompt == 0 and fallback.prompt and completion is None:
        prompt = None
    is_estimated = prompt is None or completion is None
    prompt = fallback.prompt if prompt is None else prompt
    completion = fallback.completion if completion is None else completion
    if prompt > most.prompt or completion > most.completion:
        prompt, completion = min(prompt, most.prompt), min(completion, most.completion)
        is_estimated = True
    inputs, outputs = _details(fields, "prompt_tokens_details"), _details(fields, "completion_tokens_details")
    cached = _part(inputs.get("cached_tokens"), prompt)
    written = _part(inputs.get("cache_write_tokens"), prompt - cached)
    usage = Usage(
        prompt=prompt,
        completion=completion,
        reasoning=_part(outputs.get("reasoning_tokens"), completion),
        cached=cached,
        cache_write=written,
        audio=_part(inputs.get("audio_tokens"), prompt - cached - written),
        image=fallback.image,
        requests=fallback.requests,
    )
    return usage, is_estimated


def usage_object(usage: Usage, charge: Cost, *, is_byok: bool = False) -> dict[str, Any]:
    """The contract's `usage` with cost and details, for answers and last chunks (dollars are JSON numbers)."""
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "cost": charge.total_nano / 10**9,
        "is_byok": is_byok,
        "cost_details": {
            "upstream_inference_cost": charge.byok_nano / 10**9 if is_byok else None,
            "upstream_inference_prompt_cost": charge.prompt_femto / FEMTO_PER_USD,
            "upstream_inference_completions_cost": charge.completion_femto / FEMTO_PER_USD,
        },
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
            "audio_tokens": usage.audio,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _count(value: Any) -> int | None:
    """A believable number of tokens, or None."""
    if type(value) is int:  # as it nearly always is
        return value if 0 <= value <= MAX_TOKENS else None
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value <= MAX_TOKENS else None


def _part(value: Any, whole: int) -> int:
    """A believable share of a count: never more than the whole."""
    return min(_count(value) or 0, whole) if value else 0


def _details(fields: dict[str, Any], name: str) -> dict[str, Any]:
    details = fields.get(name)
    return details if isinstance(details, dict) else {}
