"""Anthropic's Messages API (docs.anthropic.com/en/api/messages), spoken by Anthropic and some others."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.provider_failures import ProviderFailure
from routing.providers.anthropic_answer import read_message
from routing.providers.anthropic_failures import failure_of, failure_within
from routing.providers.anthropic_request import translate, unsaid
from routing.providers.anthropic_stream import AnthropicStream
from routing.providers.failures import broken_answer
from routing.providers.openai import encode
from routing.providers.wire_format import Answer, ConfigField, Stream, Unsupported, UpstreamRequest

VERSION = "2023-06-01"
"""The API's version; the next one (2026-10-21) takes no temperature from any model, older ones' included."""


class Anthropic:
    """The wire format `anthropic`."""

    slug = "anthropic"
    config: tuple[ConfigField, ...] = (
        ConfigField("base_url", "Base URL, up to and with /v1"),
        ConfigField("credential", "API key", is_secret=True),
    )

    def unsaid(self, call: Call) -> Collection[str]:
        """What there is no word for."""
        return unsaid(call.body)

    def build_request(self, call: Call, endpoint: EndpointEntry, *, generation_id: str) -> UpstreamRequest:
        """The request; what it cannot say is left out of it and named. Raises Unsupported."""
        provider = endpoint.provider
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if call.is_streamed else "application/json",
            "accept-encoding": "identity",
            "user-agent": "Headgate",
            "x-request-id": generation_id,
            "anthropic-version": VERSION,
        }
        if provider.credential:
            headers["x-api-key"] = provider.credential
        url = provider.base_url.rstrip("/") + "/messages"
        try:
            translation = translate(call, endpoint)
            body = encode(translation.body)
        except RecursionError:
            raise Unsupported("messages", "are nested too deeply") from None
        return UpstreamRequest(url, headers, body, dropped=translation.dropped)

    def parse_response(self, body: bytes, *, call: Call) -> Answer | ProviderFailure:
        """The answer, or why it is none."""
        try:
            message = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return broken_answer("The provider's answer is not JSON")
        if not isinstance(message, dict):
            return broken_answer("The provider's answer is not an object")
        if message.get("type") == "error":
            return failure_within(message.get("error"))
        try:
            return read_message(message)
        except RecursionError:  # just not too deep to be read, but to be written
            return broken_answer("The provider's answer is nested too deeply")

    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """What an error status means."""
        return failure_of(status, headers, body)

    def open_stream(self, *, generation_id: str, model: str, provider: str) -> Stream:
        """A reader for one streamed answer."""
        return AnthropicStream(generation_id, model, provider)
