"""OpenAI-compatible providers: Chat Completions and Embeddings, passed through.

(platform.openai.com/docs/api-reference). Any number of providers speak it; they are rows of the catalog.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from routing.call import CACHE_MARKERS, Call
from routing.catalog_snapshot import EndpointEntry
from routing.provider_failures import ProviderFailure
from routing.providers.cache_markers import without_markers
from routing.providers.failures import broken_answer, failure_of_event, failure_of_response
from routing.providers.openai_stream import ChatStream, finish_reasons, shown_reason, tokens_of_text
from routing.providers.wire_format import Answer, ConfigField, Stream, UpstreamRequest

CHAT_PATH = "/chat/completions"
PATHS = {"embeddings": "/embeddings"}
"""Where other calls than Chat Completions go; all other dialects have become that."""

OUR_FIELDS = frozenset(
    {
        "cache_control",
        "debug",
        "fallbacks",
        "models",
        "plugins",
        "preset",
        "provider",
        "reasoning",
        "route",
        "session_id",
        "stop_server_tools_when",
        "max_tool_calls",
        "stream_options",
        "trace",
        "transforms",
        "usage",
        "user",
    }
)
"""What a request says to us and not to the provider. `user` is a person's identity and never leaves."""

TEXTS = ("content", "reasoning", "reasoning_content", "text", "refusal")

_encode = msgspec.json.encode


class OpenAI:
    """The wire format `openai`."""

    slug = "openai"
    config: tuple[ConfigField, ...] = (
        ConfigField("base_url", "Base URL, up to and with /v1"),
        ConfigField("credential", "API key", is_secret=True, is_required=False),
    )

    def unsaid(self, call: Call) -> Collection[str]:
        """Nothing: what the caller sends is passed on."""
        return ()

    def build_request(self, call: Call, endpoint: EndpointEntry, *, generation_id: str) -> UpstreamRequest:
        """The caller's body with the provider's name of the model and without what was meant for us."""
        provider = endpoint.provider
        headers = plain_headers(call, generation_id)
        if provider.credential:
            headers["authorization"] = f"Bearer {provider.credential}"
        url = provider.base_url.rstrip("/") + PATHS.get(call.dialect, CHAT_PATH)
        return UpstreamRequest(url, headers, encode(upstream_body(call, endpoint)))

    def parse_response(self, body: bytes, *, call: Call) -> Answer | ProviderFailure:
        """The answer with its choices in the contract's shape, or why it is none."""
        try:
            answer = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return broken_answer("The provider's answer is not JSON")
        if not isinstance(answer, dict):
            return broken_answer("The provider's answer is not an object")
        if answer.get("error") and not answer.get("choices"):
            return failure_of_event(answer["error"])
        if call.dialect == "embeddings":
            return _embeddings(answer)
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices or not all(isinstance(one, dict) for one in choices):
            return broken_answer("The provider's answer is empty")
        return _completion(answer, choices)

    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """What an error status means."""
        return failure_of_response(status, headers, body)

    def open_stream(self, *, generation_id: str, model: str, provider: str) -> Stream:
        """A reader for one streamed answer."""
        return ChatStream(generation_id, model, provider)


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8; all escaped where text holds lone surrogates, which UTF-8 cannot carry."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def plain_headers(call: Call, generation_id: str) -> dict[str, str]:
    """The headers of a request, but for what lets it in."""
    return {
        "content-type": "application/json",
        "accept": "text/event-stream" if call.is_streamed else "application/json",
        "accept-encoding": "identity",
        "user-agent": "Headgate",
        "x-request-id": generation_id,
    }


def upstream_body(call: Call, endpoint: EndpointEntry) -> dict[str, Any]:
    """The caller's body with the provider's name of the model and without what was meant for us."""
    body = {name: value for name, value in call.body.items() if name not in OUR_FIELDS}
    body["model"] = endpoint.upstream_model
    if call.detail and CACHE_MARKERS in call.detail and endpoint.price.cache_write is None:
        body = without_markers(body)
    if call.dialect == "messages" and "verbosity" not in endpoint.supported_parameters:
        body.pop("verbosity", None)  # there it is effort, which most others have no word for
    if call.is_streamed:
        body["stream"] = True
        given = call.body.get("stream_options")
        body["stream_options"] = {**(given if isinstance(given, dict) else {}), "include_usage": True}
    reasoning = call.body.get("reasoning")
    if isinstance(reasoning, dict) and reasoning.get("effort"):
        body.setdefault("reasoning_effort", reasoning["effort"])
    return body


def _completion(answer: dict[str, Any], choices: list[dict[str, Any]]) -> Answer:
    """The answer in the contract's shape: completed in place, because it was decoded just now and is nobody else's."""
    counted = sum([_tokens_of_choice(choice) for choice in choices])
    reasons = [_complete(index, choice) for index, choice in enumerate(choices)]
    usage = answer.pop("usage", None)
    answer.setdefault("created", int(time.time()))
    answer.setdefault("system_fingerprint", None)
    return Answer(answer, usage, *reasons[0], _identifier(answer), counted)


def _complete(index: int, choice: dict[str, Any]) -> tuple[str | None, str | None]:
    """Give a choice what the contract says it has; returns its finish reason, and as the provider said it."""
    finish, native = finish_reasons(choice)
    choice.setdefault("index", index)
    choice.setdefault("logprobs", None)
    if "message" in choice and not isinstance(choice["message"], dict):
        choice["message"] = {"role": "assistant", "content": None}
    choice["finish_reason"], choice["native_finish_reason"] = shown_reason(finish), native
    return finish, native


def _tokens_of_choice(choice: dict[str, Any]) -> int:
    message = choice.get("message")
    fields = message if isinstance(message, dict) else choice
    length = 0
    for name in TEXTS:
        text = fields.get(name)
        if isinstance(text, str):
            length += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    calls = fields.get("tool_calls")
    return tokens_of_text(length + (len(encode(calls)) if calls else 0))


def _embeddings(answer: dict[str, Any]) -> Answer | ProviderFailure:
    if not isinstance(answer.get("data"), list):
        return broken_answer("The provider's answer is empty")
    usage = answer.pop("usage", None)
    if isinstance(usage, dict):
        usage = {**usage, "completion_tokens": 0}  # nothing is completed here: its absence says nothing
    return Answer(answer, usage, "stop", None, _identifier(answer), 0)


def _identifier(answer: dict[str, Any]) -> str | None:
    identifier = answer.get("id")
    return identifier[:200] if isinstance(identifier, str) else None
