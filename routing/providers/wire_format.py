"""The shape of a wire format: how a call becomes a request to a provider, and its answer one of ours. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from routing.call import Call
from routing.catalog_snapshot import EndpointEntry
from routing.provider_failures import ProviderFailure

LONGEST_TIER = 50


class ConfigField(NamedTuple):
    """One thing that a provider of this wire format needs to be told."""

    name: str
    label: str
    is_secret: bool = False
    is_required: bool = True


class UpstreamRequest(msgspec.Struct, frozen=True):
    """What to send. Headers carry the credential, hence never shown.

    `dropped` names what of the caller's parameters the provider's format cannot express, or not as it was given.
    """

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    dropped: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"UpstreamRequest({self.method} {self.url})"


class CannotAsk(Exception):
    """No request to this endpoint can be made of the call; carries what that amounts to."""

    def __init__(self, failure: ProviderFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Unsupported(CannotAsk):
    """The provider's format cannot express a part of the request without which it would be another one."""

    def __init__(self, parameter: str, fault: str, *, kind: str = "invalid_request") -> None:
        super().__init__(ProviderFailure(kind, f"'{parameter}' {fault}.", is_retryable=True))
        self.parameter = parameter


class Misconfigured(CannotAsk):
    """The provider's address or credential is none that a request can be made with; repeats nothing of it."""

    def __init__(self, message: str) -> None:
        super().__init__(ProviderFailure("provider_unavailable", message, is_retryable=True))


class Answer(msgspec.Struct, frozen=True):
    """A provider's whole answer as a Chat Completions object (or that of the call's dialect).

    `body` is fresh: the dialect puts id, model, provider and usage into it. `usage` is the provider's, as it
    came; `counted_tokens` is what the answer seems to hold, for when there is no usage.
    """

    body: dict[str, Any]
    usage: Any
    finish_reason: str | None
    native_finish_reason: str | None
    upstream_id: str | None
    counted_tokens: int


class Stream(Protocol):
    """A provider's stream as it is read: bytes in, the caller's Chat Completions events out.

    Everything but the bytes is state to look at after each `feed`.
    """

    has_output: bool
    """Something of the answer was returned: from now on there is no failover."""
    is_done: bool
    """The provider has said that this was all."""
    counted_tokens: int
    """Tokens of the answer so far, counted without the provider's help; never more than it will claim."""
    usage: Any
    """The provider's usage, the last one if it came more than once; None until then."""
    finish_reason: str | None
    native_finish_reason: str | None
    upstream_id: str | None
    service_tier: str | None
    """On which tier the provider says that it runs the request, the last one if it said so more than once."""
    failure: ProviderFailure | None
    """What the stream broke on; nothing after it is read."""

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, wherever it was cut, and return the complete events in it, rewritten.

        The usage chunk and `[DONE]` are held back: the caller of this sends its own.
        """

    def end(self) -> bytes:
        """The connection is at its end: return what is left, and set `failure` if it ended too early."""

    def final_chunk(self, usage: Mapping[str, Any]) -> bytes:
        """The caller's last event before `[DONE]`, with usage and cost."""


def tier_of(answer: Mapping[str, Any]) -> str | None:
    """The service tier that an answer or a chunk of one names, in OpenAI's words."""
    tier = answer.get("service_tier")
    return tier[:LONGEST_TIER] if isinstance(tier, str) and tier else None


class WireFormat(Protocol):
    """One wire format; stateless."""

    slug: str
    config: tuple[ConfigField, ...]

    def unsaid(self, call: Call) -> Collection[str]:
        """The call's parameters that no request in this format says, whatever the model; more may turn out to be."""

    def build_request(self, call: Call, endpoint: EndpointEntry, *, generation_id: str) -> UpstreamRequest:
        """The request to the endpoint's provider. Raises CannotAsk."""

    def parse_response(self, body: bytes, *, call: Call) -> Answer | ProviderFailure:
        """The answer of status 200 that was not streamed, or why it is none."""

    def read_failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
        """What an error status means; header names are lower-case."""

    def open_stream(self, *, generation_id: str, model: str, provider: str) -> Stream:
        """A reader for one streamed answer that shows these to the caller."""
