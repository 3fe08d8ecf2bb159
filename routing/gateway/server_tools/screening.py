"""What a tool brings, as the guardrails let it before the model and the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routing.gateway.bodies import BodyReader
from routing.gateway.client import RefusedError
from routing.gateway.preparing import Preparation
from routing.guardrails.leaves import ATTACHMENT, Place, leaves
from routing.tools.tool import Json, Ran, failed

WITHHELD = "A guardrail of the workspace withholds what the tool found."

Stages = Sequence[Mapping[str, Any]]


async def screened(
    ran: Ran, bodies: BodyReader, preparation: Preparation, organization: int
) -> tuple[Ran, Stages]:
    """The result with what is redacted, and what was found in it; where a guardrail blocks, nothing of it is left."""
    whole: Json = {"result": ran.result, "item": ran.item, "annotations": list(ran.annotations)}
    found = [leaf for leaf in leaves((), ATTACHMENT, whole) if leaf.text]
    try:
        looked = await bodies.screen([leaf.text for leaf in found], preparation, organization)
    except RefusedError as error:
        detail = {"type": "guardrail", "name": "tool-result", "summary": error.refusal.message, "data": {}}
        return failed(WITHHELD), (detail,)
    for leaf, text in zip(found, looked.texts, strict=True):
        if text != leaf.text:
            whole = _with(whole, leaf.place, text)
    changed = ran._replace(
        result=whole["result"], item=whole["item"], annotations=tuple(whole["annotations"])
    )
    return changed, looked.stages


def _with(value: Any, place: Place, text: str) -> Any:  # JSON
    """The value with another text at a place; what is around it is made anew, the rest is shared."""
    if not place:
        return text
    step, rest = place[0], place[1:]
    if isinstance(value, list):
        return [_with(item, rest, text) if at == step else item for at, item in enumerate(value)]
    return {name: _with(item, rest, text) if name == step else item for name, item in value.items()}
