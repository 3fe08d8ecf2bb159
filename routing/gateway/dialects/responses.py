"""OpenAI Responses (`POST /responses`): in as Chat Completions, out as Response objects and events (SPEC §9).

Stateless, as the contract has it. What a chat request cannot say is named in the call's `dropped`, and
counts as a parameter that the request uses: `require_parameters` finds no endpoint that supports it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import chain
from typing import Any

from msgspec.structs import replace

from routing.call import Call
from routing.errors import Refusal, encode_envelope, invalid_request
from routing.gateway.client import RefusedError
from routing.gateway.dialects import chat
from routing.gateway.dialects.responses_answer import KEY, begun, ended, served_as, status_of
from routing.gateway.dialects.responses_events import ResponsesEvents
from routing.gateway.dialects.responses_output import Output
from routing.gateway.dialects.responses_request import Translated, translate
from routing.gateway.dialects.steps import steps_of
from routing.providers.openai import encode

SPARE_LEVELS = 200
"""How much deeper than here JSON can be written anywhere: an answer holds the request's tools and schema again."""


class Responses:
    """The dialect `responses` (see dialect.Dialect)."""

    slug = "responses"
    path = "/api/v1/responses"

    def read_call(self, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
        """The request as a chat call. Raises RefusedError naming the parameter that is wrong."""
        request = _translated(data)
        call = chat.call_of(request.body, len(data), headers, self.slug)
        detail = {**call.detail, KEY: request.repeated}
        parameters = call.parameters | frozenset(request.dropped)
        return replace(call, detail=detail, dropped=request.dropped, parameters=parameters)

    def finish_answer(
        self,
        call: Call,
        body: dict[str, Any],
        *,
        generation_id: str,
        model: str,
        provider: str,
        usage: Mapping[str, Any],
    ) -> bytes:
        """The whole answer as a Response object; of several choices the first."""
        choice = (body.get("choices") or [{}])[0]
        finish = choice.get("finish_reason")
        output = Output(generation_id.removeprefix("gen-"))
        status = status_of(finish)
        for step in steps_of(choice):
            events = [output.take(step.message, choice.get("logprobs"))]
            events += [output.end_tool(called) for called in step.tools]
            for _ in chain(*events):
                pass  # nobody is told how it grows
        for _ in output.end("incomplete" if status == "failed" else status):
            pass
        created = body.get("created")
        created_at = created if isinstance(created, int) else int(time.time())
        response = begun(call.detail[KEY], generation_id=generation_id, model=model, created_at=created_at)
        return encode(ended(served_as(response, body), output.items, finish, usage))

    def open_events(self, call: Call, *, generation_id: str, model: str, provider: str) -> ResponsesEvents:
        """One streamed answer; where something of ours broke, of a call of which nothing is known."""
        return ResponsesEvents(call.detail.get(KEY, {}), generation_id=generation_id, model=model)

    def refuse(self, refusal: Refusal, *, generation_id: str | None) -> bytes:
        """The body of an error: the envelope of all OpenAI-shaped dialects."""
        return encode_envelope(refusal, dialect=self.slug, generation_id=generation_id)


def _translated(data: bytes) -> Translated:
    """The chat request; 400 for JSON that could be read and not be written again."""
    try:
        request = translate(chat.read_json(data))
        nested: Any = request.repeated
        for _ in range(SPARE_LEVELS):
            nested = [nested]
        encode(nested)
    except RecursionError:
        raise RefusedError(invalid_request("The request's JSON is nested too deeply.")) from None
    return request
