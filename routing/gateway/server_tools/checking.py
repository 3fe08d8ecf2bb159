"""Refuse a model that a tool might ask and may not, before anything has run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import msgspec

from config.lib.ids import new_id
from routing.call import NO_PREFERENCES, Call
from routing.decision import NOTHING_FOUND
from routing.errors import Refusal, invalid_request
from routing.gateway.admission import arrange, judge
from routing.gateway.client import Client, RefusedError
from routing.gateway.dialects import CHAT
from routing.gateway.policy_cache import KnownPolicy
from routing.gateway.preparing import Prepared, with_variants
from routing.gateway.runtime import Runtime
from routing.gateway.server_tools.bench import Place, ToolBench
from routing.tools import TOOLS
from routing.tools.tool import Json, Use


def check_models(runtime: Runtime, place: Place, uses: Iterable[Use]) -> None:
    """Look at every model that the entries name, each once. Raises RefusedError with its place."""
    checked: set[str] = set()
    for use in uses:
        bench = ToolBench(runtime, place, use, {}, _serve_nothing, lambda event, fields: None)
        for model, where in TOOLS[use.slug].models_of(use, bench):
            if model not in checked:
                _check_model(runtime, place.known, place.call, where, model)
                checked.add(model)


def _check_model(runtime: Runtime, known: KnownPolicy, call: Call, where: str, model: str) -> None:
    wished = Call(
        CHAT.slug, (model,), {}, is_streamed=False, prompt_tokens=1, max_tokens=1, region=call.region
    )
    prepared = Prepared(msgspec.structs.replace(wished, preferences=NO_PREFERENCES), NOTHING_FOUND)
    try:
        prepared = arrange(runtime, known, with_variants(prepared, runtime.catalog, known.preparation), {})
        judge(runtime, known, prepared, new_id())
    except RefusedError as error:
        refusal = error.refusal
        message = f"'{where}': {refusal.message}"
        metadata = {**refusal.metadata, "parameter": where}
        raise RefusedError(_replaced(refusal, message, metadata), decision=error.decision) from None


def _replaced(refusal: Refusal, message: str, metadata: dict[str, Any]) -> Refusal:
    return dataclasses.replace(refusal, message=message, metadata=metadata)


async def _serve_nothing(client: Client, body: Json) -> None:
    raise RefusedError(invalid_request("Nothing is asked here."))
