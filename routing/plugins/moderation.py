"""`moderation`: requests are judged before a model sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from routing.call import Call
from routing.errors import Refusal, unavailable
from routing.gateway.client import RefusedError
from routing.gateway.dialects.parameters import refused
from routing.plugins.bench import Ask, Bench, Failed, Surroundings, with_stage
from routing.plugins.operator import Missing, Operator, Service
from routing.plugins.plugin import Config, Plugin

MOST_CHARACTERS = 100_000
"""Of the request's end: what is further back was judged when it was said."""
SHOWN = 100
NOBODY_JUDGES = Missing("", "needs a moderation endpoint, and none is set up here")


class Moderation(Plugin):
    """Judgement of requests by an OpenAI-compatible `/moderations` endpoint of the operator's."""

    slug = "moderation"
    name = "Moderation"
    about = "Has requests judged before they are answered."

    def missing(self, config: Config, operator: Operator) -> Missing | None:
        """Somebody who judges."""
        return NOBODY_JUDGES if operator.moderation is None else None

    def arrange(self, call: Call, config: Config | None, around: Surroundings) -> Call:
        """Refuse where nobody judges. Raises RefusedError (400)."""
        if config is not None and (missing := self.missing(config, around.operator)):
            raise refused("plugins.moderation", missing.reason)
        return call

    async def before(self, call: Call, config: Config, bench: Bench) -> Call:
        """Have it judged; what is flagged is refused, and so is what cannot be judged. Raises RefusedError."""
        service = bench.operator.moderation
        text = "\n".join(_said(call.body))[-MOST_CHARACTERS:]
        if service is None or not text:
            return call
        model = bench.operator.moderation_model
        try:
            flagged = _flagged(await bench.ask(_ask(service, model, text)))
        except Failed as fault:
            raise RefusedError(unavailable(f"The request cannot be moderated: {fault}.")) from None
        if flagged is not None:
            raise RefusedError(_refusal(flagged, text, model))
        return with_stage(call, "guardrail", self.slug, "Passed: nothing was flagged", flagged=False)


def _ask(service: Service, model: str, text: str) -> Ask:
    payload = {"input": text} | ({"model": model} if model else {})
    headers = {"authorization": f"Bearer {service.key}"} if service.key else {}
    return Ask(f"{service.url.rstrip('/')}/moderations", msgspec.json.encode(payload), headers)


def _flagged(answer: Any) -> list[str] | None:  # the service's JSON
    """The categories that were flagged; None where nothing was. Raises Failed for what is no judgement."""
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list) or not results:
        raise Failed("the moderation endpoint gave no results")
    if not all(isinstance(one, dict) and isinstance(one.get("flagged"), bool) for one in results):
        raise Failed("the moderation endpoint gave no verdict")
    if not any(one["flagged"] for one in results):
        return None
    listed = [one["categories"] for one in results if isinstance(one.get("categories"), dict)]
    return [name for categories in listed for name, is_so in categories.items() if is_so is True]


def _refusal(reasons: list[str], text: str, model: str) -> Refusal:
    """The documented 403 of moderation."""
    half = SHOWN // 2 - 2
    shown = text if len(text) <= SHOWN else f"{text[:half]}...{text[-half:]}"
    metadata = {
        "reasons": reasons,
        "flagged_input": shown,
        "provider_name": "moderation",
        "model_slug": model,
    }
    message = "Request blocked: the input was flagged by moderation"
    return Refusal(403, "permission_denied", message, "moderation", metadata=metadata)


def _said(body: Any) -> Iterator[str]:
    """What the users of the conversation say."""
    messages = body.get("messages")
    for message in msgspec.json.decode(messages) if isinstance(messages, msgspec.Raw) else messages or ():
        content = message.get("content") if message.get("role") == "user" else None
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (part["text"] for part in content if isinstance(part.get("text"), str))
