"""From a Chat Completions body to one of Converse (docs.aws.amazon.com/bedrock, API_runtime_Converse)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from routing.catalog_snapshot import EndpointEntry
from routing.pricing import DEFAULT_COMPLETION_TOKENS
from routing.providers.bedrock_messages import Conversation
from routing.providers.bedrock_models import Circumstances, Family, Reasoning
from routing.providers.bedrock_parts import Block, cache_point, is_marked
from routing.providers.openai import OUR_FIELDS, encode
from routing.providers.wire_format import Unsupported

SAID = frozenset(
    {
        "include_reasoning",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "reasoning_effort",
        "response_format",
        "service_tier",
        "stop",
        "stream",
        "structured_outputs",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
    }
)
"""Parameters that are looked at below; whatever else a request has is dropped, and named."""
MEANS_NOTHING: dict[str, Any] = {
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "min_p": 0,
    "modalities": ["text"],
    "n": 1,
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "repetition_penalty": 1,
    "store": False,
    "top_a": 0,
    "top_logprobs": 0,
    "verbosity": "medium",
}
"""Values that say what happens anyway."""
MAX_NAME = 100
FORCED = frozenset({"any", "tool"})
TIERS = ("priority", "default", "flex")
ANY_INPUT: Block = {"type": "object", "properties": {}}


class ConverseRequest(NamedTuple):
    """A body of Converse, and the names of the parameters that it does not hold."""

    body: dict[str, Any]
    dropped: tuple[str, ...]


def converse_request(given: Mapping[str, Any], endpoint: EndpointEntry) -> ConverseRequest:
    """The request in Converse's words. Raises Unsupported."""
    return _Translation(given, endpoint).request()


def unsaid(given: Mapping[str, Any]) -> list[str]:
    """The parameters that are not looked at here, but for those that ask for nothing."""
    return [
        name
        for name, value in given.items()
        if value is not None
        and name not in SAID
        and name not in OUR_FIELDS
        and (name not in MEANS_NOTHING or value != MEANS_NOTHING[name])
    ]


