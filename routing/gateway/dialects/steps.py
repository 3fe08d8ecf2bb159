"""The steps of a whole answer, in their true order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routing.gateway.dialects.chunks import objects
from routing.gateway.dialects.dialect import STEPS, Step

ANNOTATIONS, CALLS = "annotations", "tool_calls"


def steps_of(choice: Mapping[str, Any]) -> list[Step]:
    """What the model said, step by step, without its calls of server tools; one step where there was but one.

    What tools cite is in the whole message only: it belongs to the last words.
    """
    message = choice.get("message") or {}
    steps: Sequence[Step] = choice.get(STEPS) or ()
    if not steps:
        return [Step(message)]
    shown = [step._replace(message=_without_calls(step)) for step in steps]
    known = [one for step in shown for one in objects(step.message, ANNOTATIONS)]
    cited = [one for one in objects(message, ANNOTATIONS) if one not in known]
    if cited:
        last = shown[-1].message
        shown[-1] = shown[-1]._replace(message={**last, ANNOTATIONS: [*objects(last, ANNOTATIONS), *cited]})
    return shown


def _without_calls(step: Step) -> Mapping[str, Any]:
    executed = {called.id for called in step.tools}
    if not executed or not step.message.get(CALLS):
        return step.message
    return {
        **step.message,
        CALLS: [call for call in objects(step.message, CALLS) if call.get("id") not in executed],
    }
