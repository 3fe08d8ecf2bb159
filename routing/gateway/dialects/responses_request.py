"""From the body of a Responses request to that of a Chat Completions request, and what its answer repeats of it.

The API is stateless here, as the contract has it: what would need a stored response is refused by its name.
Everything that is spelled alike in both dialects is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from routing.gateway.dialects.parameters import (
    Check,
    check,
    is_count,
    is_flag,
    is_integer,
    is_number,
    is_object,
    is_text,
    is_texts,
    refused,
)
from routing.gateway.dialects.responses_input import read_messages
from routing.gateway.dialects.responses_tools import Tools, is_executed_here, read_tools
from routing.gateway.dialects.tool_entries import functions_of, is_ours

Body: TypeAlias = Mapping[str, Any]  # the caller's JSON

CHECKS: dict[str, Check] = {
    "instructions": is_text,
    "max_output_tokens": is_count,
    "max_tool_calls": is_count,
    "parallel_tool_calls": is_flag,
    "text": is_object,
    "reasoning": is_object,
    "metadata": is_object,
    "include": is_texts,
    "truncation": is_text,
    "store": is_flag,
    "background": is_flag,
    "temperature": is_number,
    "top_p": is_number,
    "presence_penalty": is_number,
    "frequency_penalty": is_number,
    "top_logprobs": is_integer,
    "service_tier": is_text,
    "user": is_text,
    "safety_identifier": is_text,
    "prompt_cache_key": is_text,
    "prompt_cache_options": is_object,
    "modalities": is_texts,
    "stream_options": is_object,
}
REASONING: dict[str, Check] = {
    "effort": is_text,
    "summary": is_text,
    "generate_summary": is_text,
    "context": is_text,
    "mode": is_text,
    "enabled": is_flag,
    "max_tokens": is_count,
}
FORMAT: dict[str, Check] = {
    "type": is_text,
    "name": is_text,
    "description": is_text,
    "schema": is_object,
    "strict": is_flag,
}
FORMATS = ("text", "json_object", "json_schema")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
SUMMARIES = ("auto", "concise", "detailed")
VERBOSITIES = ("low", "medium", "high", "xhigh", "max")
TIERS = ("auto", "default", "fast", "flex", "priority", "scale")
TRUNCATIONS = ("auto", "disabled")
STATEFUL = ("previous_response_id", "conversation", "prompt")
"""What names something stored."""
NOT_PASSED_ON = frozenset(
    {
        *("input", "instructions", "max_output_tokens", "text", "tools", "tool_choice"),
        *("include", "truncation", "store", "background", "metadata", "safety_identifier", "stream_options"),
        *("reasoning", "service_tier", "top_logprobs", "n", *STATEFUL),
    }
)
"""Said otherwise in a chat request, or to nobody but us. `metadata` would have OpenAI store the answer."""
LOGPROBS = "message.output_text.logprobs"
NEEDS_NOTHING = frozenset(
    {
        *(
            "reasoning.encrypted_content",
            LOGPROBS,
            "file_search_call.results",
            "code_interpreter_call.outputs",
        ),
        *(
            "web_search_call.results",
            "web_search_call.action.sources",
            "computer_call_output.output.image_url",
        ),
    }
)
"""What `include` may ask for: encrypted reasoning comes whenever there is any, and the tools are not offered."""
MOST_PAIRS, LONGEST_NAME, LONGEST_VALUE = 16, 64, 512


class Translated(NamedTuple):
    """A request as a chat request; `dropped` names the parameters that a chat request has no words for."""

    body: dict[str, Any]
    repeated: dict[str, Any]
    dropped: tuple[str, ...]


def translate(body: Body) -> Translated:
    """The chat request that a Responses request amounts to. Raises RefusedError naming the parameter."""
    check(body, CHECKS)
    _check_state(body)
    tools = read_tools(body.get("tools"), body.get("tool_choice"))
    chat = {name: value for name, value in body.items() if name not in NOT_PASSED_ON}
    chat |= _text(body.get("text") or {}) | _settings(body, tools)
    chat["messages"] = read_messages(body.get("instructions"), body.get("input"), functions_of(chat))
    return Translated(chat, _repeated(body), _dropped(body))


def _check_state(body: Body) -> None:
    for name in STATEFUL:
        if body.get(name) is not None:
            raise refused(
                name, "is not supported: responses are not stored; send the whole conversation as input"
            )
    for name in ("store", "background"):
        if body.get(name):
            raise refused(name, "must be false: responses are not stored")
    if body.get("messages") is not None:
        raise refused("messages", "is not a parameter here: send the conversation as input")
    if body.get("n") not in (None, 1):
        raise refused("n", "must be 1: a response is one answer")
    _check_word(body, "truncation", TRUNCATIONS)
    _check_word(body, "service_tier", TIERS)
    if not set(body.get("modalities") or ()) <= {"text", "image"}:
        raise refused("modalities", "must be of text, image")
    _check_metadata(body.get("metadata") or {})


def _check_word(values: Body, name: str, words: tuple[str, ...], within: str = "") -> None:
    """What the answer repeats must be a word that its clients know."""
    if values.get(name) is not None and values[name] not in words:
        raise refused(f"{within}{name}", f"must be one of {', '.join(words)}")


def _check_metadata(metadata: Body) -> None:
    if len(metadata) > MOST_PAIRS:
        raise refused("metadata", f"may have at most {MOST_PAIRS} pairs")
    for name, value in metadata.items():
        if len(name) > LONGEST_NAME or "[" in name or "]" in name:
            raise refused(
                "metadata", f"must have names of at most {LONGEST_NAME} characters without brackets"
            )
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            raise refused("metadata", f"must have as values strings of at most {LONGEST_VALUE} characters")


def _text(text: Body) -> dict[str, Any]:
    """What `text` says: in which form, and how verbose."""
    check(text, {"format": is_object, "verbosity": is_text}, "text.")
    _check_word(text, "verbosity", VERBOSITIES, "text.")
    chat: dict[str, Any] = {}
    if text.get("verbosity") is not None:
        chat["verbosity"] = text["verbosity"]
    form = text.get("format")
    if form is None:
        return chat
    check(form, FORMAT, "text.format.")
    if form.get("type") not in FORMATS:
        raise refused("text.format.type", f"must be one of {', '.join(FORMATS)}")
    if form["type"] != "json_schema":
        return chat | {"response_format": {"type": form["type"]}}
    for name in ("name", "schema"):
        if form.get(name) is None:
            raise refused(f"text.format.{name}", "is missing")
    schema = {name: value for name, value in form.items() if name != "type" and value is not None}
    return chat | {"response_format": {"type": "json_schema", "json_schema": schema}}


def _settings(body: Body, tools: Tools) -> dict[str, Any]:
    chat: dict[str, Any] = {}
    if tools.tools:
        chat["tools"] = tools.tools
    # To many providers any choice is an error without tools, which a preset may still add.
    if tools.choice is not None and (tools.tools or tools.choice not in ("auto", "none")):
        chat["tool_choice"] = tools.choice
    if body.get("max_output_tokens") is not None:
        chat["max_tokens"] = body["max_output_tokens"]
    if body.get("reasoning") is not None:
        chat["reasoning"] = _reasoning(body["reasoning"])
    if body.get("service_tier") is not None:
        chat["service_tier"] = "priority" if body["service_tier"] == "fast" else body["service_tier"]
    if body.get("top_logprobs") or LOGPROBS in (body.get("include") or ()):
        chat["logprobs"] = True
    if body.get("top_logprobs"):
        chat["top_logprobs"] = body["top_logprobs"]
    return chat


def _reasoning(reasoning: Body) -> dict[str, Any]:
    """As in a chat request, but for the old name of `summary`."""
    check(reasoning, REASONING, "reasoning.")
    _check_word(reasoning, "effort", EFFORTS, "reasoning.")
    ours = {name: value for name, value in reasoning.items() if name != "generate_summary"}
    if ours.get("summary") is None and reasoning.get("generate_summary") is not None:
        ours["summary"] = reasoning["generate_summary"]
    _check_word(ours, "summary", SUMMARIES, "reasoning.")
    return ours


def _dropped(body: Body) -> tuple[str, ...]:
    names = []
    if body.get("truncation") == "auto":
        names.append("truncation")
    if set(body.get("include") or ()) - NEEDS_NOTHING:
        names.append("include")
    return tuple(names)


def _repeated(body: Body) -> dict[str, Any]:
    """The request's settings as its answer repeats them, with the defaults of the API.

    Of the server tools it knows OpenAI's names alone.
    """
    names = ("instructions", "metadata", "temperature", "top_p", "presence_penalty", "frequency_penalty")
    optional = ("max_output_tokens", "max_tool_calls", "user", "safety_identifier", "prompt_cache_key")
    repeated = {name: body.get(name) for name in (*names, *optional)}
    parallel, choice = body.get("parallel_tool_calls"), body.get("tool_choice")
    reasoning = body.get("reasoning")
    return repeated | {
        "parallel_tool_calls": True if parallel is None else parallel,
        "tool_choice": _repeated_choice(choice),
        "tools": [_repeated_tool(tool) for tool in body.get("tools") or [] if not is_ours(tool["type"])],
        "text": _repeated_text(body.get("text") or {}),
        "reasoning": _known(_reasoning(reasoning), REASONING) if reasoning else None,
        "truncation": body.get("truncation") or "disabled",
        "top_logprobs": body.get("top_logprobs") or 0,
        "service_tier": body.get("service_tier"),
        "store": False,
        "background": False,
        "previous_response_id": None,
    }


def _known(values: Body, names: Iterable[str]) -> dict[str, Any]:
    """What was looked at: a field of a type that nobody expects would make the answer unreadable to its clients."""
    return {name: values[name] for name in names if values.get(name) is not None}


def _repeated_text(text: Body) -> dict[str, Any]:
    form = text.get("format") or {"type": "text"}
    return {"format": _known(form, FORMAT), **_known(text, ("verbosity",))}


def _repeated_choice(choice: Any) -> Any:
    """The choice; the contract's answers have no word for that of a server tool."""
    if isinstance(choice, dict) and is_executed_here(choice.get("type")):
        return "required"
    return choice or "auto"


def _repeated_tool(tool: Body) -> dict[str, Any]:
    if is_executed_here(tool["type"]):
        return _known(tool, tool)
    if tool["type"] == "custom":
        return _known(tool, ("type", "name", "description", "format"))
    # The types of the official clients have no function without these.
    return {name: tool.get(name) for name in ("type", "name", "description", "parameters", "strict")}