class _Translation:
    """Collects one request's body and what is left out of it."""

    def __init__(self, given: Mapping[str, Any], endpoint: EndpointEntry) -> None:
        self._given = {name: value for name, value in given.items() if value is not None}
        self._family = Family(endpoint.upstream_model.lower())
        self._most_tokens = endpoint.max_completion_tokens or DEFAULT_COMPLETION_TOKENS
        self._conversation = Conversation(self._family)
        self._dropped = self._conversation.dropped
        self._body: dict[str, Any] = {}
        self._fields: dict[str, Any] = {}
        self._output: dict[str, Any] = {}

    def request(self) -> ConverseRequest:
        self._converse()
        self._add_tools()
        self._add_reasoning()
        self._add_inference()
        self._add_top_k()
        self._add_format()
        self._add_tier()
        for name, value in (
            ("additionalModelRequestFields", self._fields),
            ("outputConfig", self._output),
        ):
            if value:
                self._body[name] = value
        self._dropped |= dict.fromkeys([name[:MAX_NAME] for name in unsaid(self._given)])
        return ConverseRequest(self._body, tuple(sorted(self._dropped)))

    def _converse(self) -> None:
        messages = self._given.get("messages")
        if not isinstance(messages, list):
            raise Unsupported("messages", "must be there: this provider has chat models only")
        for message in messages:
            self._conversation.add(message if isinstance(message, dict) else {})
        if self._given.get("cache_control"):
            self._conversation.mark_end(dict(self._given))
        self._body["messages"] = self._conversation.messages
        if self._conversation.system:
            self._body["system"] = self._conversation.system

    def _add_tools(self) -> None:
        """Tools, and which of them is to be called; a history with tool calls in it must not be without."""
        given = self._given.get("tools")
        tools = [block for tool in (given if isinstance(given, list) else ()) for block in self._tool(tool)]
        choice, is_needed = self._given.get("tool_choice"), bool(self._conversation.tool_names)
        if choice == "none" or not tools:
            if not is_needed:
                return
            self._dropped["tool_choice"] = None  # that none is to be called cannot be said
            tools = tools or [_tool_spec(name, ANY_INPUT) for name in self._conversation.tool_names]
        config: dict[str, Any] = {"tools": tools}
        if choice not in (None, "none"):
            config["toolChoice"] = self._said_choice(choice)
        self._body["toolConfig"] = config

    def _said_choice(self, choice: Any) -> Block:
        said: Block = {"auto": {}}
        if choice == "required":
            said = {"any": {}}
        elif isinstance(choice, dict):
            said = {"tool": {"name": _chosen(choice)}}
        if choice != "auto" and ("auto" in said or not self._family.can_be_forced):
            self._dropped["tool_choice"] = None
            return {"auto": {}}
        return said

    def _tool(self, tool: Any) -> list[Block]:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            self._dropped["tools"] = None
            return []
        schema = function.get("parameters")
        block = _tool_spec(
            function["name"], {"type": "object", **schema} if isinstance(schema, dict) else ANY_INPUT
        )
        if isinstance(function.get("description"), str) and function["description"]:
            block["toolSpec"]["description"] = function["description"]
        if function.get("strict"):
            if self._family.is_structured:
                block["toolSpec"]["strict"] = True
            else:
                self._dropped["tools.strict"] = None
        if not is_marked(tool):
            return [block]
        if not self._family.is_claude:
            self._dropped["cache_control"] = None
            return [block]
        return [block, cache_point(tool, has_ttl=True)]

    def _add_reasoning(self) -> None:
        given = Circumstances(
            self._max_tokens() or self._most_tokens,
            is_forced=bool(FORCED & self._choice().keys()),
            is_begun=self._conversation.is_begun,
        )
        thinking = self._family.thinking(_asked(self._given), given)
        self._dropped |= dict.fromkeys(thinking.dropped)
        self._fields |= thinking.fields
        if thinking.effort:
            self._output["effort"] = thinking.effort

    def _choice(self) -> Mapping[str, Any]:
        choice: Mapping[str, Any] = self._body.get("toolConfig", {}).get("toolChoice", {})
        return choice

    def _is_thinking(self) -> bool:
        """Whether Claude thinks, which leaves no room for sampling parameters."""
        return "thinking" in self._fields

    def _max_tokens(self) -> int | None:
        tokens = self._given.get("max_completion_tokens") or self._given.get("max_tokens")
        return tokens if isinstance(tokens, int) else None

    def _add_inference(self) -> None:
        config: dict[str, Any] = {}
        if self._max_tokens():
            config["maxTokens"] = self._max_tokens()
        config |= self._sampling()
        stop = self._given.get("stop")
        sequences = [stop] if isinstance(stop, str) else stop
        if sequences:
            config["stopSequences"] = sequences
        if config:
            self._body["inferenceConfig"] = config

    def _sampling(self) -> dict[str, Any]:
        """Temperature and top_p, as far as the model takes them; the API knows no temperature above 1."""
        given = {
            name: self._given[name]
            for name in ("temperature", "top_p")
            if isinstance(self._given.get(name), int | float)
        }
        taken = dict(given) if self._family.takes_sampling else {}
        if self._is_thinking():
            taken = {}
        if len(taken) > 1 and not self._family.takes_both_samplings:
            del taken["top_p"]
        if taken.get("temperature", 0) > 1:
            taken["temperature"] = 1
        for name in given:
            if taken.get(name, 1) != given[name]:
                self._dropped[name] = None
        names = {"temperature": "temperature", "top_p": "topP"}
        return {names[name]: value for name, value in taken.items()}

    def _add_top_k(self) -> None:
        if "top_k" not in self._given:
            return
        fields = self._family.top_k_fields(self._given["top_k"])
        if fields is None or self._is_thinking() or not self._family.takes_sampling:
            self._dropped["top_k"] = None
        else:
            self._fields |= fields

    def _add_format(self) -> None:
        wanted = self._given.get("response_format", {})
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        if kind in (None, "text"):
            return
        schema = wanted.get("json_schema") if kind == "json_schema" else None
        if not (self._family.is_structured and isinstance(schema, dict)):
            self._dropped["response_format"] = None
            return
        described = {
            name: schema[name] for name in ("name", "description") if isinstance(schema.get(name), str)
        }
        text = encode(schema.get("schema") or {}).decode()
        self._output["textFormat"] = {
            "type": "json_schema",
            "structure": {"jsonSchema": {"schema": text, **described}},
        }

    def _add_tier(self) -> None:
        tier = self._given.get("service_tier")
        if tier in TIERS:
            self._body["serviceTier"] = {"type": tier}
        elif tier not in (None, "auto"):
            self._dropped["service_tier"] = None


def _asked(given: Mapping[str, Any]) -> Reasoning:
    """How much reasoning the request asks for."""
    wanted = given.get("reasoning")
    fields = wanted if isinstance(wanted, dict) else {}
    effort = fields.get("effort") or given.get("reasoning_effort")
    budget = fields.get("max_tokens")
    if fields.get("enabled") is False or effort == "none" or budget == 0:
        return Reasoning(False)
    if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0:
        return Reasoning(True, budget=budget)
    if isinstance(effort, str):
        return Reasoning(True, effort)
    return Reasoning(True, "medium") if fields.get("enabled") is True else Reasoning(None)


def _chosen(choice: Mapping[str, Any]) -> str:
    function = choice.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str):
        raise Unsupported("tool_choice", "must name a function for this provider")
    return name


def _tool_spec(name: str, schema: Block) -> Block:
    return {"toolSpec": {"name": name, "inputSchema": {"json": schema}}}
