"""`subagent`: a model hands a task to another one, usually a smaller one, which may have tools.

The worker sees the task's description alone, and forgets it when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from config.lib.declared import Flag, NotValid, Objects, Text, Texts, Whole
from routing.plugins.operator import Missing, Operator
from routing.tools.asking import LONGEST_QUESTION, SECONDS, AskingTool, cut, fault_of, question
from routing.tools.tool import FUNCTION, PREFIXES, Bench, Config, Json, Ran, ServerTool, Use, failed

MOST_STEPS = 25
MOST_TOOLS = 16
LONGEST_NAME = 200
INHERITING = ("inherit_functions", "inherited_function_names")
NOT_INHERITED = "is not supported: a subagent cannot call the caller's functions"
NOT_OURS = "is no tool that the gateway runs, and a subagent can have no others"
NOT_ITSELF = "is the subagent itself, which cannot be one of its own tools"
WHEN = (
    "It suits work that is routine and complete in itself: summing up, extracting, reformatting, drafting from a "
    "clear outline. Hand over several tasks at once when they do not depend on each other. Do not call it for what "
    "needs your own judgement, or is done sooner than described. Check what comes back before you rely on it."
)
TASK = (
    "Everything that the worker needs: the material itself, the context, the constraints and the form of the "
    "result. It sees this text and nothing else of the conversation."
)


class Subagent(AskingTool):
    """Work that another model does. `find` knows the tools that there are by their types."""

    slug = "subagent"
    name = "Subagent"
    about = "Lets the model hand tasks to another, usually smaller one."
    most_asked = 16
    fields = (
        *AskingTool.fields,
        Objects(name="tools", most=MOST_TOOLS, help="Server tools that the subagent may use."),
        Whole(
            name="max_tool_calls",
            minimum=1,
            maximum=MOST_STEPS,
            help="How many steps with tools it may take.",
        ),
        Flag(name="inherit_functions", help="Not supported."),
        Texts(name="inherited_function_names", help="Not supported."),
    )
    asked = (Text(name="task_name", most=LONGEST_NAME), Text(name="task_description", most=LONGEST_QUESTION))

    def __init__(self, find: Callable[[str], ServerTool | None]) -> None:
        self._find = find

    def read_config(self, given: Mapping[str, Any]) -> Json:
        """An entry's parameters, its tools' too. Raises NotValid."""
        config = super().read_config(given)
        for name in INHERITING:
            if config.pop(name, None):
                raise NotValid(f"parameters.{name}", NOT_INHERITED)
        self._check_tools(config)
        return config

    def _check_tools(self, config: Config) -> None:
        inner: dict[ServerTool, list[Use]] = {}
        for tool, use in self._inner(config, "parameters."):
            inner.setdefault(tool, []).append(use)
        for tool, uses in inner.items():
            if len(uses) > tool.most_instances:
                fault = f"is one more than the {tool.most_instances} that there can be"
                raise NotValid(uses[-1].where, fault)
            for use, parameter, fault in tool.check_together(uses):
                place = f"{use.where}.parameters.{parameter}" if parameter else use.where
                raise NotValid(place, fault)

    def _inner(self, config: Config, within: str) -> Iterator[tuple[ServerTool, Use]]:
        """The subagent's tools, read as those of a request. Raises NotValid."""
        for number, entry in enumerate(config.get("tools", ())):
            where, kind = f"{within}tools[{number}]", entry.get("type")
            is_ours = isinstance(kind, str) and kind.lower().startswith(PREFIXES)
            tool = self._find(kind) if is_ours else None
            if tool is None or tool is self:
                raise NotValid(f"{where}.type", NOT_OURS if tool is None else NOT_ITSELF)
            given = entry.get("parameters")
            if given is None:
                given = {name: value for name, value in entry.items() if name not in ("type", "parameters")}
            try:
                parameters = tool.read_config(given)
            except NotValid as error:
                raise NotValid(f"{where}.{error.path}", error.fault) from None
            yield tool, Use(tool.slug, kind, FUNCTION + tool.slug, where, parameters)

    def missing(self, config: Config, operator: Operator) -> Missing | None:
        """What one of the subagent's tools lacks."""
        for tool, use in self._inner(config, ""):
            if found := tool.missing(use.config, operator):
                place = found.at(f"{use.where}.parameters")
                return Missing(place.removesuffix(".parameters"), found.reason)
        return None

    def models_of(self, use: Use, bench: Bench) -> Iterator[tuple[str, str]]:
        """The model that does the work, and those that its tools may ask."""
        yield from super().models_of(use, bench)
        for tool, inner in self._inner(use.config, f"{use.where}.parameters."):
            yield from tool.models_of(inner, bench)

    def function(self, use: Use) -> Json:
        """A function of a task's name and description."""
        name = f'the subagent "{use.config["name"]}"' if "name" in use.config else "a subagent"
        who = f"{name} ({use.config['model']})" if "model" in use.config else f"{name}, another model,"
        named = "A short name for the task, such as summarize-changelog."
        return {
            "description": f"Hand a task to {who} and get its result. {WHEN}",
            "parameters": {
                "type": "object",
                "properties": {
                    "task_name": {"type": "string", "description": named},
                    "task_description": {"type": "string", "description": TASK},
                },
                "required": ["task_name", "task_description"],
                "additionalProperties": False,
            },
        }

    def requested(self, arguments: Json, use: Use) -> Json:
        """Whom the task is for, and what it is where it is one."""
        named = {"name": use.config["name"]} if "name" in use.config else {}
        try:
            return {**named, **self.arguments_of(arguments, use)}
        except NotValid:
            return named

    async def run(self, arguments: Json, use: Use, bench: Bench) -> Ran:
        """The result of the work, or why there is none."""
        item = self.requested(arguments, use)
        try:
            wanted = self.arguments_of(arguments, use)
        except NotValid as error:
            return _failed(str(error), item)
        for field in self.asked:
            if field.name not in wanted:
                return _failed(f"{field.name}: is missing.", item)
        if not self.may_ask(bench):
            return _failed(self.spent, item)
        answered = await bench.complete(_body(wanted["task_description"], use, bench), seconds=SECONDS)
        if fault := fault_of(answered):
            return _failed(fault, item)
        done = {"model": answered.model, "outcome": cut(answered.text)}
        return Ran({"status": "ok", "task_name": wanted["task_name"], **done}, {**item, **done})


def _body(task: str, use: Use, bench: Bench) -> Json:
    """The task as a request of its own, with the tools that the caller gives to the worker."""
    models = [use.config["model"]] if "model" in use.config else bench.models
    body = question(use.config, models, [{"role": "user", "content": task}])
    if not use.config.get("tools"):
        return body
    limits = {name: use.config[name] for name in ("max_tool_calls",) if name in use.config}
    return {**body, "tools": use.config["tools"], **limits}


def _failed(fault: str, item: Json) -> Ran:
    named = {name: item[name] for name in ("task_name",) if name in item}
    ran = failed(f"Subagent call failed: {fault}", **named)
    return ran._replace(item={**item, **ran.item})
