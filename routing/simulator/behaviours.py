"""What each model does: from what was asked to a plan of the answer. Pure; the table is at the end."""

import re
from collections.abc import Callable

from routing.simulator.arguments import make_arguments
from routing.simulator.ask import MAX_DELAY_MS, Ask, RefusedError
from routing.simulator.plans import Plan, Reply, ToolCall, answer, call_tools, read_object_text, say
from routing.simulator.scripts import play_script
from routing.simulator.words import make_words, split_words

LOREM_TOKENS = 16
SLOW_MS = 1000
PANEL_SEATS = 8
BROKEN_JSON = '```json\n{"answer": 42, "words": ["alpha", "beta",], "note": "no end\n```'
_FLAKY_STATUS = 503
_NUMBER = re.compile(r"[0-9]+")
_ERROR = re.compile(r"error-([45][0-9][0-9])")


def plan_answer(ask: Ask, turn: int) -> Plan:
    """Return what the asked model does; `turn` counts the calls of that model at that provider, from 0.

    Raises RefusedError for a model that does not exist or that does not speak on this endpoint.
    """
    name = ask.behaviour
    if error := _ERROR.fullmatch(name):
        return Plan(Reply(), status=int(error[1]))
    if behave := _FAULTS.get(name):
        return behave(ask, turn)
    behave = (_EMBEDDINGS if ask.is_embedding else _TEXTS).get(name)
    if behave is None:
        raise _refuse(ask)
    return behave(ask, turn)


def list_models() -> list[str]:
    """Return the names of the models, with the error statuses that real providers answer."""
    errors = [f"error-{status}" for status in (400, 401, 402, 403, 404, 408, 429, 500, 502, 503, 529)]
    return [f"simulator/{name}" for name in [*_TEXTS, *_EMBEDDINGS, *_FAULTS, *errors]]


def _refuse(ask: Ask) -> RefusedError:
    if ask.behaviour in _TEXTS or ask.behaviour in _EMBEDDINGS:
        return RefusedError(400, f"The model '{ask.model}' is not served on this endpoint.", param="model")
    message = f"The model '{ask.model}' does not exist."
    return RefusedError(404, message, code="model_not_found", param="model")


def _repeat(ask: Ask) -> Reply:
    return Reply() if ask.is_embedding else answer(ask, ask.user_text)


def _echo(ask: Ask, turn: int) -> Plan:
    return Plan(_repeat(ask))


def _lorem(ask: Ask, turn: int) -> Plan:
    if ask.max_tokens is None:
        return Plan(Reply(make_words(LOREM_TOKENS), LOREM_TOKENS))
    return Plan(Reply(make_words(ask.max_tokens), ask.max_tokens, "length"))


def _call_tool(ask: Ask, turn: int) -> Plan:
    if ask.tool_results:
        return Plan(answer(ask, f"The tool said: {ask.tool_results[-1]}"))
    if not ask.tools:
        return Plan(_repeat(ask))
    tool = ask.tools[0]
    arguments = ask.user_text if read_object_text(ask.user_text) is not None else make_arguments(tool.schema)
    return Plan(call_tools(ask, "", (ToolCall(tool.name, arguments),)))


def _call_all(ask: Ask, turn: int) -> Plan:
    if ask.tool_results:
        return Plan(answer(ask, "\n".join(ask.tool_results)))
    if not ask.tools:
        return Plan(_repeat(ask))
    calls = tuple(ToolCall(tool.name, make_arguments(tool.schema)) for tool in ask.tools)
    return Plan(call_tools(ask, "", calls))


def _sit_on_panel(ask: Ask, turn: int) -> Plan:
    return Plan(answer(ask, f"{ask.behaviour} says: {ask.user_text}"))


def _break_json(ask: Ask, turn: int) -> Plan:
    return Plan(say(ask, split_words(BROKEN_JSON)))


def _slow(ask: Ask, turn: int) -> Plan:
    number = _NUMBER.search(ask.user_text)
    milliseconds = min(int(number[0][:9]), MAX_DELAY_MS) if number else SLOW_MS
    return Plan(_repeat(ask), first_seconds=milliseconds / 1000)


def _flaky(ask: Ask, turn: int) -> Plan:
    return Plan(Reply(), status=_FLAKY_STATUS) if turn % 2 == 0 else Plan(_repeat(ask))


def _cut(ask: Ask, turn: int) -> Plan:
    return Plan(_repeat(ask), fault="cut")


def _garbage(ask: Ask, turn: int) -> Plan:
    return Plan(Reply(), fault="garbage")


def _silent(ask: Ask, turn: int) -> Plan:
    return Plan(Reply(), fault="silent")


def _embed(ask: Ask, turn: int) -> Plan:
    return Plan(Reply())


Behaviour = Callable[[Ask, int], Plan]
_TEXTS: dict[str, Behaviour] = {
    "echo": _echo,
    "lorem": _lorem,
    "flat": _echo,
    "tools": _call_tool,
    "calls-all": _call_all,
    "script": play_script,
    "broken-json": _break_json,
    **{f"panel-{seat}": _sit_on_panel for seat in range(1, PANEL_SEATS + 1)},
}
_EMBEDDINGS: dict[str, Behaviour] = {"embed": _embed}
_FAULTS: dict[str, Behaviour] = {
    "slow": _slow,
    "flaky": _flaky,
    "cut": _cut,
    "garbage": _garbage,
    "silent": _silent,
}
