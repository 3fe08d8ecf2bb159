"""Google AI Studio: Gemini's generateContent (ai.google.dev/api/generate-content)."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry, ServedBy
from routing.provider_failures import ProviderFailure
from routing.providers.failures import broken_answer
from routing.providers.gemini_answer import Choice, blocked, logprobs_of
from routing.providers.gemini_embeddings import embedding_request, read_embeddings
from routing.providers.gemini_failures import failure_in_answer, read_failure
from routing.providers.gemini_request import translate, unsaid
from routing.providers.gemini_stream import GeminiStream
from routing.providers.gemini_usage import read_usage
from routing.providers.openai import encode
from routing.providers.wire_format import Answer, ConfigField, Stream, Unsupported, UpstreamRequest

Json = dict[str, Any]  # JSON may be anything


class Gemini:
    """The wire format `gemini`."""

    slug = "gemini"
    config: tuple[ConfigField, ...] = (
        ConfigField("base_url", "Base URL, up to and with /v1beta"),
        ConfigField("credential", "API key", is_secret=True, is_required=False),
    )
    needs_type = False
    """Whether media by address is refused unless its type is known."""

    def unsaid(self, call: Call) -> Collection[str]:
        """What there is no word for; embeddings have parameters of their own."""
        return () if call.dialect == "embeddings" else unsaid(call.body)

    def build_request(self, call: Call, endpoint: EndpointEntry, *, generation_id: str) -> UpstreamRequest:
        """The call in Gemini's words. Raises CannotAsk."""
        address = self.address(endpoint.provider, endpoint.upstream_model)
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if call.is_streamed else "application/json",
            "accept-encoding": "identity",
            "user-agent": "Headgate",
            "x-request-id": generation_id,
            **self.authorization(endpoint.provider.credential),
        }
        verb, fields, dropped = self.content(call, endpoint)
        try:
            body = encode(fields)
        except RecursionError:
            raise Unsupported("messages", "are nested too deeply") from None
        return UpstreamRequest(f"{address}:{verb}", headers, body, dropped=dropped)

    def content(self, call: Call, endpoint: EndpointEntry) -> tuple[str, Json, tuple[str, ...]]:
        """The verb, the body, and the caller's parameters that are not in it. Raises Unsupported."""
        if call.dialect == "embeddings":
            return "batchEmbedContents", *embedding_request(call.body, model_path(endpoint.upstream_model))
        verb = "streamGenerateContent?alt=sse" if call.is_streamed else "generateContent"
        return verb, *translate(call, endpoint, needs_type=self.needs_type)

    def address(self, provider: ServedBy, model: str) -> str:
        """The model's address, without the verb."""
        return f"{provider.base_url.rstrip('/')}/{quote(model_path(model))}"

    def authorization(self, credential: str) -> dict[str, str]:
        """The header that carries the credential. Raises Misconfigured."""
        return {"x-goog-api-key": credential} if credential else {}

    def parse_response(self, body: bytes, *, call: Call) -> Answer | ProviderFailure:
        """The answer as a Chat Completions object, or why it is none."""
        try:
            answer = msgspec.json.decode(body)
            if not isinstance(answer, dict):
                return broken_answer("The provider's answer is not an object")
            if call.dialect == "embeddings" and not answer.get("error"):
                return read_embeddings(answer, call.body)
            return _answer(answer)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return broken_answer("The provider's answer is not JSON")

    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """What an error status means."""
        return read_failure(status, headers, body)

    def open_stream(self, *, generation_id: str, model: str, provider: str) -> Stream:
        """A reader for one streamed answer."""
        return GeminiStream(generation_id, model, provider)


def model_path(model: str) -> str:
    """A model's name as Google has it, from the catalog's."""
    return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"


def _answer(answer: Json) -> Answer | ProviderFailure:
    if answer.get("error"):
        return failure_in_answer(answer["error"])
    given = answer.get("candidates")
    candidates = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    choices = [Choice(number) for number in range(len(candidates))]
    shown = [_choice(choice, one) for choice, one in zip(choices, candidates, strict=True)]
    reason = blocked(answer)
    if not candidates and reason is not None:
        choices, shown = _blocked(*reason)
    if not choices or all(choice.native is None and not choice.has_output for choice in choices):
        return broken_answer("The provider's answer is empty")
    return Answer(
        body={
            "object": "chat.completion",
            "created": int(time.time()),
            "system_fingerprint": None,
            "choices": shown,
        },
        usage=read_usage(answer.get("usageMetadata")),
        finish_reason=choices[0].finish or "stop",
        native_finish_reason=choices[0].native,
        upstream_id=_identifier(answer),
        counted_tokens=sum(choice.counted_tokens for choice in choices),
    )


def _choice(choice: Choice, candidate: Json) -> Json:
    said = choice.take(candidate)
    for call in said.get("tool_calls", ()):  # their numbers are for streams
        del call["index"]
    message = {"role": "assistant", "content": None, "refusal": None, "reasoning": None, **said}
    return _shown(choice, message, logprobs_of(candidate))


def _blocked(native: str, refusal: str | None) -> tuple[list[Choice], list[Json]]:
    """The choice that stands for a prompt that was not answered at all."""
    choice = Choice(0)
    choice.block(native)
    message = {"role": "assistant", "content": None, "refusal": refusal, "reasoning": None}
    return [choice], [_shown(choice, message, None)]


def _shown(choice: Choice, message: Json, logprobs: Json | None) -> Json:
    return {
        "index": choice.index,
        "logprobs": logprobs,
        "finish_reason": choice.finish or "stop",
        "native_finish_reason": choice.native,
        "message": message,
    }


def _identifier(answer: Json) -> str | None:
    identifier = answer.get("responseId")
    return identifier[:200] if isinstance(identifier, str) else None
