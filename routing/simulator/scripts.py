"""The model `script`: the first user message says, as JSON, what the model does step by step.

    {"steps": [{"say": "Let me look.", "calls": [{"name": "find_place", "arguments": {"city": "Oslo"}}]},
               {"say": "$results"}]}

The step is found from the transcript alone: it is the number of the model's turns with tool calls so far, and the last
one is repeated for ever. `calls` go out together; a name may be the end of an offered tool's name, and arguments that
are a text are sent as they are. Where a tool is not offered, the step says `else` (or else `say`) and calls nothing.
`milliseconds` pass before the first token; a `status` other than 200 is an error. In what is said, `$results` stands
for all tool results, `$last` for those of the last calls, `$schema` for an object as the response format wants it.
"""

import json
import re
from dataclasses import dataclass

from routing.simulator.arguments import make_arguments
from routing.simulator.ask import (
    Ask,
    Body,
    RefusedError,
    Tool,
    Turn,
    read_delay,
    read_objects,
    read_text,
    results_in,
)
from routing.simulator.plans import Plan, Reply, ToolCall, answer, call_tools, read_object_text, say
from routing.simulator.words import split_words

_PLACEHOLDER = re.compile(r"\$(results|last|schema)\b")
_STATUSES = (200, *range(400, 600))


@dataclass(frozen=True, slots=True)
class Step:
    """One step, read and checked. `otherwise` is said where its calls cannot be made."""

    say: str
    otherwise: str
    calls: tuple[ToolCall, ...]
    first_seconds: float | None
    status: int


def play_script(ask: Ask, turn: int) -> Plan:
    """Return the step that is due; a first message that is no object is answered as `echo` does.

    Raises RefusedError for an object that is no script.
    """
    start = next((index for index, one in enumerate(ask.turns) if one.role == "user" and one.text), None)
    script = None if start is None else read_object_text(ask.turns[start].text)
    if script is None:
        return Plan(answer(ask, ask.user_text))
    steps = read_objects(script, "steps")
    if not steps:
        raise RefusedError(400, "A script is an object with a list of 'steps'.", param="messages")
    played = sum(one.has_calls for one in ask.turns)
    step = _read_step(steps[min(played, len(steps) - 1)])
    reply = Reply() if step.status != 200 else _play(ask, step)
    return Plan(reply, status=step.status, first_seconds=step.first_seconds)


def _play(ask: Ask, step: Step) -> Reply:
    tools = [_find_tool(ask.tools, call.name) for call in step.calls]
    names = [tool.name for tool in tools if tool is not None]
    if len(names) < len(step.calls):
        return say(ask, split_words(_fill_in(ask, step.otherwise)))
    text = _fill_in(ask, step.say)
    if not step.calls:
        return say(ask, split_words(text))
    calls = (ToolCall(name, call.arguments) for name, call in zip(names, step.calls, strict=True))
    return call_tools(ask, text, tuple(calls))


def _find_tool(tools: tuple[Tool, ...], name: str) -> Tool | None:
    """Return the tool of that name, else the first whose name ends with it."""
    exact = (tool for tool in tools if tool.name == name)
    return next(exact, None) or next((tool for tool in tools if tool.name.endswith(name)), None)


def _fill_in(ask: Ask, text: str) -> str:
    values = {
        "results": lambda: "\n".join(results_in(ask.turns)),
        "last": lambda: "\n".join(results_in(_since_last_calls(ask.turns))),
        "schema": lambda: make_arguments(ask.answer_schema),
    }
    return _PLACEHOLDER.sub(lambda found: values[found[1]](), text)


def _since_last_calls(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    calling = [index for index, turn in enumerate(turns) if turn.has_calls]
    return turns[calling[-1] :] if calling else ()


def _read_step(step: Body) -> Step:
    text = _read_words(step, "say", "")
    status = step.get("status", 200)
    if status not in _STATUSES or not isinstance(status, int):
        raise RefusedError(400, "'status' must be 200 or an error's status.", param="messages")
    return Step(
        say=text,
        otherwise=_read_words(step, "else", text),
        calls=tuple(map(_read_call, read_objects(step, "calls"))),
        first_seconds=read_delay(step, "milliseconds"),
        status=status,
    )


def _read_call(call: Body) -> ToolCall:
    arguments = call.get("arguments", {})
    if not isinstance(arguments, dict | str):
        raise RefusedError(
            400, "'arguments' must be an object, or a text to be sent as it is.", param="messages"
        )
    return ToolCall(
        read_text(call, "name"), arguments if isinstance(arguments, str) else json.dumps(arguments)
    )


def _read_words(step: Body, name: str, default: str) -> str:
    value = step.get(name, default)
    if not isinstance(value, str):
        raise RefusedError(400, f"'{name}' must be a string.", param="messages")
    return value
