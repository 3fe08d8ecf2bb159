"""`advisor`: a model asks another one, usually a stronger one, for advice and goes on with it.

An advisor remembers what it was asked before, from the conversation: what a caller leaves out of it is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from config.lib.declared import Flag, NotValid, Text, Whole
from routing.tools.asking import (
    LONGEST_QUESTION,
    LONGEST_SLUG,
    SECONDS,
    AskingTool,
    cut,
    fault_of,
    question,
)
from routing.tools.tool import Bench, Json, Ran, Told, Use, failed
from routing.tools.transcript import readable, turns_of

COMPRESSED = {"plugins": [{"id": "context-compression"}]}
"""Long memories lose their middle where the model cannot hold them."""
UNASKED = "What do you advise, given the conversation so far?"
WHEN = (
    "Call it before you settle on an approach that would be dear to change, when you are stuck or in doubt, and "
    "before you declare a piece of work done. Do not call it for small steps that you can take by yourself. What "
    "comes back is advice: weigh it, and write the answer yourself."
)
SEES_PROMPT = (
    "The question. The advisor sees this text and its own earlier advice, and nothing else of the conversation: say "
    "what the task is, what you know and tried, what you are inclined to do, and what you want to be told."
)
SEES_ALL = "What you want to be told. The advisor sees the whole conversation; leave it out to be told what stands out."


class Advisor(AskingTool):
    """Advice of another model."""

    slug = "advisor"
    name = "Advisor"
    about = "Lets the model ask another, usually stronger one for advice."
    most_asked = 8
    names_the_first = True
    fields = (
        *AskingTool.fields,
        Whole(name="max_tool_calls", minimum=1, maximum=25, help="Of no effect: an advisor has no tools."),
        Flag(name="forward_transcript", help="Whether the advisor sees the whole conversation."),
        Flag(
            name="stream",
            help="Whether advice is told while it is given, where the dialect has words for it.",
        ),
    )
    asked = (Text(name="prompt", most=LONGEST_QUESTION), Text(name="model", most=LONGEST_SLUG))

    def function(self, use: Use) -> Json:
        """A function of a prompt, and of a model where the caller leaves that to the model."""
        is_told_all = bool(use.config.get("forward_transcript"))
        prompt = {"type": "string", "description": SEES_ALL if is_told_all else SEES_PROMPT}
        properties: Json = {"prompt": prompt}
        if "model" not in use.config:
            about = "The slug of the model to ask, as in anthropic/claude-opus-4.8; your own unless you say."
            properties["model"] = {"type": "string", "description": about}
        return {
            "description": f"Ask {_who(use.config)} for advice. {WHEN}",
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": [] if is_told_all else ["prompt"],
                "additionalProperties": False,
            },
        }

    def requested(self, arguments: Json, use: Use) -> Json:
        """The prompt, where it is one."""
        try:
            wanted = self.arguments_of(arguments, use)
        except NotValid:
            return {}
        return {"prompt": wanted["prompt"]} if "prompt" in wanted else {}

    async def run(self, arguments: Json, use: Use, bench: Bench) -> Ran:
        """The advice, or why there is none."""
        try:
            wanted = self.arguments_of(arguments, use)
        except NotValid as error:
            return failed(f"Advisor call failed: {error}")
        prompt, item = wanted.get("prompt", ""), self.requested(arguments, use)
        if not prompt and not use.config.get("forward_transcript"):
            return _failed("prompt: is missing.", item)
        if not self.may_ask(bench):
            return _failed(self.spent, item)
        model = use.config.get("model") or wanted.get("model")
        body = _body(prompt, [model] if model else bench.models, use, bench.request["messages"])
        answered = await bench.complete(body, seconds=SECONDS, told=_telling(use, bench))
        if fault := fault_of(answered):
            return _failed(fault, item)
        told = {"model": answered.model, "advice": cut(answered.text)}
        return Ran({"status": "ok", **told}, {**item, **told})


def _who(config: Mapping[str, Any]) -> str:
    name = f'the advisor "{config["name"]}"' if "name" in config else "an advisor"
    return f"{name} ({config['model']})" if "model" in config else f"{name}, which is another model,"


def _failed(fault: str, item: Json) -> Ran:
    ran = failed(f"Advisor call failed: {fault}")
    return ran._replace(item={**item, **ran.item})


def _body(prompt: str, models: Sequence[str], use: Use, said: Sequence[Json]) -> Json:
    """What the advisor is asked: with the conversation, or else with what it was asked before. It has no tools."""
    asked: list[Json] = [{"role": "user", "content": prompt}] if prompt else []
    if not use.config.get("forward_transcript"):
        before = list(memory_of(said, use.function))
        return {**question(use.config, models, [*before, *asked]), **(COMPRESSED if before else {})}
    before = readable(said)
    if not asked and (not before or before[-1]["role"] == "assistant"):
        asked = [{"role": "user", "content": UNASKED}]
    return question(use.config, models, [*before, *asked])


def memory_of(messages: Sequence[Json], function: str) -> Iterator[Json]:
    """What this advisor was asked in the conversation, and advised."""
    for _, calls in turns_of(messages):
        for called in calls:
            prompt = _text_in(called.arguments, "prompt")
            advice = _text_in(called.result, "advice")
            if called.function == function and prompt and advice:
                yield {"role": "user", "content": prompt}
                yield {"role": "assistant", "content": advice}


def _text_in(json: str, name: str) -> str | None:
    """The string of a name in JSON that anybody may have written."""
    try:
        value = msgspec.json.decode(json)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def _telling(use: Use, bench: Bench) -> Told | None:
    """Who passes the advice on while it comes, if it is to be; what the advisor thinks is its own."""
    if not use.config.get("stream"):
        return None

    def told(text: str, *, is_reasoning: bool = False) -> None:
        if text and not is_reasoning:
            bench.tell("advisor.delta", delta=text)

    return told
