"""Chat Completions: from the caller's JSON to a Call, and from a provider's answer to the caller's (SPEC §9).

Pure, because large bodies are read in another process. What is not looked at here is passed on as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from routing.call import COUNTED, Call
from routing.errors import invalid_request
from routing.gateway.client import RefusedError
from routing.gateway.dialects.attribution import clean, read_attribution
from routing.gateway.dialects.chat_records import KIND_JSON, with_calls
from routing.gateway.dialects.media import NOTHING, TOKENS_PER_IMAGE, Seen, look_at
from routing.gateway.dialects.parameters import (
    Check,
    check,
    is_count,
    is_flag,
    is_integer,
    is_number,
    is_object,
    is_objects,
    is_text,
    is_text_or_object,
    is_text_or_texts,
    is_texts,
    refused,
)
from routing.gateway.dialects.preferences import read_preferences
from routing.gateway.dialects.tool_entries import functions_of, read_choice, read_entries

SLUG = "chat"
BYTES_PER_TOKEN = 3
"""Few enough for an upper estimate of most texts; holds are estimates, charges are not."""
LETTERS_PER_TOKEN = 8
"""More than the tokens of any language have on average; without it a prompt without spaces would be one word."""
MAX_TOKENS = 2**31
MAX_CHOICES = 128
MAX_FALLBACKS = 16
MAX_NAME = 500

CHECKS: dict[str, Check] = {
    "model": is_text,
    "models": is_texts,
    "messages": is_objects,
    "stream": is_flag,
    "stream_options": is_object,
    "max_tokens": is_count,
    "max_completion_tokens": is_count,
    "n": is_count,
    "temperature": is_number,
    "top_p": is_number,
    "top_k": is_number,
    "min_p": is_number,
    "top_a": is_number,
    "frequency_penalty": is_number,
    "presence_penalty": is_number,
    "repetition_penalty": is_number,
    "seed": is_integer,
    "logprobs": is_flag,
    "top_logprobs": is_integer,
    "logit_bias": is_object,
    "stop": is_text_or_texts,
    "tools": is_objects,
    "tool_choice": is_text_or_object,
    "parallel_tool_calls": is_flag,
    "max_tool_calls": is_count,
    "stop_server_tools_when": is_objects,
    "response_format": is_object,
    "structured_outputs": is_flag,
    "reasoning": is_object,
    "reasoning_effort": is_text,
    "include_reasoning": is_flag,
    "verbosity": is_text,
    "prediction": is_object,
    "modalities": is_texts,
    "web_search_options": is_object,
    "provider": is_object,
    "plugins": is_objects,
    "preset": is_text,
    "transforms": is_texts,
    "user": is_text,
    "session_id": is_text,
    "trace": is_object,
}
OURS = frozenset(
    {"model", "models", "messages", "stream", "stream_options", "n", "provider", "plugins", "transforms"}
    | {"preset", "user", "session_id", "trace", "max_tool_calls", "stop_server_tools_when"}
)
"""Parameters that no endpoint has to support."""
SUPPORTABLE = CHECKS.keys() - OURS
AS_CATALOG_SAYS = {"max_completion_tokens": "max_tokens", "n": "n"}

decode = msgspec.json.Decoder().decode


def read_json(data: bytes) -> dict[str, Any]:
    """The request's JSON object. Raises RefusedError for anything else, however it is broken."""
    try:
        body = decode(data)
    except RecursionError:
        raise RefusedError(invalid_request("The request's JSON is nested too deeply.")) from None
    except (msgspec.MsgspecError, UnicodeError, ValueError):
        raise RefusedError(invalid_request("The request's body is not valid JSON.")) from None
    if not isinstance(body, dict):
        raise RefusedError(invalid_request("The request's body must be a JSON object."))
    return body


def read_call(data: bytes, headers: Mapping[bytes, bytes]) -> Call:
    """The request as the decision sees it. Raises RefusedError naming the parameter that is wrong."""
    body = read_json(data)
    if KIND_JSON in data and is_objects(body.get("messages")):
        body["messages"] = with_calls(body["messages"], functions_of({**body, "tools": _entries(body)}))
    return call_of(body, len(data), headers)


def _entries(body: Mapping[str, Any]) -> Any:
    tools: Any = body.get("tools")
    return read_entries(tools) if is_objects(tools) else None


