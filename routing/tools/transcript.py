"""The conversation so far, for a model that has none of its tools: calls and results become text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import Any, NamedTuple

Json = dict[str, Any]


class Called(NamedTuple):
    """A call of a function, and what came of it; both are JSON text where they are what they should be."""

    function: str
    arguments: str
    result: str


def readable(messages: Sequence[Json]) -> list[Json]:
    """The messages with calls and results as text. What is asked and not answered yet is left out.

    Of what a model said only the words are kept: its thoughts are signed for itself, and of no use to others.
    """
    told: list[Json] = []
    for message, calls in turns_of(messages):
        if message.get("role") != "assistant":
            told.append(dict(message))
            continue
        said = [text_of(message.get("content")), *(_call(called) for called in calls)]
        if text := "\n\n".join(filter(None, said)):
            told.append({"role": "assistant", "content": text})
        if calls:
            results = "\n\n".join([_result(called) for called in calls])
            told.append({"role": "user", "content": results})
    return told


def turns_of(messages: Sequence[Json]) -> Iterator[tuple[Json, list[Called]]]:
    """Each message that is no tool's, with the calls in it that the messages behind it answer."""
    for at, message in enumerate(messages):
        calls = message.get("tool_calls")
        if message.get("role") == "tool":
            continue
        if message.get("role") != "assistant" or not isinstance(calls, list):
            yield message, []
            continue
        behind = takewhile(lambda one: one.get("role") == "tool", islice(messages, at + 1, None))
        results = {str(one.get("tool_call_id")): text_of(one.get("content")) for one in behind}
        yield message, list(_answered(calls, results))


def text_of(content: Any) -> str:
    """The text of a message's content, whatever else is in it."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "\n".join([text for text in texts if isinstance(text, str)])


def _answered(calls: Sequence[Any], results: dict[str, str]) -> Iterator[Called]:
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and str(call.get("id")) in results:
            name, arguments = function.get("name"), function.get("arguments")
            yield Called(str(name), str(arguments or "{}"), results[str(call.get("id"))])


def _call(called: Called) -> str:
    return f'<tool_call name="{called.function}">\n{called.arguments}\n</tool_call>'


def _result(called: Called) -> str:
    return f'<tool_result name="{called.function}">\n{called.result}\n</tool_result>'
