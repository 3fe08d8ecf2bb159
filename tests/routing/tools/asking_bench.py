"""A bench for tools that ask models: it answers what it was told to, and keeps what it was asked and told."""

from __future__ import annotations

import json
from typing import Any

from routing.plugins.operator import NOTHING_SET_UP
from routing.selection.permitted import permitted
from routing.tools.tool import Answered, Use
from tests.routing.make import NOW, make_catalog, make_policy

OUTER = "a/outer"


class AskingBench:
    """One request's bench. `answers` are given in turn, the last of them again and again."""

    def __init__(
        self, *answers: Answered, messages=(), models=(OUTER,), catalog=None, policy=None, pieces=()
    ) -> None:
        self.operator, self.now, self.memory = NOTHING_SET_UP, NOW, {}
        self.catalog = catalog or make_catalog()
        self.request = {"model": OUTER, "messages": list(messages)}
        self.models = tuple(models)
        self.asked: list[dict[str, Any]] = []
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._answers, self._pieces = list(answers), pieces
        self._policy = policy or make_policy()

    def permitted(self):
        return permitted(self.catalog, self._policy)

    async def complete(self, body, *, seconds, told=None):
        json.dumps(body)
        self.asked.append(body)
        for text, is_reasoning in self._pieces if told else ():
            told(text, is_reasoning=is_reasoning)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def tell(self, event, **fields):
        self.told.append((event, fields))


def answer(text="Do it.", model="a/wise", **more):
    return Answered(model, text, **more)


def use_of(tool, config=None, instance=0, where=None):
    """An entry of a request, as the gateway reads it."""
    name = f"openrouter_{tool.slug}" + (f"__{instance}" if instance else "")
    read = tool.read_config(config or {})
    return Use(tool.slug, f"openrouter:{tool.slug}", name, where or f"tools[{instance}]", read, instance)


def exchange(function, arguments, result, call_id="call_1", text=None):
    """A call and its result, as they are in a conversation."""
    called = {"name": function, "arguments": json.dumps(arguments)}
    return [
        {
            "role": "assistant",
            "content": text,
            "tool_calls": [{"id": call_id, "type": "function", "function": called}],
        },
        {"role": "tool", "tool_call_id": call_id, "content": json.dumps(result)},
    ]