def call_of(body: dict[str, Any], size: int, headers: Mapping[bytes, bytes], dialect: str = SLUG) -> Call:
    """The call of a Chat Completions body that came in `size` bytes of a dialect. Raises RefusedError."""
    check(body, CHECKS)
    messages = body.get("messages")
    if not messages:
        raise refused("messages", "must be a non-empty list of objects")
    if body.get("tools"):
        body["tools"] = read_entries(body["tools"])
    if isinstance(body.get("tool_choice"), dict):
        body["tool_choice"] = read_choice(body["tool_choice"])
    seen = _look_at(messages)
    return Call(
        dialect=dialect,
        models=read_models(body),
        body=body,
        is_streamed=bool(body.get("stream")),
        prompt_tokens=(size - seen.characters) // BYTES_PER_TOKEN
        + seen.images * TOKENS_PER_IMAGE
        + seen.tokens,
        max_tokens=read_max_tokens(body),
        media_tokens=seen.tokens,
        image_count=seen.images,
        choices=read_choices(body),
        parameters=parameters_of(body),
        preferences=read_preferences(body),
        attribution=read_attribution(body, headers),
    )


def read_max_tokens(body: Mapping[str, Any]) -> int | None:
    """The most that may be answered. Raises RefusedError."""
    # Providers differ in which of the two they heed: the larger is what may have to be paid.
    most = max(body.get("max_completion_tokens") or 0, body.get("max_tokens") or 0) or None
    if most is not None and most > MAX_TOKENS:
        raise refused("max_tokens", "is too large")
    return most


def read_choices(body: Mapping[str, Any]) -> int:
    """How many answers are asked for. Raises RefusedError."""
    choices: int = body.get("n") or 1
    if choices > MAX_CHOICES:
        raise refused("n", f"must be at most {MAX_CHOICES}")
    return choices


def parameters_of(body: Mapping[str, Any]) -> frozenset[str]:
    """The parameters that an endpoint has to support, by the catalog's names."""
    return frozenset(
        [AS_CATALOG_SAYS.get(name, name) for name in body if name in SUPPORTABLE and body[name] is not None]
    )


def read_models(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The models to try, in order. Raises RefusedError."""
    named, listed = body.get("model"), body.get("models") or ()
    if named and not listed and len(named) <= MAX_NAME:
        return (clean(named),)  # as most name one
    if len(listed) > MAX_FALLBACKS:
        raise refused("models", f"may name at most {MAX_FALLBACKS} models")
    slugs = [slug for slug in (named, *listed) if slug]
    for slug in slugs:
        if len(slug) > MAX_NAME:
            raise refused("model", "is too long")
    return tuple(dict.fromkeys([clean(slug) for slug in slugs]))


def _look_at(messages: list[dict[str, Any]]) -> Seen:
    """Check the messages' shape; what they hold beside text."""
    images = tokens = characters = 0
    for message in messages:
        if not isinstance(message.get("role"), str):
            raise refused("messages", "must each have a role")
        content = message.get("content")
        if content is None or isinstance(content, str):
            continue
        if not is_objects(content):
            raise refused("messages", "may have as content a string or a list of parts")
        for part in content:
            seen = look_at(part)
            images, tokens = images + seen.images, tokens + seen.tokens
            characters += seen.characters
    return Seen(images, tokens, characters) if images or tokens else NOTHING


def count_prompt_tokens(call: Call) -> int:
    """Tokens of the prompt, counted without a tokenizer and never more than a provider would: its words.

    What is charged when a provider never said: text whose script has no spaces counts by its characters.
    """
    counted = call.detail.get(COUNTED)
    if isinstance(counted, int):
        return counted
    return sum(count_tokens(text) for text in _texts(call.body.get("messages")))


def count_tokens(text: str) -> int:
    """A lower estimate of a text's tokens: words, but no token of text that means anything is longer than a few."""
    words = len(text.split())
    letters = len(text) - text.count(" ") - text.count("\n") - text.count("\t")
    least = max(words, letters // LETTERS_PER_TOKEN)
    if text.isascii():
        return least
    wide = sum(1 for character in text if character > "\u2e7f")
    return max(least, wide // 2)


def _texts(messages: Any) -> Iterator[str]:
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (part["text"] for part in content if isinstance(part.get("text"), str))
