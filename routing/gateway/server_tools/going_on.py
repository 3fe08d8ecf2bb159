"""The call with which a model goes on: what it was asked, what it said to that, and what its tools say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from routing.call import COUNTED, Call, Origin
from routing.gateway.dialects.chat import BYTES_PER_TOKEN, count_prompt_tokens, count_tokens
from routing.gateway.dialects.chunks import content_of
from routing.gateway.generating import Generated
from routing.gateway.server_tools.turn import Finished, Turn, said_again
from routing.plugins.running import AFTER
from routing.providers.openai import encode
from routing.tools.tool import Json

NO_TOOLS = "none"
"""The choice of tools that forbids them."""


def next_call(made: Generated, turn: Turn, ran: Sequence[Finished], origin: Origin, *, is_last: bool) -> Call:
    """The call, with nothing done twice; where it `is_last` the model has to answer without tools."""
    before = made.ending.asked or made.opened.call
    results = [{"role": "tool", "tool_call_id": one.requested.id, "content": one.result} for one in ran]
    added = [said_again(turn), *results]
    body = {**before.body, "messages": _longer(before.body["messages"], added)}
    body.pop("tool_choice", None)
    parameters = before.parameters - {"tool_choice"}
    if is_last:
        body["tool_choice"], parameters = NO_TOOLS, parameters | {"tool_choice"}
    counted = count_prompt_tokens(before) + count_tokens(content_of(turn.message))
    return msgspec.structs.replace(
        before,
        body=body,
        models=_served_first(before.models, made),
        parameters=parameters,
        prompt_tokens=before.prompt_tokens + len(encode(added)) // BYTES_PER_TOKEN,
        detail={**before.detail, COUNTED: counted + sum(one.tokens for one in ran)},
        plugins={slug: config for slug, config in before.plugins.items() if slug in AFTER},
        plugin_femto=0,
        annotations=(),
        stages=tuple([stage for one in ran for stage in one.stages]),
        origin=origin,
    )


def _served_first(models: tuple[str, ...], made: Generated) -> tuple[str, ...]:
    """The models with the one in front that answered: a conversation goes on where it began."""
    attempt = made.ending.outcome.attempt
    served = attempt.endpoint.model if attempt else ""
    for slug in models[1:]:
        if served in (slug, slug.partition(":")[0]) and served != models[0].partition(":")[0]:
            return (slug, *[one for one in models if one != slug])
    return models


def _longer(messages: Any, added: list[Json]) -> Any:  # messages, or their JSON text
    """The conversation and what is new; what came as JSON text goes on as such."""
    if isinstance(messages, msgspec.Raw):
        return msgspec.Raw(bytes(messages).rstrip()[:-1] + b"," + encode(added)[1:])
    return [*messages, *added]
